#include <algorithm>
#include <format>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "face/verification.hpp"
#include "infer/pack.hpp"

namespace facet::app {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct Labelled {
    std::string image;
    std::string identity;
};

/// Rows of a comma-separated file without quoting, its first line left out.
Result<std::vector<std::vector<std::string>>> ReadTable(const fs::path& path, std::size_t columns) {
    std::ifstream in(path);
    if (!in) return Fail(Code::kNotFound, "there is no table " + path.string());
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::vector<std::string> row;
        std::istringstream cells(line);
        for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
        if (row.size() != columns) {
            return Fail(Code::kCorrupt, path.string() + ": a line has not " +
                                            std::to_string(columns) + " columns: " + line);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

struct Scores {
    std::vector<float> genuine;
    std::vector<float> impostor;
    std::size_t pictures = 0;
    std::size_t without_face = 0;
};

using Embeddings = std::map<std::string, face::Embedding>;

/// The largest face of every picture.
Result<Embeddings> EmbedAll(const face::Analyzer& analyzer, const Settings& settings,
                            const fs::path& data, const std::vector<Labelled>& labelled,
                            std::size_t& without_face) {
    constexpr std::chrono::seconds kDeadline{60};
    Progress progress("pictures");
    Embeddings embeddings;
    std::size_t done = 0;
    for (const Labelled& one : labelled) {
        FACET_TRY(decoded, media::Decode(media::Source::File(data / one.image),
                                         static_cast<int>(settings.media.analysis_max_side), {},
                                         Deadline::After(kDeadline)));
        FACET_TRY(faces, analyzer.Analyze(decoded.image, {}, Deadline::After(kDeadline)));
        if (faces.empty())
            ++without_face;
        else
            embeddings.emplace(one.image, faces.front().embedding);
        progress.Update(++done, labelled.size());
    }
    return embeddings;
}

/// All pairs of pictures of one set, by identity.
Scores ScoreAllPairs(const std::vector<Labelled>& labelled, const Embeddings& embeddings) {
    Scores scores;
    for (std::size_t i = 0; i < labelled.size(); ++i) {
        const auto a = embeddings.find(labelled[i].image);
        if (a == embeddings.end()) continue;
        ++scores.pictures;
        for (std::size_t j = i + 1; j < labelled.size(); ++j) {
            const auto b = embeddings.find(labelled[j].image);
            if (b == embeddings.end()) continue;
            const bool same = labelled[i].identity == labelled[j].identity;
            (same ? scores.genuine : scores.impostor).push_back(a->second.Cosine(b->second));
        }
    }
    return scores;
}

/// The pairs that <set>/pairs.csv names (image_a, image_b, same, list).
Scores ScoreListedPairs(const std::string& set, const std::vector<std::vector<std::string>>& pairs,
                        const Embeddings& embeddings) {
    Scores scores;
    for (const auto& pair : pairs) {
        const auto a = embeddings.find(set + "/" + pair[0]);
        const auto b = embeddings.find(set + "/" + pair[1]);
        if (a == embeddings.end() || b == embeddings.end()) continue;
        (pair[2] == "1" ? scores.genuine : scores.impostor).push_back(a->second.Cosine(b->second));
    }
    scores.pictures = embeddings.size();
    return scores;
}

/// The share of the scores at or above the threshold.
double ShareAccepted(const std::vector<float>& scores, float threshold) {
    const auto accepted =
        std::ranges::count_if(scores, [=](float score) { return score >= threshold; });
    return static_cast<double>(accepted) / static_cast<double>(scores.size());
}

Result<void> Report(const infer::PackManifest& manifest, const std::string& set,
                    const Scores& scores, std::size_t without_face, const Output& output) {
    const std::string& pack = manifest.name;
    FACET_TRY(report, face::EvaluateVerification(scores.genuine, scores.impostor));
    const double missed = 1.0 - ShareAccepted(scores.genuine, manifest.match_threshold);
    const double mistaken = ShareAccepted(scores.impostor, manifest.match_threshold);
    if (output.json) {
        Output::Json({{"pack", pack},
                      {"set", set},
                      {"pictures", scores.pictures},
                      {"without_face", without_face},
                      {"genuine_pairs", scores.genuine.size()},
                      {"impostor_pairs", scores.impostor.size()},
                      {"tar_at_far_1e-2", report.tar_at_far_1e2},
                      {"tar_at_far_1e-3", report.tar_at_far_1e3},
                      {"threshold_at_far_1e-3", report.threshold_at_far_1e3},
                      {"best_accuracy", report.best_accuracy},
                      {"best_threshold", report.best_threshold},
                      {"equal_error_rate", report.equal_error_rate},
                      {"match_threshold", manifest.match_threshold},
                      {"missed_at_match", missed},
                      {"mistaken_at_match", mistaken}});
    } else {
        std::cout << std::format(
            "{:12} {:14} {:5} pictures {:6}+{:6} pairs  TAR@FAR1e-2 {:.4f}  TAR@FAR1e-3 {:.4f}  "
            "accuracy {:.4f} at {:.3f}  EER {:.4f}  at {:.2f}: {:.2f} % missed, {:.3f} % mistaken  "
            "no face in {}\n",
            pack, set, scores.pictures, scores.genuine.size(), scores.impostor.size(),
            report.tar_at_far_1e2, report.tar_at_far_1e3, report.best_accuracy,
            report.best_threshold, report.equal_error_rate, manifest.match_threshold, 100 * missed,
            100 * mistaken, without_face);
    }
    return {};
}

Result<void> EvaluatePack(const face::Analyzer& analyzer, const Settings& settings,
                          const EvaluateArguments& arguments, const Output& output) {
    FACET_TRY(rows, ReadTable(arguments.data / "identities.csv", 3));
    for (const std::string& set : arguments.sets) {
        std::vector<Labelled> labelled;
        for (const auto& row : rows) {
            if (row[2] == set) labelled.push_back({row[0], row[1]});
        }
        if (labelled.empty()) return Fail(Code::kNotFound, "no pictures in the set " + set);
        std::size_t without_face = 0;
        FACET_TRY(embeddings, EmbedAll(analyzer, settings, arguments.data, labelled, without_face));
        FACET_TRY_VOID(Report(analyzer.manifest(), set + " (all)",
                              ScoreAllPairs(labelled, embeddings), without_face, output));
        const fs::path listed = arguments.data / set / "pairs.csv";
        if (!fs::exists(listed)) continue;
        FACET_TRY(pairs, ReadTable(listed, 4));
        FACET_TRY_VOID(Report(analyzer.manifest(), set + " (listed)",
                              ScoreListedPairs(set, pairs, embeddings), without_face, output));
    }
    return {};
}

}  // namespace

int Evaluate(const Settings& settings, const EvaluateArguments& arguments, const Output& output) {
    const media::ImageLibrary images;
    auto runtime = LoadRuntime(settings);
    if (!runtime) return output.Fail(runtime.error());
    std::vector<std::unique_ptr<face::Analyzer>> analyzers;
    if (arguments.packs.empty()) {
        auto active = OpenAnalyzer(settings, **runtime);
        if (!active) return output.Fail(active.error());
        analyzers.push_back(std::move(*active));
    }
    for (const fs::path folder : arguments.packs) {
        auto manifest = infer::LoadManifest(folder / "pack.toml");
        if (!manifest) return output.Fail(manifest.error());
        auto analyzer = face::Analyzer::Open(
            **runtime, folder, *manifest,
            {.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))});
        if (!analyzer) return output.Fail(analyzer.error());
        analyzers.push_back(std::move(*analyzer));
    }
    for (const auto& analyzer : analyzers) {
        if (auto done = EvaluatePack(*analyzer, settings, arguments, output); !done) {
            return output.Fail(done.error());
        }
    }
    return kOk;
}

}  // namespace facet::app
