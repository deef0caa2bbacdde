#include "infer/fetch.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/ids.hpp"

extern char** environ;

namespace facet::infer {
namespace {

namespace fs = std::filesystem;

/// A folder below `models` that is removed unless it was renamed away.
class StagingFolder {
public:
    explicit StagingFolder(const fs::path& models)
        : path_(models / (".fetch-" + Uuid::Generate().ToString())) {
        std::error_code ignored;
        fs::create_directories(path_, ignored);
    }
    StagingFolder(const StagingFolder&) = delete;
    ~StagingFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const noexcept { return path_; }

private:
    const fs::path path_;
};

/// Copies one member into a file, at most `limit` bytes.
Result<void> ExtractMember(archive* from, const fs::path& to, std::uint64_t limit) {
    std::ofstream out(to, std::ios::binary);
    std::vector<char> buffer(1 << 16);
    std::uint64_t total = 0;
    while (true) {
        const auto got = archive_read_data(from, buffer.data(), buffer.size());
        if (got == 0) break;
        if (got < 0) {
            const char* const why = archive_error_string(from);
            return Fail(Code::kCorrupt, "the archive is damaged", why != nullptr ? why : "");
        }
        total += static_cast<std::uint64_t>(got);
        if (total > limit) {
            return Fail(Code::kCorrupt, "a file in the archive is larger than it should be",
                        to.filename().string());
        }
        out.write(buffer.data(), got);
    }
    out.close();
    if (!out) return Fail(Code::kUnavailable, "the disk is full", to.string());
    return {};
}

/// Takes only the files that the manifest lists, by their exact member name; other members,
/// whatever their names, are never written.
Result<void> Extract(const fs::path& file, const PackManifest& pack, const fs::path& folder) {
    const std::unique_ptr<archive, int (*)(archive*)> from(archive_read_new(), &archive_read_free);
    archive_read_support_format_zip(from.get());
    archive_read_support_format_tar(from.get());
    archive_read_support_filter_gzip(from.get());
    if (archive_read_open_filename(from.get(), file.c_str(), 1 << 16) != ARCHIVE_OK) {
        return Fail(Code::kCorrupt, "this is not an archive", file.string());
    }
    constexpr int kMostMembers = 10'000;
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    for (int members = 0; members < kMostMembers; ++members) {
        status = archive_read_next_header(from.get(), &entry);
        if (status != ARCHIVE_OK) break;
        const char* const name = archive_entry_pathname(entry);
        if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
        const auto wanted = std::ranges::find_if(pack.models, [&](const ModelFile& model) {
            return name == (pack.source.folder.empty() ? model.file
                                                       : pack.source.folder + "/" + model.file);
        });
        if (wanted == pack.models.end()) continue;
        FACET_TRY_VOID(ExtractMember(from.get(), folder / wanted->file, wanted->bytes));
    }
    if (status != ARCHIVE_EOF && status != ARCHIVE_OK) {
        const char* const why = archive_error_string(from.get());
        return Fail(Code::kCorrupt, "the archive is damaged", why != nullptr ? why : "");
    }
    return {};
}

/// The "sha512-<base64>" form of npm's integrity strings.
Result<std::string> Sha512Integrity(const fs::path& file) {
    constexpr std::size_t kMostBytes = 1ULL << 30;
    FACET_TRY(bytes, ReadFile(file, kMostBytes));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    FACET_CHECK(
        EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha512(), nullptr) == 1);
    std::string text(4 * ((length + 2) / 3) + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                        digest.data(), static_cast<int>(length));
    text.resize(static_cast<std::size_t>(written));
    return "sha512-" + text;
}

/// `npm pack name@version`: the registry's own client, without running anything of the package.
Result<fs::path> NpmPack(const PackSource& source, const fs::path& folder,
                         const std::stop_token& stop) {
    const std::string destination = folder.string();
    std::array<const char*, 8> arguments = {"npm",
                                            "pack",
                                            "--silent",
                                            "--ignore-scripts",
                                            "--pack-destination",
                                            destination.c_str(),
                                            source.location.c_str(),
                                            nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int spawned = ::posix_spawnp(&child, "npm", &actions, nullptr,
                                       const_cast<char* const*>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) {
        return Fail(Code::kUnavailable,
                    "the npm client is needed to fetch this pack; install the package npm",
                    ErrnoText(spawned));
    }
    constexpr std::chrono::minutes kDeadline{10};
    const Deadline deadline = Deadline::After(kDeadline);
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (stop.stop_requested() || deadline.Passed()) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            return Fail(stop.stop_requested() ? Code::kCancelled : Code::kDeadline,
                        "fetching the npm package was stopped");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return Fail(Code::kUnavailable, "npm could not fetch " + source.location);
    }
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".tgz") return entry.path();
    }
    return Fail(Code::kUnavailable, "npm left no archive of " + source.location);
}

Result<fs::path> GetArchive(const PackManifest& pack, const fs::path& models,
                            const fs::path& staging, const FetchOptions& options,
                            const std::stop_token& stop) {
    switch (pack.source.how) {
        case PackSource::How::kUrl: {
            // Beside the packs, not in the staging folder: a part survives until the next try.
            const fs::path file = models / (".download-" + pack.name + ".zip");
            const std::string& url =
                options.url_override.empty() ? pack.source.location : options.url_override;
            FACET_TRY_VOID(
                Download(url, file, pack.source.integrity, pack.source.bytes, options, stop));
            return file;
        }
        case PackSource::How::kNpm: {
            FACET_TRY(file, NpmPack(pack.source, staging, stop));
            FACET_TRY(integrity, Sha512Integrity(file));
            if (integrity != pack.source.integrity) {
                return Fail(Code::kCorrupt, "the npm package is not the one it should be",
                            integrity + " instead of " + pack.source.integrity);
            }
            return file;
        }
        case PackSource::How::kLocal:
            break;
    }
    return Fail(Code::kInvalidArgument, "this pack cannot be fetched; copy its files by hand");
}

}  // namespace

Result<void> FetchPack(const PackManifest& manifest, const fs::path& models, bool accept_licence,
                       const FetchOptions& options, const std::stop_token& stop) {
    const fs::path target = models / manifest.name;
    std::error_code ignored;
    if (fs::exists(target / "pack.toml", ignored) && VerifyPack(target, manifest)) return {};
    if (manifest.licence == LicenceClass::kResearchOnly && !accept_licence) {
        return Fail(Code::kForbidden, "the licence of " + manifest.name + " was not accepted");
    }
    fs::create_directories(models, ignored);
    const StagingFolder staging(models);
    FACET_TRY(archive_file, GetArchive(manifest, models, staging.path(), options, stop));
    const fs::path unpacked = staging.path() / "pack";
    fs::create_directories(unpacked, ignored);
    FACET_TRY_VOID(Extract(archive_file, manifest, unpacked));
    FACET_TRY_VOID(VerifyPack(unpacked, manifest));
    FACET_TRY_VOID(SaveManifest(manifest, unpacked / "pack.toml"));
    fs::remove(archive_file, ignored);
    fs::remove_all(target, ignored);  // broken, or VerifyPack would have kept it
    std::error_code error;
    fs::rename(unpacked, target, error);
    if (error) return Fail(Code::kUnavailable, "the pack cannot be put in place", error.message());
    return SyncFolder(models);
}

}  // namespace facet::infer
