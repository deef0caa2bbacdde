#include "infer/pack.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <fstream>
#include <sstream>
#include <toml++/toml.hpp>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;

/// Of face/align: the five-point least-squares similarity to the 112x112 template, bilinear.
constexpr std::string_view kAlignmentVersion = "similarity-5pt-112-v1";
constexpr std::string_view kManifestName = "pack.toml";
constexpr std::string_view kActiveName = "active";

template <class E, std::size_t kCount>
using Names = std::array<std::pair<E, std::string_view>, kCount>;

constexpr Names<Role, 4> kRoles = {{{Role::kDetector, "detector"},
                                    {Role::kLandmarks, "landmarks"},
                                    {Role::kEmbedder, "embedder"},
                                    {Role::kGenderAge, "genderage"}}};
constexpr Names<Kind, 6> kKinds = {{{Kind::kScrfd, "scrfd"},
                                    {Kind::kYunet, "yunet"},
                                    {Kind::kUltraLight, "ultralight"},
                                    {Kind::kPfld68, "pfld68"},
                                    {Kind::kArcface, "arcface"},
                                    {Kind::kGenderAge, "genderage"}}};
constexpr Names<LicenceClass, 2> kLicences = {
    {{LicenceClass::kPermissive, "permissive"}, {LicenceClass::kResearchOnly, "research-only"}}};
constexpr Names<PackSource::How, 3> kSources = {{{PackSource::How::kUrl, "url"},
                                                 {PackSource::How::kNpm, "npm"},
                                                 {PackSource::How::kLocal, "local"}}};

template <class E, std::size_t kCount>
std::string_view NameOf(const Names<E, kCount>& names, E value) {
    return std::ranges::find(names, value, &std::pair<E, std::string_view>::first)->second;
}

/// Reads values of one table and remembers the first thing that is wrong.
class Reader {
public:
    Reader(const toml::table& table, std::string place) : table_(table), place_(std::move(place)) {}

    template <class T>
    T Get(std::string_view key) {
        const auto value = table_[key].value<T>();
        if (!value) Complain(key, "is missing or of the wrong type");
        return value.value_or(T{});
    }
    template <class T>
    T Get(std::string_view key, T absent) {
        return table_.contains(key) ? Get<T>(key) : std::move(absent);
    }
    template <class E, std::size_t kCount>
    E Choice(std::string_view key, const Names<E, kCount>& names) {
        const auto text = Get<std::string>(key);
        const auto at = std::ranges::find(names, text, &std::pair<E, std::string_view>::second);
        if (at != names.end()) return at->first;
        Complain(key, "has an unknown value \"" + text + "\"");
        return names.front().first;
    }
    void Complain(std::string_view key, std::string_view what) {
        if (error_.empty()) error_ = std::format("{}: {} {}", place_, key, what);
    }
    const std::string& error() const noexcept { return error_; }

private:
    const toml::table& table_;
    const std::string place_;
    std::string error_;
};

bool IsPlainName(std::string_view name) {
    using std::string_view_literals::operator""sv;
    return !name.empty() && name.front() != '.' &&
           name.find_first_of("/\0"sv) == std::string_view::npos;
}

bool IsSha256(std::string_view text) {
    return text.size() == 64 &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<ModelFile> ReadModel(const toml::table& table, const std::string& place) {
    Reader reader(table, place);
    ModelFile model;
    model.role = reader.Choice("role", kRoles);
    model.kind = reader.Choice("kind", kKinds);
    model.file = reader.Get<std::string>("file");
    model.sha256 = reader.Get<std::string>("sha256");
    model.bytes = static_cast<std::uint64_t>(reader.Get<std::int64_t>("bytes"));
    if (const auto* shape = table["input"].as_array()) {
        for (const auto& side : *shape) model.input.push_back(side.value_or<std::int64_t>(-1));
    }
    model.mean = reader.Get<float>("mean", 0.0F);
    model.scale = reader.Get<float>("scale", 1.0F);
    model.bgr = reader.Get<bool>("bgr", false);
    model.embedding_dimension = static_cast<int>(reader.Get<std::int64_t>("dimension", 0));
    model.score_threshold = reader.Get<float>("score_threshold", 0.5F);
    model.nms_iou = reader.Get<float>("nms_iou", 0.4F);
    if (!IsPlainName(model.file)) reader.Complain("file", "must be a plain file name");
    if (!IsSha256(model.sha256)) reader.Complain("sha256", "must be 64 lower-case hex digits");
    if (model.input.size() != 4 || std::ranges::any_of(model.input, [](auto n) { return n < 0; })) {
        reader.Complain("input", "must be four numbers, NCHW, 0 for a free one");
    }
    if (model.scale == 0) reader.Complain("scale", "must not be 0");
    if (model.role == Role::kEmbedder && model.embedding_dimension <= 0) {
        reader.Complain("dimension", "is missing");
    }
    if (!reader.error().empty()) return Fail(Code::kCorrupt, reader.error());
    return model;
}

}  // namespace

