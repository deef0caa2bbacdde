#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>

#include "base/file.hpp"
#include "infer/fetch.hpp"
#include "infer/integrity.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr long kOk = 200;
constexpr long kPartialContent = 206;
constexpr long kRequestTimeout = 408;
constexpr long kRangeNotSatisfiable = 416;
constexpr long kTooManyRequests = 429;

/// The bytes so far, and what the server called the version they are of.
struct Part {
    fs::path bytes;
    fs::path validator;

    void Remove() const {
        std::error_code ignored;
        fs::remove(bytes, ignored);
        fs::remove(validator, ignored);
    }
};

/// One request with its redirections; what libcurl's callbacks work on.
struct Transfer {
    const FetchOptions& options;
    const std::stop_token& stop;
    const Part& part;
    CURL* const curl;
    std::FILE* file = nullptr;
    std::uint64_t have = 0;      // bytes in the part
    std::uint64_t expected = 0;  // of the whole file; 0: unknown
    bool range_asked = false;
    // Of the answer whose headers came last.
    std::string validator;
    std::optional<std::uint64_t> range_begin;
    bool body_begun = false;
    bool request_sent = false;
    bool stalled = false;
    SteadyClock::time_point last_sign_of_life = SteadyClock::now();
    SteadyClock::time_point last_report;
    std::optional<Error> refusal;  // another request would get the same answer
};

/// The value of a header line if its name, in lower case and with the colon, is `name`.
std::optional<std::string_view> HeaderValue(std::string_view line, std::string_view name) {
    const auto same = [](char expected, char found) {
        return expected == std::tolower(static_cast<unsigned char>(found));
    };
    if (line.size() < name.size() || !std::equal(name.begin(), name.end(), line.begin(), same)) {
        return std::nullopt;
    }
    line.remove_prefix(name.size());
    const auto begin = line.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return std::string_view();
    return line.substr(begin, line.find_last_not_of(" \t\r\n") - begin + 1);
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size * count);
    transfer.last_sign_of_life = SteadyClock::now();
    if (line.starts_with("HTTP/")) {  // perhaps after a redirection
        transfer.validator.clear();
        transfer.range_begin.reset();
    } else if (const auto tag = HeaderValue(line, "etag:"); tag && !tag->starts_with("W/")) {
        transfer.validator = *tag;  // a weak one says nothing about bytes (RFC 9110, 13.1.5)
    } else if (const auto date = HeaderValue(line, "last-modified:")) {
        if (transfer.validator.empty()) transfer.validator = *date;
    } else if (auto range = HeaderValue(line, "content-range:")) {
        constexpr std::string_view kUnit = "bytes ";
        std::uint64_t begin = 0;
        if (range->starts_with(kUnit)) {
            range->remove_prefix(kUnit.size());
            const auto parsed = std::from_chars(range->begin(), range->end(), begin);
            if (parsed.ec == std::errc()) transfer.range_begin = begin;
        }
    }
    return line.size();
}

/// Decides, at the first byte, where the body belongs; false: nowhere.
bool BeginBody(Transfer& transfer) {
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == kOk) {  // the whole file, also in answer to If-Range when it has changed
        if (std::fflush(transfer.file) != 0 || std::fseek(transfer.file, 0, SEEK_SET) != 0 ||
            ::ftruncate(::fileno(transfer.file), 0) != 0) {
            return false;
        }
        transfer.have = 0;
    } else if (status != kPartialContent || !transfer.range_asked ||
               transfer.range_begin != transfer.have) {
        transfer.part.Remove();
        transfer.refusal =
            Error{Code::kUnavailable,
                  std::format("the server's answer ({}) is not understood", status), ""};
        return false;
    }
    curl_off_t length = -1;
    curl_easy_getinfo(transfer.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    const std::uint64_t offered = transfer.have + static_cast<std::uint64_t>(length);
    if (transfer.expected > 0 && length >= 0 && offered != transfer.expected) {
        transfer.refusal = Error{Code::kCorrupt,
                                 std::format("the server offers a file of {} bytes instead of {}",
                                             offered, transfer.expected),
                                 ""};
        return false;
    }
    // Before the bytes: what is in the part must never be of another version than this says.
    std::ofstream(transfer.part.validator) << transfer.validator;
    return true;
}

std::size_t OnData(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.last_sign_of_life = SteadyClock::now();
    if (!transfer.body_begun) {
        transfer.body_begun = true;
        if (!BeginBody(transfer)) return CURL_WRITEFUNC_ERROR;
    }
    if (transfer.expected > 0 && transfer.have + size * count > transfer.expected) {
        transfer.refusal =
            Error{Code::kCorrupt,
                  std::format("the server sends more than {} bytes", transfer.expected), ""};
        return CURL_WRITEFUNC_ERROR;
    }
    const std::size_t written = std::fwrite(data, 1, size * count, transfer.file);
    transfer.have += written;
    return written == size * count ? written : CURL_WRITEFUNC_ERROR;
}

/// The connection is there; until then its own timeout watches.
int OnRequest(void* user, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.request_sent = true;
    transfer.last_sign_of_life = SteadyClock::now();
    return CURL_PREREQFUNC_OK;
}

