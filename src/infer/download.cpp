#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <mutex>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "infer/fetch.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;

struct Transfer {
    const FetchOptions& options;
    const std::stop_token& stop;
    std::FILE* file = nullptr;
    std::uint64_t have = 0;      // bytes in the part
    std::uint64_t expected = 0;  // of the whole file; 0: unknown
    bool resuming = false;
    bool too_long = false;
    std::string validator;  // ETag or Last-Modified of this answer
    CURL* curl = nullptr;
    std::chrono::steady_clock::time_point drawn{};
};

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size * count);
    const auto value_of = [&](std::string_view name) -> std::string {
        if (line.size() <= name.size() ||
            !std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
                return a == std::tolower(static_cast<unsigned char>(b));
            })) {
            return {};
        }
        const auto begin = line.find_first_not_of(" \t", name.size());
        const auto end = line.find_last_not_of(" \t\r\n");
        return begin == std::string_view::npos || end < begin
                   ? std::string()
                   : std::string(line.substr(begin, end - begin + 1));
    };
    if (auto tag = value_of("etag:"); !tag.empty() && !tag.starts_with("W/")) {
        transfer.validator = tag;
    }
    if (auto date = value_of("last-modified:"); !date.empty() && transfer.validator.empty()) {
        transfer.validator = date;
    }
    return size * count;
}

std::size_t OnData(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.resuming) {
        // The answer to If-Range: 206 continues, 200 is the whole file anew.
        long status = 0;
        curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
        transfer.resuming = false;
        if (status == 200) {
            transfer.have = 0;
            if (std::fseek(transfer.file, 0, SEEK_SET) != 0 ||
                ::ftruncate(::fileno(transfer.file), 0) != 0) {
                return 0;
            }
        }
    }
    if (transfer.expected > 0 && transfer.have + size * count > transfer.expected) {
        transfer.too_long = true;
        return 0;
    }
    const std::size_t written = std::fwrite(data, 1, size * count, transfer.file);
    transfer.have += written;
    return written;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.stop.stop_requested()) return 1;
    const auto now = std::chrono::steady_clock::now();
    if (transfer.options.progress && now - transfer.drawn >= std::chrono::milliseconds(100)) {
        transfer.drawn = now;
        transfer.options.progress(transfer.have, transfer.expected);
    }
    return 0;
}

std::string ReadText(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Attempt {
    bool done = false;
    bool fatal = false;  // another attempt would say the same
    std::string detail;
};

Attempt TryOnce(const std::string& url, const fs::path& part, const fs::path& validator_file,
                std::uint64_t bytes, const FetchOptions& options, const std::stop_token& stop) {
    Transfer transfer{.options = options, .stop = stop, .expected = bytes, .validator = {}};
    std::error_code ignored;
    const std::string validator = ReadText(validator_file);
    const std::uint64_t there = fs::file_size(part, ignored);
    transfer.resuming =
        !ignored && there > 0 && !validator.empty() && (bytes == 0 || there < bytes);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(part.c_str(), transfer.resuming ? "ab" : "wb"), &std::fclose);
    if (!file) return {.fatal = true, .detail = part.string() + ": " + ErrnoText(errno)};
    transfer.file = file.get();
    transfer.have = transfer.resuming ? there : 0;

    const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), &curl_easy_cleanup);
    transfer.curl = curl.get();
    curl_slist* headers = nullptr;
    if (transfer.resuming) {
        headers = curl_slist_append(headers, ("If-Range: " + validator).c_str());
        curl_easy_setopt(curl.get(), CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(there));
    }
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> owned(headers, &curl_slist_free_all);
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 5L);
    const char* const protocols = options.url_override.empty() ? "https" : "http,https";
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME,
                     std::max(1L, static_cast<long>(options.stall_timeout.count() / 1000)));
    curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &OnData);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &OnProgress);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);

    const CURLcode outcome = curl_easy_perform(curl.get());
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (!transfer.validator.empty()) std::ofstream(validator_file) << transfer.validator;
    if (transfer.too_long) {
        return {.fatal = true, .detail = "the server sends more bytes than the file should have"};
    }
    const bool short_answer = bytes > 0 && transfer.have < bytes;
    if (outcome == CURLE_OK && !short_answer) {
        if (options.progress) options.progress(transfer.have, std::max(bytes, transfer.have));
        return {.done = std::fflush(file.get()) == 0 && ::fsync(::fileno(file.get())) == 0,
                .detail = "the disk is full"};
    }
    // 416: what we have is not a beginning of what the server offers now.
    if (status == 416) fs::remove(part, ignored);
    return {.done = false,
            .fatal = outcome == CURLE_WRITE_ERROR ||
                     (status >= 400 && status < 500 && status != 408 && status != 416 &&
                      status != 429) ||
                     outcome == CURLE_TOO_MANY_REDIRECTS || outcome == CURLE_UNSUPPORTED_PROTOCOL,
            .detail = outcome == CURLE_OK
                          ? std::format("the server sent {} of {} bytes", transfer.have, bytes)
                      : why[0] != '\0' ? std::string(why)
                                       : std::string(curl_easy_strerror(outcome))};
}

}  // namespace

Result<void> Download(const std::string& url, const fs::path& target, const std::string& sha256,
                      std::uint64_t bytes, const FetchOptions& options,
                      const std::stop_token& stop) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    FACET_CHECK(ready == CURLE_OK);
    std::error_code ignored;
    fs::create_directories(target.parent_path(), ignored);
    const fs::path part = target.string() + ".part";
    const fs::path validator = target.string() + ".part.validator";
    std::string detail;
    for (int attempt = 1; attempt <= options.attempts; ++attempt) {
        Attempt tried = TryOnce(url, part, validator, bytes, options, stop);
        if (stop.stop_requested()) return Fail(Code::kCancelled, "the download was stopped");
        detail = std::move(tried.detail);
        if (tried.fatal) break;
        if (!tried.done) {
            std::mutex mutex;
            std::condition_variable_any wake;
            std::unique_lock lock(mutex);
            const auto pause = std::chrono::milliseconds(200) * (1 << std::min(attempt, 5));
            if (attempt < options.attempts) wake.wait_for(lock, stop, pause, [] { return false; });
            continue;
        }
        FACET_TRY(found, Sha256HexOfFile(part));
        fs::remove(validator, ignored);
        if (found != sha256) {
            fs::remove(part, ignored);
            return Fail(Code::kCorrupt, "what was downloaded is not the file it should be",
                        std::format("SHA-256 {} instead of {}", found, sha256));
        }
        fs::rename(part, target, ignored);
        if (ignored) return Fail(Code::kUnavailable, "the download cannot be put in place");
        return SyncFolder(target.parent_path());
    }
    return Fail(Code::kUnavailable, "the download failed: " + detail, url);
}

}  // namespace facet::infer