const ModelFile* PackManifest::Find(Role role) const noexcept {
    const auto at = std::ranges::find(models, role, &ModelFile::role);
    return at == models.end() ? nullptr : &*at;
}

std::string PackManifest::EmbeddingContract() const {
    std::string text = std::format("facet-embedding-contract-1\n{}\n", kAlignmentVersion);
    for (const Role role : {Role::kDetector, Role::kLandmarks, Role::kEmbedder}) {
        const ModelFile* const model = Find(role);
        if (model == nullptr) continue;
        text += std::format("{} {} {}\n", NameOf(kRoles, role), NameOf(kKinds, model->kind),
                            model->sha256);
        if (role == Role::kEmbedder) {
            text += std::format("{} {} {} {} l2\n", model->embedding_dimension,
                                model->bgr ? "bgr" : "rgb", model->mean, model->scale);
        }
    }
    return Sha256Hex(text).substr(0, 32);
}

Result<PackManifest> LoadManifest(const fs::path& path) {
    constexpr std::size_t kMostBytes = 256 * 1024;
    FACET_TRY(bytes, ReadFile(path, kMostBytes));
    toml::table table;
    try {
        table = toml::parse(
            std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    } catch (const toml::parse_error& error) {
        return Fail(Code::kCorrupt, std::format("{}:{}: {}", path.string(),
                                                error.source().begin.line, error.description()));
    }
    Reader reader(table, path.string());
    PackManifest pack;
    pack.name = reader.Get<std::string>("name");
    pack.description = reader.Get<std::string>("description", "");
    pack.licence = reader.Choice("licence", kLicences);
    pack.licence_text = reader.Get<std::string>("licence_text");
    pack.accuracy = reader.Get<std::string>("accuracy", "");
    pack.match_threshold = reader.Get<float>("match_threshold");
    pack.likely_threshold = reader.Get<float>("likely_threshold");
    if (!IsPlainName(pack.name)) reader.Complain("name", "must be a plain name");
    if (!reader.error().empty()) return Fail(Code::kCorrupt, reader.error());

    if (const auto* source = table["source"].as_table()) {
        Reader from(*source, path.string() + " [source]");
        pack.source.how = from.Choice("how", kSources);
        pack.source.location = from.Get<std::string>("location", "");
        pack.source.integrity = from.Get<std::string>("integrity", "");
        pack.source.bytes = static_cast<std::uint64_t>(from.Get<std::int64_t>("bytes", 0));
        pack.source.folder = from.Get<std::string>("folder", "");
        if (!from.error().empty()) return Fail(Code::kCorrupt, from.error());
    }
    if (const auto* models = table["models"].as_array()) {
        for (const auto& node : *models) {
            if (!node.is_table()) continue;
            FACET_TRY(model,
                      ReadModel(*node.as_table(), std::format("{}:{} [[models]]", path.string(),
                                                              node.source().begin.line)));
            pack.models.push_back(std::move(model));
        }
    }
    if (pack.Find(Role::kDetector) == nullptr || pack.Find(Role::kEmbedder) == nullptr) {
        return Fail(Code::kCorrupt, path.string() + ": a pack needs a detector and an embedder");
    }
    return pack;
}

Result<void> SaveManifest(const PackManifest& pack, const fs::path& path) {
    toml::array models;
    for (const ModelFile& model : pack.models) {
        toml::array input;
        for (const auto side : model.input) input.push_back(side);
        toml::table entry{{"role", NameOf(kRoles, model.role)},
                          {"kind", NameOf(kKinds, model.kind)},
                          {"file", model.file},
                          {"sha256", model.sha256},
                          {"bytes", static_cast<std::int64_t>(model.bytes)},
                          {"input", std::move(input)},
                          {"mean", model.mean},
                          {"scale", model.scale},
                          {"bgr", model.bgr}};
        if (model.role == Role::kEmbedder) entry.insert("dimension", model.embedding_dimension);
        if (model.role == Role::kDetector) {
            entry.insert("score_threshold", model.score_threshold);
            entry.insert("nms_iou", model.nms_iou);
        }
        models.push_back(std::move(entry));
    }
    const toml::table table{
        {"name", pack.name},
        {"description", pack.description},
        {"licence", NameOf(kLicences, pack.licence)},
        {"licence_text", pack.licence_text},
        {"accuracy", pack.accuracy},
        {"match_threshold", pack.match_threshold},
        {"likely_threshold", pack.likely_threshold},
        {"source", toml::table{{"how", NameOf(kSources, pack.source.how)},
                               {"location", pack.source.location},
                               {"integrity", pack.source.integrity},
                               {"bytes", static_cast<std::int64_t>(pack.source.bytes)},
                               {"folder", pack.source.folder}}},
        {"models", std::move(models)}};
    std::ostringstream text;
    text << table << '\n';
    const std::string written = text.str();
    return WriteFileAtomic(path, std::as_bytes(std::span(written)));
}

Result<void> VerifyPack(const fs::path& folder, const PackManifest& manifest) {
    for (const ModelFile& model : manifest.models) {
        const fs::path path = folder / model.file;
        std::error_code error;
        const auto bytes = fs::file_size(path, error);
        if (error) {
            return Fail(Code::kNotFound, "the pack " + manifest.name + " lacks " + model.file,
                        path.string() + ": " + error.message());
        }
        if (bytes != model.bytes) {
            return Fail(Code::kCorrupt,
                        std::format("{} of the pack {} has {} bytes and should have {}", model.file,
                                    manifest.name, bytes, model.bytes),
                        path.string());
        }
        FACET_TRY(hash, Sha256HexOfFile(path));
        if (hash != model.sha256) {
            return Fail(Code::kCorrupt,
                        std::format("{} of the pack {} is not the file it should be: SHA-256 {} "
                                    "instead of {}",
                                    model.file, manifest.name, hash, model.sha256),
                        path.string());
        }
    }
    return {};
}

Result<std::vector<InstalledPack>> ListInstalled(const fs::path& models) {
    std::vector<InstalledPack> packs;
    std::error_code error;
    for (fs::directory_iterator at(models, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
        const fs::path file = at->path() / kManifestName;
        std::error_code ignored;
        if (!fs::exists(file, ignored)) continue;
        InstalledPack pack{.folder = at->path(), .manifest = {}, .error = {}};
        if (auto manifest = LoadManifest(file)) {
            pack.manifest = std::move(*manifest);
        } else {
            pack.manifest.name = at->path().filename().string();
            pack.error = std::move(manifest).error();
        }
        packs.push_back(std::move(pack));
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return Fail(Code::kUnavailable, "the models folder cannot be read",
                    models.string() + ": " + error.message());
    }
    std::ranges::sort(packs, {}, [](const InstalledPack& pack) { return pack.manifest.name; });
    return packs;
}

Result<std::string> ActivePack(const fs::path& models) {
    constexpr std::size_t kMostBytes = 4096;
    auto bytes = ReadFile(models / kActiveName, kMostBytes);
    if (!bytes && bytes.error().code == Code::kNotFound) {
        return Fail(Code::kNotFound, "no model pack is in use");
    }
    FACET_TRY(content, std::move(bytes));
    std::string name(reinterpret_cast<const char*>(content.data()), content.size());
    while (!name.empty() && (name.back() == '\n' || name.back() == ' ')) name.pop_back();
    if (!IsPlainName(name)) {
        return Fail(Code::kCorrupt, (models / kActiveName).string() + " does not name a pack");
    }
    return name;
}

Result<void> UsePack(const fs::path& models, std::string_view name) {
    if (!IsPlainName(name)) return Fail(Code::kInvalidArgument, "this is not the name of a pack");
    const fs::path folder = models / name;
    auto manifest = LoadManifest(folder / kManifestName);
    if (!manifest && manifest.error().code == Code::kNotFound) {
        return Fail(Code::kNotFound, "the pack " + std::string(name) + " is not installed");
    }
    FACET_TRY(pack, std::move(manifest));
    FACET_TRY_VOID(VerifyPack(folder, pack));
    const std::string line = std::string(name) + "\n";
    return WriteFileAtomic(models / kActiveName, std::as_bytes(std::span(line)));
}

}  // namespace facet::infer
