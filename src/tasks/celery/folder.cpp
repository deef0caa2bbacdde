#include "tasks/celery/folder.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <format>
#include <fstream>
#include <map>
#include <span>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/inotify.hpp"
#include "base/log.hpp"
#include "tasks/celery/json.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/celery/result.hpp"

namespace facet::tasks::celery {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kTidyEvery{5'000};
constexpr milliseconds kRescan{2'000};
constexpr milliseconds kUnread{60'000};     // a queue is forgotten when a message lies for so long,
constexpr std::size_t kMostUnread = 1'000;  // or so many do
constexpr std::size_t kMostBindings = 100;  // of one exchange
constexpr std::size_t kMostRejected = 100;
constexpr std::size_t kMostTableBytes = 1 << 20;
constexpr std::size_t kLongestQueue = 180;  // so that the file's name stays below 255
constexpr std::chrono::hours kResultLife{24};

constexpr std::string_view kEvents = "celeryev";
constexpr std::string_view kRequests = "celery.pidbox";
constexpr std::string_view kReplies = "reply.celery.pidbox";
constexpr std::array kExchanges = {kEvents, kRequests, kReplies};

constexpr std::string_view kConfig =
    R"(# Celery's programs, started in this folder, find Facet by this file. Written anew at every start.
from pathlib import Path

_here = Path(__file__).resolve().parent
broker_url = "filesystem://localhost//"
broker_transport_options = {
    "data_folder_in": str(_here / "messages"),
    "data_folder_out": str(_here / "messages"),
    "control_folder": str(_here / "tables"),
    "polling_interval": 0.2,
}
result_backend = f"file://{_here / 'results'}"
)";

std::unexpected<Error> FromErrno(const fs::path& path) {
    const int error = errno;
    return Fail(error == ENOENT ? Code::kNotFound : Code::kUnavailable,
                "the Celery folder cannot be used", path.string() + ": " + ErrnoText(error));
}

/// What kombu names files by; it does not pass while the machine sleeps.
std::int64_t MonotonicMilliseconds() {
    return std::chrono::duration_cast<milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// <milliseconds>_<uuid>.<queue>.msg
std::string_view QueueOf(std::string_view file) {
    constexpr std::string_view kEnd = ".msg";
    const auto dot = file.find('.');
    if (dot == std::string_view::npos || !file.ends_with(kEnd)) return {};
    file.remove_prefix(dot);
    return file.size() <= kEnd.size() + 1 ? "" : file.substr(1, file.size() - kEnd.size() - 1);
}

/// Also of a file from before the last start of the machine, whose time is yet to come.
bool IsOld(std::string_view file) {
    std::int64_t written = 0;
    std::from_chars(file.data(), file.data() + file.size(), written);
    return std::abs(MonotonicMilliseconds() - written) > kUnread.count();
}

bool CanBeNamed(std::string_view queue) {
    return !queue.empty() && queue.size() <= kLongestQueue &&
           queue.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

std::vector<std::string> NamesIn(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

void Remove(const fs::path& path) {
    std::error_code ignored;
    fs::remove_all(path, ignored);  // does not follow links
}

/// A whole message. Errors: kBusy (it is being written), kInvalidArgument (no plain file, or one
/// that was never written), kTooLarge, kNotFound, kUnavailable.
Result<std::string> ReadMessage(const fs::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && (errno == ELOOP || errno == ENXIO || errno == EACCES)) {
        return Fail(Code::kInvalidArgument, "it is no file that can be read", path.string());
    }
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0) return FromErrno(path);
    if (!S_ISREG(info.st_mode)) {
        return Fail(Code::kInvalidArgument, "it is no plain file", path.string());
    }
    // kombu creates a message, locks it, writes it at once, and unlocks it.
    if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
        return Fail(Code::kBusy, "it is being written", path.string());
    }
    if (::fstat(fd.get(), &info) != 0) return FromErrno(path);
    if (info.st_size == 0) {
        const bool given_up = IsOld(path.filename().string());
        return Fail(given_up ? Code::kInvalidArgument : Code::kBusy, "it is empty", path.string());
    }
    FACET_TRY(bytes, ReadFile("/proc/self/fd/" + std::to_string(fd.get()), kMostMessageBytes));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

Folder::Folder(const fs::path& path, const std::string& node, UniqueFd lock)
    : path_(path),
      messages_(path / "messages"),
      tables_(path / "tables"),
      results_(path / "results"),
      taken_(path / "taken"),
      rejected_(path / "rejected"),
      unfinished_(path / "unfinished"),
      requests_(node + "." + std::string(kRequests)),
      broker_{.transport = "filesystem",
              .hostname = "localhost",
              .virtual_host = "/",
              .url = "filesystem://localhost//",
              .results = "file://" + results_.string()},
      lock_(std::move(lock)) {}

Folder::~Folder() = default;

Result<std::unique_ptr<Folder>> Folder::Open(const fs::path& path, const std::string& node) {
    if (!CanBeNamed(node) || node.size() > kLongestQueue - kRequests.size() - 1) {
        return Fail(Code::kInvalidArgument, "celery.worker_name is too long or has a / in it");
    }
    std::error_code error;
    const fs::path full = fs::absolute(path, error);
    fs::create_directories(full.parent_path(), error);
    if (::mkdir(full.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(full);
    struct stat info{};
    if (::stat(full.c_str(), &info) != 0) return FromErrno(full);
    if ((info.st_mode & S_IWOTH) != 0) {
        return Fail(Code::kForbidden,
                    "anyone may write into the Celery folder, and so run tasks: take that right "
                    "away, or set celery.folder to another folder or to off",
                    full.string());
    }
    FACET_TRY(lock, LockFile(full / "lock"));
    std::unique_ptr<Folder> folder(new Folder(full, node, std::move(lock)));
    FACET_TRY_VOID(folder->Prepare());
    folder->keeper_ = std::jthread([&mine = *folder](const std::stop_token& stop) {
        auto next_results = std::chrono::steady_clock::now();
        do {
            mine.Tidy();
            if (std::chrono::steady_clock::now() < next_results) continue;
            next_results += std::chrono::hours(1);
            mine.ForgetOldResults();
        } while (PauseFor(kTidyEvery, stop));
    });
    return folder;
}

Result<void> Folder::Prepare() {
    for (const fs::path* one :
         {&messages_, &tables_, &results_, &taken_, &rejected_, &unfinished_}) {
        if (::mkdir(one->c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(*one);
    }
    for (const std::string& name : NamesIn(unfinished_)) Remove(unfinished_ / name);
    for (const std::string& name : NamesIn(taken_)) {
        if (QueueOf(name).ends_with(kRequests)) Remove(taken_ / name);
    }
    // kombu's own way of making a table can lose what another process wrote at that moment.
    for (const std::string_view exchange : kExchanges) {
        auto made = EditTable(exchange, [](const Table& table) { return table.empty(); });
        if (!made && made.error().code != Code::kBusy) return made;
    }
    return WriteFileAtomic(path_ / "celeryconfig.py", std::as_bytes(std::span(kConfig)));
}

// ---- tables ----------------------------------------------------------------------------------

/// Calls `edit` with the bindings of an exchange, under kombu's lock, and keeps what it made of
/// them if it says so. What is no table counts as an empty one.
Result<void> Folder::EditTable(std::string_view exchange, const std::function<bool(Table&)>& edit) {
    constexpr int kAttempts = 50;
    constexpr milliseconds kPause{10};
    const fs::path path = tables_ / (std::string(exchange) + ".exchange");
    const UniqueFd fd(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!fd) return FromErrno(path);
    for (int attempt = 1; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (attempt == kAttempts) return Fail(Code::kBusy, "the table is locked", path.string());
        std::this_thread::sleep_for(kPause);
    }
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return FromErrno(path);
    std::string text(std::min(static_cast<std::size_t>(info.st_size), kMostTableBytes), '\0');
    const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
    if (got < 0) return FromErrno(path);
    text.resize(static_cast<std::size_t>(got));

    Table table;
    boost::system::error_code error;
    const json::value rows = ParseJson(text, error);
    for (const json::value& row : rows.is_array() ? rows.get_array() : json::array()) {
        if (!row.is_array() || row.get_array().size() != 3) continue;
        std::array<std::string, 3> field;
        for (std::size_t i = 0; i < field.size(); ++i) {
            const json::value& one = row.get_array()[i];
            if (one.is_string()) field[i] = one.get_string();
        }
        if (CanBeNamed(field[2])) table.push_back({field[0], field[1], field[2]});
    }
    if (!edit(table)) return {};

    json::array kept;
    for (const Binding& one : table) {
        kept.push_back(json::array{one.routing_key, one.pattern, one.queue});
    }
    // In one write, and over all that was there: whoever dies, dies before it or after it.
    std::string written = json::serialize(kept);
    const auto length = static_cast<off_t>(written.size());
    written.resize(std::max(written.size(), text.size()), ' ');
    if (::pwrite(fd.get(), written.data(), written.size(), 0) !=
            static_cast<ssize_t>(written.size()) ||
        ::ftruncate(fd.get(), length) != 0) {
        return FromErrno(path);
    }
    return {};
}

// ---- messages --------------------------------------------------------------------------------

/// Readers see a whole file or none.
Result<void> Folder::Write(const fs::path& to, const std::string& text) {
    const fs::path temporary = unfinished_ / Uuid::Generate().ToString();
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.close();
    if (!file || ::rename(temporary.c_str(), to.c_str()) != 0) {
        auto failure = FromErrno(to);
        Remove(temporary);
        return failure;
    }
    return {};
}

Result<void> Folder::Put(const std::string& queue, const std::string& text) {
    std::int64_t name = 0;  // later messages have later names
    {
        const std::lock_guard lock(mutex_);
        name = last_name_ = std::max(last_name_ + 1, MonotonicMilliseconds());
    }
    return Write(messages_ / std::format("{}_{}.{}.msg", name, Uuid::Generate().ToString(), queue),
                 text);
}

Result<void> Folder::Publish(const Envelope& event, std::string_view routing_key) {
    const std::string key(routing_key);
    std::vector<std::string> queues;
    FACET_TRY_VOID(EditTable(kEvents, [&](const Table& table) {
        for (const Binding& one : table) {
            std::string pattern = one.routing_key;
            std::ranges::replace(pattern, '#', '*');
            if (::fnmatch(pattern.c_str(), key.c_str(), 0) == 0) queues.push_back(one.queue);
        }
        return false;
    }));
    if (queues.empty()) return {};
    const std::string text = EncodeEnvelope(event, kEvents, routing_key);
    for (const std::string& queue : queues) FACET_TRY_VOID(Put(queue, text));
    return {};
}

Result<void> Folder::Reply(const Envelope& answer, std::string_view exchange,
                           std::string_view routing_key) {
    if (exchange != kReplies) return Fail(Code::kInvalidArgument, "no exchange for replies");
    std::vector<std::string> queues;
    // Callers never leave the table, so those answered last are kept at its front.
    FACET_TRY_VOID(EditTable(exchange, [&](Table& table) {
        const auto caller = [&](const Binding& one) { return one.routing_key == routing_key; };
        const auto place = std::ranges::find_if(table, caller) - table.begin();
        const auto others = std::ranges::stable_partition(table, caller);
        for (auto one = table.begin(); one != others.begin(); ++one) queues.push_back(one->queue);
        return !queues.empty() && place > static_cast<std::ptrdiff_t>(kMostBindings / 2);
    }));
    if (queues.empty()) return {};
    const std::string text = EncodeEnvelope(answer, exchange, routing_key);
    for (const std::string& queue : queues) FACET_TRY_VOID(Put(queue, text));
    return {};
}

void Folder::Listen(const std::stop_token& stop,
                    const std::function<void(std::string_view)>& handle) {
    for (const std::string& name : NamesIn(messages_)) {
        if (QueueOf(name) == requests_) Remove(messages_ / name);
    }
    const auto listen = [this](bool on) {
        {
            const std::lock_guard lock(mutex_);
            listening_ = on;
        }
        Tidy();
    };
    listen(true);
    Consume(requests_, stop, [&](std::string_view request) -> Result<void> {
        handle(request);
        return {};
    });
    listen(false);
}

void Folder::Consume(const std::string& queue, const std::stop_token& stop,
                     const std::function<Result<void>(std::string_view)>& take) {
    std::unique_ptr<Inotify> inotify;
    if (auto opened = Inotify::Open(); opened && (*opened)->Add(messages_)) {
        inotify = std::move(*opened);
    }
    bool arrived = true;
    const Inotify::Handler handler{
        .changed =
            [&](const fs::path& file) { arrived |= QueueOf(file.filename().string()) == queue; },
        .folder_appeared = [](const fs::path&) {},
        .lost = [&] { arrived = true; }};
    Deadline rescan = Deadline::After(kRescan);
    while (!stop.stop_requested()) {
        if (arrived || rescan.Passed()) {
            rescan = Deadline::After(kRescan);
            arrived = false;
            TakeFrom(taken_, queue, stop, take);
            TakeFrom(messages_, queue, stop, take);
        }
        if (inotify != nullptr) {
            inotify->Wait(rescan.Remaining(), stop, handler);
        } else {
            PauseFor(rescan.Remaining(), stop);
        }
    }
}

void Folder::TakeFrom(const fs::path& folder, const std::string& queue, const std::stop_token& stop,
                      const std::function<Result<void>(std::string_view)>& take) {
    for (const std::string& name : NamesIn(folder)) {
        if (stop.stop_requested()) return;
        if (QueueOf(name) != queue) continue;
        const fs::path mine = taken_ / name;
        auto text = ReadMessage(folder / name);
        // Whoever renames it has it.
        if (text && folder != taken_ && ::rename((folder / name).c_str(), mine.c_str()) != 0) {
            continue;
        }
        auto done = text ? take(*text) : Result<void>(std::unexpected(text.error()));
        if (done) {
            Remove(mine);
        } else if (done.error().code == Code::kInvalidArgument ||
                   done.error().code == Code::kTooLarge) {
            SetAside(text ? mine : folder / name, done.error());
        } else if (text) {
            log::Warn("celery.message_waits", {{"file", mine.string()},
                                               {"error", done.error().message},
                                               {"detail", done.error().detail}});
        }
    }
}

void Folder::SetAside(const fs::path& file, const Error& why) {
    const fs::path to = rejected_ / file.filename();
    log::Warn("celery.message_rejected", {{"file", to.string()}, {"error", why.message}});
    if (::rename(file.c_str(), to.c_str()) != 0) Remove(file);
    const auto names = NamesIn(rejected_);
    for (std::size_t i = 0; i + kMostRejected < names.size(); ++i) Remove(rejected_ / names[i]);
}

fs::path Folder::ResultPath(const std::string& id) const { return results_ / ResultKey("", id); }

std::vector<std::string> Folder::Expected() const {
    std::vector<std::string> ids;
    const std::string key = ResultKey("", "");
    for (const std::string& name : NamesIn(results_)) {
        std::string document;
        std::getline(std::ifstream(results_ / name), document);
        if (name.starts_with(key) && IsUnfinished(document)) ids.push_back(name.substr(key.size()));
    }
    return ids;
}

void Folder::WriteResult(const std::string& id, const std::string& document) {
    if (auto written = Write(ResultPath(id), document); !written) {
        log::Warn("celery.result_failed",
                  {{"error", written.error().message}, {"detail", written.error().detail}});
    }
}

void Folder::ExpectResult(const std::string& id) {
    std::error_code error;
    if (!fs::exists(ResultPath(id), error)) WriteResult(id, PendingDocument({.id = id}));
}

void Folder::PutResult(const std::string& id, const std::string& document) {
    std::error_code error;
    if (fs::exists(ResultPath(id), error)) WriteResult(id, document);
}

// ---- order -----------------------------------------------------------------------------------

void Folder::Tidy() {
    const auto names = NamesIn(messages_);
    std::map<std::string, std::size_t, std::less<>> waiting;  // messages of a queue
    for (const std::string& name : names) {
        const std::string_view queue = QueueOf(name);
        waiting[std::string(queue)] += IsOld(name) ? kMostUnread + 1 : 1;
    }
    const auto forgotten = [&](std::string_view queue) {
        const auto found = waiting.find(queue);
        return found != waiting.end() && found->second > kMostUnread;
    };
    const std::lock_guard lock(mutex_);
    std::map<std::string, bool, std::less<>> passing;  // queues whose messages are of the moment
    for (const std::string_view exchange : kExchanges) {
        auto edited = EditTable(exchange, [&](Table& table) {
            for (const Binding& one : table) passing[one.queue] = true;
            const Table before = table;
            std::erase_if(table, [&](const Binding& one) { return forgotten(one.queue); });
            if (table.size() > kMostBindings) table.resize(kMostBindings);
            if (const Binding ours{"", "", requests_}; exchange == kRequests) {
                const auto at = std::ranges::find(table, ours);
                if (listening_ && at == table.end()) table.insert(table.begin(), ours);
                if (!listening_ && at != table.end()) table.erase(at);
            }
            return table != before;
        });
        if (!edited) {
            log::Warn("celery.table_failed",
                      {{"error", edited.error().message}, {"detail", edited.error().detail}});
        }
    }
    for (const std::string& name : names) {
        const std::string_view queue = QueueOf(name);
        const bool of_the_moment = passing.contains(queue) || queue.starts_with("celeryev.") ||
                                   queue.ends_with(".celery.pidbox");
        if (of_the_moment && forgotten(queue)) Remove(messages_ / name);
    }
}

void Folder::ForgetOldResults() {
    for (const std::string& name : NamesIn(results_)) {
        std::error_code error;
        const auto written = fs::last_write_time(results_ / name, error);
        if (!error && fs::file_time_type::clock::now() - written > kResultLife) {
            Remove(results_ / name);
        }
    }
}

}  // namespace facet::tasks::celery
