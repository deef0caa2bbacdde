// Exact search against a plain AVX2 fp32 scan: time, agreement of the answers, memory.
//
//   search_bench [--million] [--queries N] [--json FILE]
//
// The two run in turn on the same queries in one process and on one thread, and times are CPU
// times of that thread, so that whatever else the machine does meets both alike. What counts is the
// median of the ratios.

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "index/face_index.hpp"
#include "made_up_faces.hpp"
#include "plain_scan.hpp"

namespace facet::bench {
namespace {

constexpr std::size_t kNeighbours = 10;

struct Options {
    bool million = false;
    std::size_t queries = 1000;
    std::string json;
};

struct Row {
    std::string data;
    std::size_t faces = 0;
    std::size_t queries = 0;
    double exact_ms = 0;  // medians
    double plain_ms = 0;
    double ratio = 0;
    double identical = 0;  // share of queries with the same top 10
    double bytes_per_face = 0;
    double resident_bytes_per_face = 0;
};

double Median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

/// Time of this thread on a CPU: what else runs on the machine must not count.
double CpuMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

double MillisecondsOf(const std::function<void()>& work) {
    const double start = CpuMilliseconds();
    work();
    return CpuMilliseconds() - start;
}

std::size_t ResidentBytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    statm >> total >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

bool Same(const std::vector<index::Neighbour>& exact, const std::vector<Hit>& plain) {
    return std::ranges::equal(
        exact, plain, {}, [](const index::Neighbour& n) { return n.face.value(); }, &Hit::id);
}

template <class Data>
Row Measure(const char* name, std::size_t faces, std::size_t queries) {
    Generator random(faces);
    const Data data(faces, random);
    std::vector<float> rows(faces * kDimension);
    const auto row = [&](std::size_t i) {
        return std::span(rows).subspan(i * kDimension, kDimension);
    };
    for (std::size_t i = 0; i < faces; ++i) {
        data.Face(row(i), i == 0 ? std::span<const float>() : row(i - 1), random);
    }
    malloc_trim(0);  // what the allocator holds free must count neither before nor after
    const std::size_t resident_before = ResidentBytes();
    const auto index = index::MakeExactIndex();
    for (std::size_t i = 0; i < faces; ++i) {
        if (!index->Add(FaceId(static_cast<std::int64_t>(i + 1)), row(i))) std::abort();
    }
    malloc_trim(0);
    const auto per_face = [&](std::size_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(faces);
    };
    Row result{.data = name, .faces = faces, .queries = queries};
    result.resident_bytes_per_face = per_face(ResidentBytes() - resident_before);
    result.bytes_per_face = per_face(index->memory_bytes());

    std::vector<double> exact_ms;
    std::vector<double> plain_ms;
    std::vector<double> ratios;
    std::size_t identical = 0;
    std::vector<float> query(kDimension);
    for (std::size_t q = 0; q < queries; ++q) {
        data.Query(query, random);
        std::vector<index::Neighbour> exact;
        std::vector<Hit> plain;
        const auto run_exact = [&] {
            exact = index->Search({.vector = query, .k = kNeighbours}).value();
        };
        const auto run_plain = [&] { plain = PlainScan(rows, query, kNeighbours); };
        // Either goes first every other time: it may find the other's data in the cache.
        if (q % 2 == 0) exact_ms.push_back(MillisecondsOf(run_exact));
        plain_ms.push_back(MillisecondsOf(run_plain));
        if (q % 2 != 0) exact_ms.push_back(MillisecondsOf(run_exact));
        ratios.push_back(exact_ms.back() / plain_ms.back());
        identical += Same(exact, plain) ? 1 : 0;
    }
    result.exact_ms = Median(exact_ms);
    result.plain_ms = Median(plain_ms);
    result.ratio = Median(ratios);
    result.identical = static_cast<double>(identical) / static_cast<double>(queries);
    return result;
}

void Print(const Row& row) {
    std::printf("%-8s %8zu %8zu %10.3f %10.3f %7.3f %9.2f%% %8.1f %8.1f\n", row.data.c_str(),
                row.faces, row.queries, row.exact_ms, row.plain_ms, row.ratio, 100 * row.identical,
                row.bytes_per_face, row.resident_bytes_per_face);
    std::fflush(stdout);
}

void WriteJson(const std::string& path, const std::vector<Row>& rows) {
    std::ofstream out(path);
    out << "{\"bench\": \"search\", \"target\": \"" << index::SimdTarget() << "\", \"rows\": [";
    for (const Row& row : rows) {
        out << (&row == rows.data() ? "" : ",") << "\n  {\"data\": \"" << row.data
            << "\", \"faces\": " << row.faces << ", \"queries\": " << row.queries
            << ", \"exact_ms\": " << row.exact_ms << ", \"plain_avx2_ms\": " << row.plain_ms
            << ", \"ratio\": " << row.ratio << ", \"identical_top10\": " << row.identical
            << ", \"bytes_per_face\": " << row.bytes_per_face
            << ", \"resident_bytes_per_face\": " << row.resident_bytes_per_face << "}";
    }
    out << "\n]}\n";
}

bool ParseOptions(int count, char** arguments, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--million") {
            options.million = true;
        } else if (argument == "--queries" && i + 1 < count) {
            options.queries = std::strtoul(arguments[++i], nullptr, 10);
        } else if (argument == "--json" && i + 1 < count) {
            options.json = arguments[++i];
        } else {
            return false;
        }
    }
    return options.queries > 0;
}

int Main(int count, char** arguments) {
    Options options;
    if (!ParseOptions(count, arguments, options)) {
        std::fprintf(stderr, "usage: search_bench [--million] [--queries N] [--json FILE]\n");
        return 2;
    }
    if (!HasPlainScan()) {
        std::printf("skipped: the scan to compare with needs a CPU and a compiler with AVX2\n");
        return 0;
    }
    std::printf("exact search in %s against a plain AVX2 fp32 scan, top %zu, one thread\n",
                std::string(index::SimdTarget()).c_str(), kNeighbours);
    std::printf("%-8s %8s %8s %10s %10s %7s %10s %8s %8s\n", "data", "faces", "queries", "exact ms",
                "plain ms", "ratio", "identical", "B/face", "RSS/face");
    std::vector<std::size_t> sizes = {10'000, 100'000};
    if (options.million) sizes.push_back(1'000'000);
    std::vector<Row> rows;
    for (const std::size_t faces : sizes) {
        rows.push_back(Measure<People>("people", faces, options.queries));
        Print(rows.back());
        rows.push_back(Measure<Uniform>("uniform", faces, options.queries));
        Print(rows.back());
    }
    if (!options.json.empty()) WriteJson(options.json, rows);
    return 0;
}

}  // namespace
}  // namespace facet::bench

int main(int count, char** arguments) { return facet::bench::Main(count, arguments); }
