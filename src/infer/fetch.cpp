#include "infer/fetch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <vector>

#include "base/archive.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/ids.hpp"
#include "infer/integrity.hpp"

extern char** environ;

namespace facet::infer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestName = "pack.toml";
constexpr std::string_view kStagingPrefix = ".fetch-";

/// The name of a folder below `models` that is removed with the object.
class StagingFolder {
public:
    explicit StagingFolder(const fs::path& models)
        : path_(models / (std::string(kStagingPrefix) + Uuid::Generate().ToString())) {}
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
Result<void> ExtractMember(ArchiveReader& from, const fs::path& to, std::uint64_t limit) {
    std::ofstream out(to, std::ios::binary);
    std::vector<char> buffer(1 << 16);
    std::uint64_t total = 0;
    while (true) {
        FACET_TRY(got, from.Read(std::as_writable_bytes(std::span(buffer))));
        if (got == 0) break;
        total += got;
        if (total > limit) {
            return Fail(Code::kCorrupt, "a file in the archive is larger than it should be",
                        to.filename().string());
        }
        out.write(buffer.data(), static_cast<std::streamsize>(got));
    }
    out.close();
    if (!out) return Fail(Code::kUnavailable, "the disk is full", to.string());
    return {};
}

/// Takes only the files that the manifest lists, by their exact member name; other members,
/// whatever their names, are never written.
Result<void> Extract(const fs::path& file, const PackManifest& pack, const fs::path& folder) {
    FACET_TRY(from, ArchiveReader::Open(file, ArchiveReader::Kind::kAny));
    constexpr int kMostMembers = 10'000;
    for (int members = 0; members < kMostMembers; ++members) {
        FACET_TRY(member, from.Next());
        if (!member) break;
        if (!member->is_file) continue;
        const auto wanted = std::ranges::find_if(pack.models, [&](const ModelFile& model) {
            return member->name == (pack.source.folder.empty()
                                        ? model.file
                                        : pack.source.folder + "/" + model.file);
        });
        if (wanted == pack.models.end()) continue;
        FACET_TRY_VOID(ExtractMember(from, folder / wanted->file, wanted->bytes));
    }
    return {};
}

/// "name@version" or "@scope/name@version": nothing that npm would take for an option, a file or an
/// address.
bool IsNpmPackage(std::string_view location) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._@/";
    if (location.find_first_not_of(kPlain) != std::string_view::npos) return false;
    const bool scoped = location.starts_with('@');
    const auto name = location.substr(scoped ? 1 : 0);
    const auto at = name.find('@');
    return at != std::string_view::npos && at + 1 < name.size() &&
           name.find_first_of("-._@/") != 0 && std::ranges::count(name, '/') == (scoped ? 1 : 0);
}

/// Waits for a child, which is killed when `stop` or `deadline` comes first. True: it ended by
/// itself, with exit code 0.
bool WaitForChild(pid_t child, Deadline deadline, const std::stop_token& stop) {
    // Not pidfd_open: the C library of Debian 13 declares it as if it were C++.
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    bool kill = !ended;
    while (!kill) {
        constexpr int kLookForStopMs = 100;
        pollfd poll{.fd = ended.get(), .events = POLLIN, .revents = 0};
        if (::poll(&poll, 1, kLookForStopMs) > 0) break;
        kill = stop.stop_requested() || deadline.Passed();
    }
    if (kill) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// `npm pack name@version`: the registry's own client, without running anything of the package.
Result<fs::path> NpmPack(const PackSource& source, const fs::path& folder,
                         const std::stop_token& stop) {
    if (!IsNpmPackage(source.location)) {
        return Fail(Code::kInvalidArgument, "this is not the name of an npm package",
                    source.location);
    }
    // In `folder`, so that no project file of the current directory has a say.
    std::array<const char*, 7> arguments = {
        "npm", "pack", "--silent", "--ignore-scripts", "--", source.location.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    pid_t child = 0;
    const int spawned = ::posix_spawnp(&child, "npm", &actions, nullptr,
                                       const_cast<char* const*>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) {
        return Fail(Code::kUnavailable,
                    "the npm client is needed to fetch this pack; install the package npm",
                    ErrnoText(spawned));
    }
    constexpr std::chrono::minutes kLongest{10};
    const Deadline deadline = Deadline::After(kLongest);
    const bool succeeded = WaitForChild(child, deadline, stop);
    if (stop.stop_requested()) return Fail(Code::kCancelled, "the download was stopped");
    if (!succeeded) {
        return Fail(Code::kUnavailable, "npm could not fetch " + source.location,
                    deadline.Passed() ? "it took longer than ten minutes" : "");
    }
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".tgz") return entry.path();
    }
    return Fail(Code::kUnavailable, "npm left no archive of " + source.location);
}

