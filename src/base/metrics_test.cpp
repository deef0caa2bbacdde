#include "base/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace facet::metrics {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, SerializesEveryKindInTheTextFormat) {
    Registry registry;
    registry.AddCounter("facet_files_total", "Files seen.", {{"kind", "image"}}).Add(3);
    Gauge& gauge = registry.AddGauge("facet_queue_depth", "Waiting.");
    gauge.Set(5);
    gauge.Add(-1);
    registry.AddHistogram("facet_step_seconds", "Time.", {}, {0.5, 2}).Observe(1.5);

    const std::string text = registry.Serialize();
    EXPECT_THAT(text, HasSubstr("# HELP facet_files_total Files seen.\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE facet_files_total counter\n"));
    EXPECT_THAT(text, HasSubstr("facet_files_total{kind=\"image\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("facet_queue_depth 4\n"));
    EXPECT_THAT(text, HasSubstr("facet_step_seconds_bucket{le=\"0.5\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("facet_step_seconds_bucket{le=\"2\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("facet_step_seconds_bucket{le=\"+Inf\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("facet_step_seconds_sum 1.5\n"));
}

TEST(Metrics, SameNameAndLabelsAreTheSameSeries) {
    Registry registry;
    Counter& first = registry.AddCounter("c_total", "C.", {{"a", "1"}});
    EXPECT_EQ(&registry.AddCounter("c_total", "C.", {{"a", "1"}}), &first);
    EXPECT_NE(&registry.AddCounter("c_total", "C.", {{"a", "2"}}), &first);
    EXPECT_EQ(&registry.AddHistogram("h", "H."), &registry.AddHistogram("h", "H."));
}

TEST(Metrics, EscapesLabelValues) {
    Registry registry;
    registry.AddCounter("c_total", "C.", {{"a", "x\"y\\z\n"}}).Add();
    EXPECT_THAT(registry.Serialize(), HasSubstr(R"(c_total{a="x\"y\\z\n"} 1)"));
}

TEST(Metrics, CountsFromSeveralThreads) {
    Registry registry;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                Counter& counter = registry.AddCounter("c_total", "C.");
                for (int i = 0; i < 1000; ++i) counter.Add();
            });
        }
    }
    EXPECT_THAT(registry.Serialize(), HasSubstr("c_total 4000\n"));
}

TEST(MetricsDeathTest, ANameInUseForAnotherKindIsADefect) {
    Registry registry;
    registry.AddCounter("c_total", "C.");
    EXPECT_DEATH(registry.AddGauge("c_total", "C."), "metric name or label");
    EXPECT_DEATH(registry.AddCounter("not a name", "C."), "metric name or label");
}

}  // namespace
}  // namespace facet::metrics
