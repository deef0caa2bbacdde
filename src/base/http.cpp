#include "base/http.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>
#include <utility>

#include "base/public_address.hpp"

namespace facet::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// What libcurl's callbacks work on.
struct Transfer {
    const Request& request;
    const std::stop_token& stop;
    CURL* const curl;
    Answer answer;
    bool answered = false;
    bool address_refused = false;
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    bool connected = false;
    bool stalled = false;
    bool late = false;
    SteadyClock::time_point last_sign_of_life = SteadyClock::now();
    std::optional<Error> refusal;  // what a callback of the caller returned

    /// Remembers an error of the caller's.
    bool Accept(Result<void> outcome) {
        if (!outcome) refusal = std::move(outcome).error();
        return !refusal;
    }
    void SignOfLife() { last_sign_of_life = SteadyClock::now(); }
};

std::string_view Trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size * count);
    transfer.SignOfLife();
    if (line.starts_with("HTTP/")) {  // perhaps after a redirection
        transfer.answer.headers.clear();
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        std::string name(line.substr(0, colon));
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        transfer.answer.headers.insert_or_assign(std::move(name),
                                                 std::string(Trim(line.substr(colon + 1))));
    }
    return line.size();
}

/// Called for every connection, with the address that is really connected to.
curl_socket_t OnOpenSocket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (!transfer.request.guard->private_addresses && !IsPublicAddress(address->addr)) {
        transfer.address_refused = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Result<void> CheckSize(const Transfer& transfer, std::uint64_t bytes) {
    const auto& guard = transfer.request.guard;
    if (!guard || bytes <= guard->max_bytes) return {};
    return Fail(Code::kTooLarge, "what the server sends is larger than " +
                                     std::to_string(guard->max_bytes) + " bytes");
}

/// Once per request, at the first byte of the body or at the end. False: the caller wants no more.
bool Answered(Transfer& transfer) {
    if (std::exchange(transfer.answered, true)) return true;
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    transfer.answer.status = static_cast<int>(status);
    curl_off_t length = -1;
    curl_easy_getinfo(transfer.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length >= 0) transfer.answer.length = static_cast<std::uint64_t>(length);
    return !transfer.request.on_answer ||
           transfer.Accept(transfer.request.on_answer(transfer.answer));
}

std::size_t OnData(char* data, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.SignOfLife();
    if (!Answered(transfer)) return CURL_WRITEFUNC_ERROR;
    const std::span bytes(data, size * count);
    transfer.received += bytes.size();
    if (!transfer.Accept(CheckSize(transfer, transfer.received))) return CURL_WRITEFUNC_ERROR;
    if (transfer.request.on_data &&
        !transfer.Accept(transfer.request.on_data(std::as_bytes(bytes)))) {
        return CURL_WRITEFUNC_ERROR;
    }
    return bytes.size();
}

std::size_t OnBody(char* room, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.SignOfLife();
    auto got =
        transfer.request.body(transfer.sent, std::as_writable_bytes(std::span(room, size * count)));
    if (!got) {
        transfer.refusal = std::move(got).error();
        return CURL_READFUNC_ABORT;
    }
    transfer.sent += *got;
    return *got;
}

int OnSeek(void* user, curl_off_t offset, int origin) {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(user)->sent = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
}

/// The connection is there; until then its own timeout watches.
int OnRequest(void* user, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.connected = true;
    transfer.SignOfLife();
    return CURL_PREREQFUNC_OK;
}

/// libcurl calls this at least once a second.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.stop.stop_requested()) return 1;
    transfer.late = transfer.request.deadline.Passed();
    transfer.stalled = transfer.connected && SteadyClock::now() - transfer.last_sign_of_life >=
                                                 transfer.request.stall_timeout;
    return transfer.late || transfer.stalled ? 1 : 0;
}