/// libcurl calls this at least once a second.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    constexpr std::chrono::milliseconds kReportEvery{100};
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.stop.stop_requested()) return 1;
    const auto now = SteadyClock::now();
    transfer.stalled =
        transfer.request_sent && now - transfer.last_sign_of_life >= transfer.options.stall_timeout;
    if (transfer.stalled) return 1;
    if (transfer.options.progress && transfer.body_begun &&
        now - transfer.last_report >= kReportEvery) {
        transfer.last_report = now;
        transfer.options.progress(transfer.have, transfer.expected);
    }
    return 0;
}

struct Attempt {
    std::optional<Error> error;
    bool final = false;  // another attempt would end the same way
};

Attempt Explain(Transfer& transfer, CURLcode outcome, std::string why) {
    if (transfer.refusal) {
        transfer.part.Remove();
        return {.error = std::move(transfer.refusal), .final = true};
    }
    const auto failed = [](std::string message, bool final) {
        return Attempt{.error = Error{Code::kUnavailable, std::move(message), ""}, .final = final};
    };
    if (outcome == CURLE_WRITE_ERROR) return failed("the disk is full or cannot be written", true);
    if (transfer.stalled) return failed("the server sends nothing any more", false);
    if (outcome == CURLE_OK) {
        return failed(
            std::format("the server sent {} of {} bytes", transfer.have, transfer.expected), false);
    }
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    // What is there is not a beginning of what the server offers now.
    if (status == kRangeNotSatisfiable) transfer.part.Remove();
    constexpr long kServerErrors = 500;
    const bool refused = outcome == CURLE_HTTP_RETURNED_ERROR && status < kServerErrors &&
                         status != kRequestTimeout && status != kTooManyRequests &&
                         !(status == kRangeNotSatisfiable && transfer.range_asked);
    if (why.empty()) why = curl_easy_strerror(outcome);
    return failed(std::move(why), refused || outcome == CURLE_TOO_MANY_REDIRECTS ||
                                      outcome == CURLE_UNSUPPORTED_PROTOCOL ||
                                      outcome == CURLE_URL_MALFORMAT);
}

std::string ReadText(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

Attempt TryOnce(const std::string& url, const Part& part, std::uint64_t bytes,
                const FetchOptions& options, const std::stop_token& stop) {
    const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), &curl_easy_cleanup);
    CURL* const curl = owner.get();
    Transfer transfer{.options = options,
                      .stop = stop,
                      .part = part,
                      .curl = curl,
                      .expected = bytes,
                      .validator = {},
                      .range_begin = {},
                      .last_report = {},
                      .refusal = {}};
    std::error_code error;
    const std::string validator = ReadText(part.validator);
    const std::uint64_t there = fs::file_size(part.bytes, error);
    transfer.range_asked =
        !error && there > 0 && !validator.empty() && (bytes == 0 || there < bytes);
    transfer.have = transfer.range_asked ? there : 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(part.bytes.c_str(), transfer.range_asked ? "abe" : "wbe"), &std::fclose);
    if (!file) {
        return {.error = Error{Code::kUnavailable, "the download cannot be written",
                               part.bytes.string() + ": " + ErrnoText(errno)},
                .final = true};
    }
    transfer.file = file.get();

    curl_slist* headers = nullptr;
    const std::string range = std::format("{}-", there);
    if (transfer.range_asked) {
        headers = curl_slist_append(headers, ("If-Range: " + validator).c_str());
        // Not CURLOPT_RESUME_FROM: with that libcurl takes 200, "it has changed", for a failure.
        curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    }
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> owned(headers, &curl_slist_free_all);
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    const char* const protocols = options.url_override.empty() ? "https" : "http,https";
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, &OnRequest);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnData);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);

    const CURLcode outcome = curl_easy_perform(curl);
    if (outcome != CURLE_OK || (bytes > 0 && transfer.have < bytes)) {
        return Explain(transfer, outcome, why);
    }
    if (std::fflush(file.get()) != 0 || ::fsync(::fileno(file.get())) != 0) {
        return {.error = Error{Code::kUnavailable, "the disk is full or cannot be written",
                               ErrnoText(errno)},
                .final = true};
    }
    if (options.progress) options.progress(transfer.have, transfer.have);
    return {};
}

void Pause(int attempt, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kFirst{200};
    constexpr int kMostDoublings = 5;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kFirst * (1 << std::min(attempt - 1, kMostDoublings)),
                  [] { return false; });
}

}  // namespace

Result<void> Download(const std::string& url, const fs::path& target, const std::string& integrity,
                      std::uint64_t bytes, const FetchOptions& options,
                      const std::stop_token& stop) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    FACET_CHECK(ready == CURLE_OK);
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    const Part part{.bytes = target.string() + ".part",
                    .validator = target.string() + ".part.validator"};
    for (int attempt = 1;; ++attempt) {
        Attempt tried = TryOnce(url, part, bytes, options, stop);
        if (!tried.error) break;
        if (stop.stop_requested()) return Fail(Code::kCancelled, "the download was stopped");
        if (tried.final || attempt >= options.attempts) {
            return Fail(tried.error->code, "the download failed: " + tried.error->message,
                        tried.error->detail.empty() ? url : tried.error->detail);
        }
        Pause(attempt, stop);
    }
    if (auto checked = CheckIntegrity(part.bytes, integrity); !checked) {
        part.Remove();
        return checked;
    }
    fs::rename(part.bytes, target, error);
    if (error) {
        return Fail(Code::kUnavailable, "the download cannot be put in place", error.message());
    }
    part.Remove();
    return SyncFolder(target.parent_path());
}

}  // namespace facet::infer
