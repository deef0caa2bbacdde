#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Prometheus metrics behind a small facade. Look series up once, in a constructor. Label values
/// come from closed sets (a route template, never a path). Thread safety: everything, any thread.
namespace facet::metrics {

using Labels = std::map<std::string, std::string>;

class Counter {
public:
    virtual ~Counter() = default;
    virtual void Add(double amount = 1.0) = 0;
};

class Gauge {
public:
    virtual ~Gauge() = default;
    virtual void Set(double value) = 0;
    virtual void Add(double amount) = 0;
};

class Histogram {
public:
    virtual ~Histogram() = default;
    virtual void Observe(double value) = 0;
};

/// Owns all series of one process. References it hands out live as long as it does. Asking again
/// for the same name and labels gives the same series.
class Registry {
public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    Counter& AddCounter(std::string_view name, std::string_view help, const Labels& labels = {});
    Gauge& AddGauge(std::string_view name, std::string_view help, const Labels& labels = {});
    /// `bounds`: upper bucket limits, ascending, without +Inf; empty means 5 ms to 10 s.
    Histogram& AddHistogram(std::string_view name, std::string_view help, const Labels& labels = {},
                            const std::vector<double>& bounds = {});

    /// The text exposition format, version 0.0.4.
    std::string Serialize() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace facet::metrics