std::unexpected<Error> Explain(Transfer& transfer, CURLcode outcome, std::string_view why) {
    const std::string text(why.empty() ? std::string_view(curl_easy_strerror(outcome)) : why);
    if (transfer.refusal) return std::unexpected(*std::move(transfer.refusal));
    if (transfer.stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
    if (transfer.late || transfer.request.deadline.Passed()) {
        return Fail(Code::kDeadline, "the server did not answer in time");
    }
    if (transfer.address_refused && outcome == CURLE_COULDNT_CONNECT) {
        return Fail(Code::kForbidden, "the address is not one of the public internet");
    }
    if (transfer.stalled) return Fail(Code::kUnavailable, "the server sends nothing any more");
    const bool useless = outcome == CURLE_TOO_MANY_REDIRECTS ||
                         outcome == CURLE_UNSUPPORTED_PROTOCOL || outcome == CURLE_URL_MALFORMAT ||
                         outcome == CURLE_LOGIN_DENIED;
    return Fail(useless ? Code::kInvalidArgument : Code::kUnavailable, text);
}

void SetCallbacks(CURL* curl, Transfer& transfer) {
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, &OnRequest);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnData);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    if (!transfer.request.body) return;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(transfer.request.body_bytes));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &OnBody);
    curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, &OnSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &transfer);
}

void SetGuard(CURL* curl, Transfer& transfer) {
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // none, whatever the environment says
    curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
}

}  // namespace

Result<void> CheckUrl(const std::string& url) {
    const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), &curl_url_cleanup);
    FACET_CHECK(parsed != nullptr);
    const CURLUcode outcome =
        curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER);
    if (outcome == CURLUE_USER_NOT_ALLOWED) {
        return Fail(Code::kInvalidArgument, "an address must not hold a user and password");
    }
    char* scheme = nullptr;
    const bool known = outcome == CURLUE_OK && !url.contains('\0') &&
                       curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    const std::unique_ptr<char, void (*)(void*)> owner(scheme, &curl_free);
    if (!known || (std::string_view(scheme) != "http" && std::string_view(scheme) != "https")) {
        return Fail(Code::kInvalidArgument, "an address must begin with https:// or http://");
    }
    return {};
}

Result<Answer> Perform(const Request& request, const std::stop_token& stop) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    FACET_CHECK(ready == CURLE_OK);
    const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), &curl_easy_cleanup);
    CURL* const curl = owner.get();
    FACET_CHECK(curl != nullptr);
    Transfer transfer{.request = request, .stop = stop, .curl = curl, .answer = {}, .refusal = {}};

    curl_slist* list = curl_slist_append(nullptr, "Expect:");  // no waiting for "100 Continue"
    for (const std::string& header : request.headers) {
        list = curl_slist_append(list, header.c_str());
    }
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, &curl_slist_free_all);
    char why[CURL_ERROR_SIZE] = "";
    const char* const protocols = request.https_only ? "https" : "http,https";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout.count()));
    const auto remaining = request.deadline.Remaining();
    if (remaining != std::chrono::milliseconds::max()) {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                         static_cast<long>(std::max<std::int64_t>(1, remaining.count())));
    }
    SetCallbacks(curl, transfer);
    if (request.guard) {
        FACET_TRY_VOID(CheckUrl(request.url));
        SetGuard(curl, transfer);
    }
    if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.signing) {
        const Signing& by = *request.signing;
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4,
                         ("aws:amz:" + by.region + ":" + by.service).c_str());
        curl_easy_setopt(curl, CURLOPT_USERNAME, by.access_key.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, by.secret_key.c_str());
    }
    const CURLcode outcome = curl_easy_perform(curl);
    if (outcome != CURLE_OK || !Answered(transfer)) return Explain(transfer, outcome, why);
    return std::move(transfer.answer);
}

bool Pause(int attempt, Deadline deadline, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kFirst{200};
    constexpr int kMostDoublings = 5;
    const auto pause = kFirst * (1 << std::min(attempt - 1, kMostDoublings));
    if (pause >= deadline.Remaining()) return false;
    return PauseFor(pause, stop);
}

}  // namespace facet::http
