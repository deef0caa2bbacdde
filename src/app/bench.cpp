#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <format>
#include <iostream>
#include <numeric>
#include <random>
#include <unordered_set>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "store/vector_search.hpp"

/// `facet bench`: how fast the engines of this library find, and how much the approximate one
/// misses.
namespace facet::app {
namespace {

namespace json = boost::json;

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;
using Vector = std::vector<float>;

constexpr std::chrono::seconds kDeadline{60};
/// Noise of this length on a stored vector gives a cosine near 0.7: another picture of the person.
constexpr float kNoise = 1.0F;

/// Vectors of `count` faces, each face as likely as any other (reservoir sampling: Vitter, Random
/// sampling with a reservoir, algorithm R).
class Sample {
public:
    explicit Sample(std::size_t count) : count_(count) {}

    void Offer(std::span<const float> vector) {
        if (vectors_.size() < count_) {
            vectors_.emplace_back(vector.begin(), vector.end());
        } else if (const auto place = random_() % (seen_ + 1); place < count_) {
            vectors_[place].assign(vector.begin(), vector.end());
        }
        ++seen_;
    }

    /// As if each were another picture of the same person.
    std::vector<Vector> Queries() {
        std::normal_distribution<float> normal(
            0, kNoise / std::sqrt(static_cast<float>(index::kDimension)));
        std::vector<Vector> queries = vectors_;
        for (Vector& query : queries) {
            for (float& x : query) x += normal(random_);
            const float length =
                std::sqrt(std::inner_product(query.begin(), query.end(), query.begin(), 0.0F));
            for (float& x : query) x /= length;
        }
        return queries;
    }

private:
    std::size_t count_;
    std::size_t seen_ = 0;
    std::vector<Vector> vectors_;
    std::mt19937_64 random_{1};
};

/// One engine over all queries.
struct Run {
    std::vector<std::vector<FaceId>> answers;
    std::vector<double> milliseconds;

    template <class Search>  // Vector -> Result<vector of Neighbour or Match>
    static Result<Run> Of(const std::vector<Vector>& queries, Search&& search) {
        Run run;
        for (const Vector& query : queries) {
            const auto began = Clock::now();
            FACET_TRY(found, search(query));
            run.milliseconds.push_back(Milliseconds(Clock::now() - began).count());
            auto& answer = run.answers.emplace_back();
            for (const auto& one : found) answer.push_back(one.face);
        }
        std::ranges::sort(run.milliseconds);
        return run;
    }

    double Percentile(std::size_t percent) const {
        return milliseconds[std::min(milliseconds.size() - 1, milliseconds.size() * percent / 100)];
    }

    /// The share of `truth` that is in the answers.
    double RecallOf(const Run& truth) const {
        std::size_t found = 0;
        std::size_t all = 0;
        for (std::size_t i = 0; i < answers.size(); ++i) {
            const std::unordered_set<FaceId> mine(answers[i].begin(), answers[i].end());
            for (const FaceId face : truth.answers[i]) found += mine.contains(face) ? 1 : 0;
            all += truth.answers[i].size();
        }
        return all == 0 ? 1 : static_cast<double>(found) / static_cast<double>(all);
    }

    json::object ToJson(const Run& truth) const {
        return {
            {"p50_ms", Percentile(50)}, {"p99_ms", Percentile(99)}, {"recall", RecallOf(truth)}};
    }
};

double PerSecond(std::size_t count, Clock::duration time) {
    return static_cast<double>(count) / std::max(1e-9, std::chrono::duration<double>(time).count());
}

Result<json::object> Measure(Instance& instance, const BenchArguments& arguments) {
    Sample sample(arguments.queries);
    index::FaceIndex& index = instance.index();
    auto began = Clock::now();
    FACET_TRY_VOID(instance.store().ReadAllEmbeddings(
        [&](std::span<const FaceId> faces, std::span<const float> vectors) {
            for (std::size_t i = 0; i < faces.size(); ++i) {
                sample.Offer(vectors.subspan(i * index::kDimension, index::kDimension));
            }
            return index.AddMany(faces, vectors);
        }));
    const std::size_t faces = index.size();
    if (faces == 0) return Fail(Code::kNotFound, "there is no face in the library");
    const double load = PerSecond(faces, Clock::now() - began);

    const auto followed = index::MakeExactIndex();
    pipeline::IndexFollower follower(instance.store(), *followed, [] {});
    began = Clock::now();
    FACET_TRY_VOID(follower.CatchUp());
    json::object report{{"faces", faces},
                        {"queries", arguments.queries},
                        {"k", arguments.k},
                        {"simd", index::SimdTarget()},
                        {"load_faces_per_second", load},
                        {"catch_up_faces_per_second", PerSecond(faces, Clock::now() - began)}};

    const std::vector<Vector> queries = sample.Queries();
    FACET_TRY(exact, Run::Of(queries, [&](const Vector& query) {
                  return index.Search(
                      {.vector = query, .k = arguments.k, .min_cosine = -1, .accept = {}});
              }));
    report["exact"] = exact.ToJson(exact);
    if (instance.vector_search() == nullptr) return report;
    FACET_TRY_VOID(instance.BuildVectorIndex());
    FACET_TRY(approximate, Run::Of(queries, [&](const Vector& query) {
                  return instance.vector_search()->Nearest(query, arguments.k, -1, {},
                                                           Deadline::After(kDeadline));
              }));
    report[instance.vector_search()->engine()] = approximate.ToJson(exact);
    return report;
}

void Print(const json::object& report) {
    const auto number = [](const json::value& value) { return value.to_number<double>(); };
    std::cout << std::format("{:.0f} faces, {:.0f} queries, the nearest {:.0f}\n",
                             number(report.at("faces")), number(report.at("queries")),
                             number(report.at("k")))
              << std::format(
                     "read into the index: {:.0f} faces/s; by the change log: {:.0f} faces/s\n",
                     number(report.at("load_faces_per_second")),
                     number(report.at("catch_up_faces_per_second")));
    for (const char* engine : {"exact", "pgvector"}) {
        if (const json::value* one = report.if_contains(engine)) {
            std::cout << std::format("{:10} p50 {:8.2f} ms  p99 {:8.2f} ms  recall {:.4f}\n",
                                     engine, number(one->at("p50_ms")), number(one->at("p99_ms")),
                                     number(one->at("recall")));
        }
    }
}

}  // namespace

int Bench(const Settings& settings, const BenchArguments& arguments, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    auto report = Measure(**opened, arguments);
    if (!report) return output.Fail(report.error());
    if (output.json) {
        Output::Json(*report);
    } else {
        Print(*report);
    }
    return kOk;
}

}  // namespace facet::app