/// The archive, in `staging` and checked. A part of a download stays in `models` between calls.
Result<fs::path> GetArchive(const PackManifest& pack, const fs::path& models,
                            const fs::path& staging, const FetchOptions& options,
                            const std::stop_token& stop) {
    const PackSource& source = pack.source;
    if (source.how == PackSource::How::kLocal) {
        return Fail(Code::kInvalidArgument, "this pack cannot be fetched; copy its files by hand");
    }
    if (source.how == PackSource::How::kNpm && options.url_override.empty()) {
        FACET_TRY(file, NpmPack(source, staging, stop));
        FACET_TRY_VOID(CheckIntegrity(file, source.integrity));
        return file;
    }
    const fs::path file = models / (".download-" + pack.name);
    const std::string& url = options.url_override.empty() ? source.location : options.url_override;
    FACET_TRY_VOID(Download(url, file, source.integrity, source.bytes, options, stop));
    fs::path moved = staging / "archive";
    std::error_code error;
    fs::rename(file, moved, error);
    if (error) return Fail(Code::kUnavailable, "the archive cannot be moved", error.message());
    return moved;
}

/// What a killed process left. The lock is held: no other one is at work.
void RemoveOldStaging(const fs::path& models) {
    std::error_code error;
    std::vector<fs::path> old;
    for (fs::directory_iterator at(models, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
        if (at->path().filename().string().starts_with(kStagingPrefix)) old.push_back(at->path());
    }
    for (const fs::path& folder : old) fs::remove_all(folder, error);
}

}  // namespace

Result<void> FetchPack(const PackManifest& manifest, const fs::path& models, bool accept_licence,
                       const FetchOptions& options, const std::stop_token& stop) {
    const fs::path target = models / manifest.name;
    if (VerifyPack(target, manifest)) {
        // An edited pack.toml (thresholds) is the operator's; a broken one is written anew.
        if (LoadManifest(target / kManifestName)) return {};
        return SaveManifest(manifest, target / kManifestName);
    }
    if (manifest.licence == LicenceClass::kResearchOnly && !accept_licence) {
        return Fail(Code::kForbidden, "the licence of " + manifest.name + " was not accepted");
    }
    std::error_code error;
    fs::create_directories(models, error);
    FACET_TRY(lock, LockFile(models / ".fetch.lock"));
    RemoveOldStaging(models);
    const StagingFolder staging(models);
    const fs::path unpacked = staging.path() / "pack";
    fs::create_directories(unpacked, error);
    if (error) {
        return Fail(Code::kUnavailable, "the models folder cannot be written",
                    models.string() + ": " + error.message());
    }
    FACET_TRY(archive_file, GetArchive(manifest, models, staging.path(), options, stop));
    FACET_TRY_VOID(Extract(archive_file, manifest, unpacked));
    FACET_TRY_VOID(VerifyPack(unpacked, manifest));
    FACET_TRY_VOID(SaveManifest(manifest, unpacked / kManifestName));
    fs::remove_all(target, error);  // broken, or it would have been kept
    fs::rename(unpacked, target, error);
    if (error) return Fail(Code::kUnavailable, "the pack cannot be put in place", error.message());
    return SyncFolder(models);
}

}  // namespace facet::infer
