#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <optional>
#include <span>

#include "base/file.hpp"
#include "base/http.hpp"
#include "infer/fetch.hpp"
#include "infer/integrity.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int kOk = 200;
constexpr int kPartialContent = 206;
constexpr int kErrors = 400;
constexpr int kRequestTimeout = 408;
constexpr int kRangeNotSatisfiable = 416;
constexpr int kTooManyRequests = 429;
constexpr int kServerErrors = 500;

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

/// One request and what comes of it.
struct Transfer {
    const FetchOptions& options;
    const Part& part;
    std::FILE* file = nullptr;
    std::uint64_t have = 0;      // bytes in the part
    std::uint64_t expected = 0;  // of the whole file; 0: unknown
    bool range_asked = false;
    SteadyClock::time_point last_report;
    bool final = false;  // another request would get the same answer
};

std::string_view HeaderOf(const http::Answer& answer, std::string_view name) {
    const auto at = answer.headers.find(name);
    return at == answer.headers.end() ? std::string_view() : std::string_view(at->second);
}

/// What the server calls the version that it sends; empty: nothing to rely on.
std::string_view ValidatorOf(const http::Answer& answer) {
    const std::string_view tag = HeaderOf(answer, "etag");
    // A weak tag says nothing about bytes (RFC 9110, 13.1.5).
    if (!tag.empty() && !tag.starts_with("W/")) return tag;
    return HeaderOf(answer, "last-modified");
}

std::optional<std::uint64_t> RangeBegin(const http::Answer& answer) {
    constexpr std::string_view kUnit = "bytes ";
    std::string_view range = HeaderOf(answer, "content-range");
    std::uint64_t begin = 0;
    if (!range.starts_with(kUnit)) return std::nullopt;
    range.remove_prefix(kUnit.size());
    if (std::from_chars(range.begin(), range.end(), begin).ec != std::errc()) return std::nullopt;
    return begin;
}

/// Refuses for good: what is there is of no use.
std::unexpected<Error> Refuse(Transfer& transfer, Code code, std::string message) {
    transfer.part.Remove();
    transfer.final = true;
    return Fail(code, std::move(message));
}

std::unexpected<Error> DiskFailed(Transfer& transfer) {
    transfer.final = true;
    return Fail(Code::kUnavailable, "the disk is full or cannot be written", ErrnoText(errno));
}

/// Decides where the body belongs.
Result<void> BeginBody(Transfer& transfer, const http::Answer& answer) {
    const int status = answer.status;
    if (status >= kErrors) {
        // What is there is not a beginning of what the server offers now.
        if (status == kRangeNotSatisfiable) transfer.part.Remove();
        transfer.final = status < kServerErrors && status != kRequestTimeout &&
                         status != kTooManyRequests &&
                         !(status == kRangeNotSatisfiable && transfer.range_asked);
        return Fail(Code::kUnavailable, std::format("the server answered {}", status));
    }
    if (status == kOk) {  // the whole file, also in answer to If-Range when it has changed
        if (std::fflush(transfer.file) != 0 || std::fseek(transfer.file, 0, SEEK_SET) != 0 ||
            ::ftruncate(::fileno(transfer.file), 0) != 0) {
            return DiskFailed(transfer);
        }
        transfer.have = 0;
    } else if (status != kPartialContent || !transfer.range_asked ||
               RangeBegin(answer) != transfer.have) {
        return Refuse(transfer, Code::kUnavailable,
                      std::format("the server's answer ({}) is not understood", status));
    }
    const std::uint64_t offered = transfer.have + answer.length.value_or(0);
    if (transfer.expected > 0 && answer.length && offered != transfer.expected) {
        return Refuse(transfer, Code::kCorrupt,
                      std::format("the server offers a file of {} bytes instead of {}", offered,
                                  transfer.expected));
    }
    // Before the bytes: what is in the part must never be of another version than this says.
    std::ofstream(transfer.part.validator) << ValidatorOf(answer);
    return {};
}

Result<void> TakeBytes(Transfer& transfer, std::span<const std::byte> bytes) {
    constexpr std::chrono::milliseconds kReportEvery{100};
    if (transfer.expected > 0 && transfer.have + bytes.size() > transfer.expected) {
        return Refuse(transfer, Code::kCorrupt,
                      std::format("the server sends more than {} bytes", transfer.expected));
    }
    const std::size_t written = std::fwrite(bytes.data(), 1, bytes.size(), transfer.file);
    transfer.have += written;
    if (written != bytes.size()) return DiskFailed(transfer);
    const auto now = SteadyClock::now();
    if (transfer.options.progress && now - transfer.last_report >= kReportEvery) {
        transfer.last_report = now;
        transfer.options.progress(transfer.have, transfer.expected);
    }
    return {};
}

struct Attempt {
    std::optional<Error> error;
    bool final = false;  // another attempt would end the same way
};

std::string ReadText(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

Attempt TryOnce(const std::string& url, const Part& part, std::uint64_t bytes,
                const FetchOptions& options, const std::stop_token& stop) {
    Transfer transfer{.options = options, .part = part, .expected = bytes, .last_report = {}};
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

    http::Request request{
        .url = url,
        .https_only = options.url_override.empty(),
        .max_redirects = 5,
        .connect_timeout = options.connect_timeout,
        .stall_timeout = options.stall_timeout,
        .on_answer = [&](const http::Answer& answer) { return BeginBody(transfer, answer); },
        .on_data = [&](std::span<const std::byte> data) { return TakeBytes(transfer, data); }};
    if (transfer.range_asked) {
        request.headers = {"If-Range: " + validator, std::format("Range: bytes={}-", there)};
    }
    auto answer = http::Perform(request, stop);
    if (!answer) {
        const bool useless = answer.error().code == Code::kInvalidArgument;
        if (useless) answer.error().code = Code::kUnavailable;
        return {.error = std::move(answer).error(), .final = transfer.final || useless};
    }
    if (bytes > 0 && transfer.have < bytes) {
        return {.error =
                    Error{Code::kUnavailable,
                          std::format("the server sent {} of {} bytes", transfer.have, bytes), ""}};
    }
    if (std::fflush(file.get()) != 0 || ::fsync(::fileno(file.get())) != 0) {
        return {.error = DiskFailed(transfer).error(), .final = true};
    }
    if (options.progress) options.progress(transfer.have, transfer.have);
    return {};
}

}  // namespace

Result<void> Download(const std::string& url, const fs::path& target, const std::string& integrity,
                      std::uint64_t bytes, const FetchOptions& options,
                      const std::stop_token& stop) {
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
        http::Pause(attempt, Deadline::Never(), stop);
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
