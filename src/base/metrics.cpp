#include "base/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <unordered_map>

#include "base/guarded.hpp"
#include "base/result.hpp"

namespace facet::metrics {
namespace {

/// In seconds; the default buckets of the Prometheus client libraries
/// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#histogram).
const std::vector<double> kDefaultBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                            0.5,   1,    2.5,   5,    10};

class CounterSeries final : public Counter {
public:
    explicit CounterSeries(prometheus::Counter& series) : series_(series) {}
    void Add(double amount) override { series_.Increment(amount); }

private:
    prometheus::Counter& series_;
};

class GaugeSeries final : public Gauge {
public:
    explicit GaugeSeries(prometheus::Gauge& series) : series_(series) {}
    void Set(double value) override { series_.Set(value); }
    void Add(double amount) override { series_.Increment(amount); }

private:
    prometheus::Gauge& series_;
};

class HistogramSeries final : public Histogram {
public:
    explicit HistogramSeries(prometheus::Histogram& series) : series_(series) {}
    void Observe(double value) override { series_.Observe(value); }

private:
    prometheus::Histogram& series_;
};

template <class Facade, class Series>
using Facades = std::unordered_map<Series*, std::unique_ptr<Facade>>;

}  // namespace

struct Registry::State {
    struct Series {
        Facades<CounterSeries, prometheus::Counter> counters;
        Facades<GaugeSeries, prometheus::Gauge> gauges;
        Facades<HistogramSeries, prometheus::Histogram> histograms;
    };
    prometheus::Registry registry;
    Guarded<Series> series;

    /// The facade of the series of these labels. A name that is malformed, or in use for another
    /// kind of metric, is a defect of the caller.
    template <class Facade, class Series, class Builder, class... Args>
    Facade& Add(Facades<Facade, Series>& facades, Builder builder, std::string_view name,
                std::string_view help, const Labels& labels, const Args&... args) {
        bool accepted = false;
        Series* series_of_labels = nullptr;
        try {
            auto& family =
                builder.Name(std::string(name)).Help(std::string(help)).Register(registry);
            series_of_labels = &family.Add(labels, args...);
            accepted = true;
        } catch (const std::exception&) {
            accepted = false;
        }
        FACET_CHECK(accepted && "metric name or label");
        auto& facade = facades[series_of_labels];
        if (!facade) facade = std::make_unique<Facade>(*series_of_labels);
        return *facade;
    }
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Counter& Registry::AddCounter(std::string_view name, std::string_view help, const Labels& labels) {
    auto series = state_->series.Lock();
    return state_->Add(series->counters, prometheus::BuildCounter(), name, help, labels);
}

Gauge& Registry::AddGauge(std::string_view name, std::string_view help, const Labels& labels) {
    auto series = state_->series.Lock();
    return state_->Add(series->gauges, prometheus::BuildGauge(), name, help, labels);
}

Histogram& Registry::AddHistogram(std::string_view name, std::string_view help,
                                  const Labels& labels, const std::vector<double>& bounds) {
    auto series = state_->series.Lock();
    return state_->Add(series->histograms, prometheus::BuildHistogram(), name, help, labels,
                       bounds.empty() ? kDefaultBounds : bounds);
}

std::string Registry::Serialize() const {
    return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace facet::metrics
