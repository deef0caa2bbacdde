#include "net/exchange.hpp"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "net/representation.hpp"
#include "net/text.hpp"

namespace facet::net {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxFormFields = 100;

MHD_Result AddHeader(void* into, MHD_ValueKind /*kind*/, const char* name, std::size_t name_size,
                     const char* value, std::size_t value_size) {
    auto& headers = *static_cast<std::vector<std::pair<std::string, std::string>>*>(into);
    headers.emplace_back(std::string(name, name_size),
                         value == nullptr ? std::string() : std::string(value, value_size));
    return MHD_YES;
}

Params JoinHeaders(const RequestHead& head) {
    Params out;
    for (const auto& [name, value] : head.headers) {
        auto [at, is_new] = out.try_emplace(Lower(name), value);
        if (!is_new) at->second += (at->first == "cookie" ? "; " : ", ") + value;
    }
    return out;
}

std::size_t HeadSize(const RequestHead& head) {
    // " " twice and CRLF in the request line; ": " and CRLF in each header.
    std::size_t size = head.method.size() + head.target.size() + head.version.size() + 4;
    for (const auto& [name, value] : head.headers) size += name.size() + value.size() + 4;
    return size;
}

Refusal StoppingRefusal() {
    return {503, {Code::kUnavailable, "the server is stopping", {}}, {{"retry-after", "5"}}, true};
}

Refusal InternalRefusal() { return {500, {Code::kInternal, "internal error", {}}, {}, false}; }

}  // namespace

Exchange::Exchange(Core& core, MHD_Connection* connection, int socket, std::string remote,
                   std::string target)
    : core_(core), connection_(connection), socket_(socket), started_(steady_clock::now()) {
    head_.target = std::move(target);
    request_.remote_address = std::move(remote);
    request_.stop = core.stop_handlers.get_token();
}

bool Exchange::is_receiving() const {
    return phase_ == Phase::kBody || phase_ == Phase::kDiscarding || phase_ == Phase::kLingering;
}

bool Exchange::is_worth_waiting() const {
    return phase_ != Phase::kHead && phase_ != Phase::kLingering;
}

bool Exchange::Access(std::string_view method, std::string_view version, const char* data,
                      std::size_t* size) {
    switch (phase_) {
        case Phase::kHead:
            ReadHead(method, version);
            return Begin();
        case Phase::kAdmitted:
            if (refusal_) return RefuseWith(*std::exchange(refusal_, std::nullopt));
            StartBody();
            return true;
        case Phase::kBody:
            return *size > 0 ? BodyData(data, size) : BodyEnd();
        case Phase::kDiscarding:
            if (*size == 0) return Send(std::move(*answer_));
            discarded_ += *size;
            *size = 0;
            if (discarded_ > kMaxDiscard) Linger();
            return true;
        case Phase::kLingering:
            discarded_ += *size;
            // At the end of the body the answer is long out: nothing remains but to close.
            if (*size == 0 || discarded_ > kMaxLinger) return false;
            *size = 0;
            return true;
        case Phase::kHandled:
            return Send(std::move(*answer_));
        case Phase::kAdmitting:
        case Phase::kFeeding:
        case Phase::kHandling:
        case Phase::kStreaming:
        case Phase::kAnswered:
            return false;
    }
    return false;
}

void Exchange::ReadHead(std::string_view method, std::string_view version) {
    head_.method = method;
    head_.version = version;
    MHD_get_connection_values_n(connection_, MHD_HEADER_KIND, &AddHeader, &head_.headers);
    request_.method = head_.method;
    request_.headers = JoinHeaders(head_);
    if (const auto chain = request_.headers.find("x-forwarded-for");
        chain != request_.headers.end()) {
        request_.remote_address =
            ClientAddress(request_.remote_address, chain->second, core_.trusted_proxies);
    }
    request_.request_id = SaneRequestId(head_.Header("x-request-id"));
    if (request_.request_id.empty()) request_.request_id = Uuid::Generate().ToString();
    if (head_.Count("transfer-encoding") == 0) {
        const std::string_view length = head_.Header("content-length");
        std::uint64_t value = 0;  // the parser has checked that it is a number
        std::from_chars(length.data(), length.data() + length.size(), value);
        content_length_ = value;
    }
}

bool Exchange::Begin() {
    if (auto chosen = Choose(); !chosen) return RefuseWith(chosen.error());
    if (answer_) return BeginDiscard();
    if (route_->admit || is_upload()) {
        PostAdmit();
        return suspended_;
    }
    StartBody();
    return true;
}

/// Sets the route or the answer.
Admitted<void> Exchange::Choose() {
    if (HeadSize(head_) > core_.options.max_header_bytes) {
        return Refuse(431, Code::kTooLarge, "the headers are too long");
    }
    if (auto framing = CheckFraming(head_); !framing) return framing;
    auto target = SplitTarget(head_);
    if (!target) return std::unexpected(std::move(target).error());
    auto path = PercentDecode(target->path, Plus::kLiteral);
    auto query = ParseForm(target->query, core_.options.max_header_bytes);
    if (!path || !query) {
        return Refuse(400, Code::kInvalidArgument, "the request target is malformed");
    }
    request_.path = std::move(*path);
    request_.query = std::move(*query);
    if (auto origin = CheckOrigin(head_, core_.origins); !origin) return origin;
    const ServerOptions& options = core_.options;
    if (!options.bearer_token.empty() &&
        std::ranges::find(options.open_paths, request_.path) == options.open_paths.end()) {
        if (auto bearer = CheckBearer(head_, options.bearer_token); !bearer) return bearer;
    }
    if (core_.stopping) return std::unexpected(StoppingRefusal());

    if (target->path == "*") {
        Response response{204, {{"allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}}, {}, {}};
        answer_ = MakeReply(std::move(response), request_, core_.options);
        return {};
    }
    auto match = core_.router.Find(head_.method, target->path);
    if (!match) return std::unexpected(std::move(match).error());
    if (match->route != nullptr) {
        route_ = match->route;
        route_name_ = route_->path;
        request_.params = std::move(match->params);
        return CheckBody();
    }
    const bool reads = head_.method == "GET" || head_.method == "HEAD";
    const bool is_file = core_.static_files.Find(request_.path, {}).file != nullptr;
    if (is_file && reads && AnswerStatic(request_.path)) return {};
    if (reads && AcceptsHtml(head_.Header("accept")) && AnswerStatic({})) return {};
    if (is_file && match->allow.empty()) match->allow = "GET, HEAD, OPTIONS";
    if (!match->allow.empty()) {
        if (head_.method == "OPTIONS") {
            answer_ = MakeReply({204, {{"allow", match->allow}}, {}, {}}, request_, core_.options);
            return {};
        }
        auto refusal = Refuse(405, Code::kInvalidArgument, "the method is not allowed here");
        refusal.error().headers.emplace_back("allow", match->allow);
        return refusal;
    }
    return Refuse(404, Code::kNotFound, "there is nothing here");
}

bool Exchange::is_upload() const {
    return !is_json_ && std::holds_alternative<UploadHandler>(route_->target);
}

std::uint64_t Exchange::max_body() const {
    constexpr std::uint64_t kMaxJson = 1 << 20;
    return is_json_ ? kMaxJson : route_->max_body;
}

Admitted<void> Exchange::CheckBody() {
    if (route_->json) {
        const auto type = ParseValueWithParams(head_.Header("content-type"));
        is_json_ = type && EqualsIgnoringCase(type->value, "application/json");
    }
    // Bytes that somebody compressed would be taken for what they are not.
    const auto coding = request_.headers.find("content-encoding");
    if (coding != request_.headers.end() && content_length_ != 0U &&
        !EqualsIgnoringCase(coding->second, "identity")) {
        auto refusal = Refuse(415, Code::kUnsupportedMedia, "send the body without a coding");
        refusal.error().headers.emplace_back("accept-encoding", "identity");
        return refusal;
    }
    if (content_length_.value_or(0) > max_body()) {
        return Refuse(413, Code::kTooLarge, "the body is too large");
    }
    if (!is_upload()) return {};
    MultipartLimits limits;
    limits.max_parts = route_->max_parts;
    auto reader = MultipartReader::Create(head_.Header("content-type"), limits);
    if (!reader) return std::unexpected(std::move(reader).error());
    reader_ = std::move(*reader);
    return {};
}

/// `path` "": the fallback page. False when there is none.
bool Exchange::AnswerStatic(std::string_view path) {
    const std::string_view codings = head_.Header("accept-encoding");
    const auto found = path.empty() ? core_.static_files.Fallback(codings)
                                    : core_.static_files.Find(path, codings);
    if (found.file == nullptr) return false;
    route_name_ = "static";
    Response response;
    response.headers = {{"content-type", std::string(found.content_type)},
                        {"cache-control", std::string(found.cache_control)},
                        {"etag", found.file->etag},
                        {"x-content-type-options", "nosniff"}};
    if (found.varies) response.headers.emplace_back("vary", "accept-encoding");
    if (!found.file->coding.empty()) {
        response.headers.emplace_back("content-encoding", found.file->coding);
    }
    answer_ = MakeReply(std::move(response), request_, core_.options);
    if (answer_->status == 200) answer_->body = found.file->body;
    return true;
}

void Exchange::PostAdmit() {
    const bool posted = core_.bodies.TryPost([this] {
        Admit();
        core_.mailbox.Post([this] {
            phase_ = Phase::kAdmitted;
            Resume();
        });
    });
    if (!posted) return;
    phase_ = Phase::kAdmitting;
    Suspend();
}

void Exchange::Admit() {
    try {
        if (route_->admit) {
            if (auto admitted = route_->admit(request_); !admitted) {
                refusal_ = Refusal{0, std::move(admitted).error(), {}, false};
                return;
            }
        }
        if (is_upload()) {
            auto upload = std::get<UploadHandler>(route_->target)(request_);
            if (!upload) {
                refusal_ = Refusal{0, std::move(upload).error(), {}, false};
                return;
            }
            upload_ = std::move(*upload);
        }
    } catch (const std::exception& failure) {
        log::Error("net.admit_failed",
                   {{"http.route", route_name_}, {"error.message", failure.what()}});
        refusal_ = InternalRefusal();
    }
}

void Exchange::StartBody() {
    phase_ = Phase::kBody;
    body_started_ = steady_clock::now();
}

bool Exchange::BodyData(const char* data, std::size_t* size) {
    const std::string_view bytes(data, *size);
    *size = 0;
    bytes_in_ += bytes.size();
    if (bytes_in_ > max_body()) {
        return RefuseWith({413, {Code::kTooLarge, "the body is too large", {}}, {}, false});
    }
    if (!upload_) {
        request_.body += bytes;
        return true;
    }
    piece_.assign(bytes);
    const bool posted = core_.bodies.TryPost([this] {
        Feed();
        core_.mailbox.Post([this] {
            phase_ = Phase::kBody;
            body_paused_ += steady_clock::now() - suspended_since_;
            if (refusal_) RefuseWith(*std::exchange(refusal_, std::nullopt));
            Resume();
        });
    });
    if (!posted) return false;
    phase_ = Phase::kFeeding;
    Suspend();
    return true;
}

void Exchange::Feed() {
    try {
        if (auto fed = reader_->Feed(piece_, request_, *upload_); !fed) refusal_ = fed.error();
    } catch (const std::exception& failure) {
        log::Error("net.upload_failed",
                   {{"http.route", route_name_}, {"error.message", failure.what()}});
        refusal_ = InternalRefusal();
    }
}

bool Exchange::BodyEnd() {
    if (auto finished = FinishBody(); !finished) {
        return Send(MakeRefusal(finished.error(), request_, core_.options));
    }
    if (const auto* hub = std::get_if<EventHub*>(&route_->target)) {
        OpenStream(**hub);
        return true;
    }
    return Dispatch();
}

Admitted<void> Exchange::FinishBody() {
    if (upload_) return reader_->Finish();
    const auto type = ParseValueWithParams(head_.Header("content-type"));
    if (!type || type->value != "application/x-www-form-urlencoded") return {};
    auto fields = ParseForm(request_.body, kMaxFormFields);
    if (!fields) return Refuse(400, Code::kInvalidArgument, "the form is malformed");
    request_.fields = std::move(*fields);
    request_.body.clear();
    return {};
}

bool Exchange::Dispatch() {
    const bool posted = core_.handlers.TryPost([this] {
        answer_ = RunHandler();
        upload_.reset();
        core_.mailbox.Post([this] {
            phase_ = Phase::kHandled;
            Resume();
        });
    });
    if (!posted) {
        const Refusal busy{
            503, {Code::kBusy, "the server is busy", {}}, {{"retry-after", "1"}}, false};
        return Send(MakeRefusal(busy, request_, core_.options));
    }
    phase_ = Phase::kHandling;
    Suspend();
    return true;
}

Reply Exchange::RunHandler() {
    if (request_.stop.stop_requested()) {
        return MakeRefusal(StoppingRefusal(), request_, core_.options);
    }
    try {
        const Handler* handler = is_json_ ? &route_->json : std::get_if<Handler>(&route_->target);
        Response response = upload_ ? upload_->Finish(request_) : (*handler)(request_);
        return MakeReply(std::move(response), request_, core_.options);
    } catch (const std::exception& failure) {
        log::Error("net.handler_failed", {{"http.route", route_name_},
                                          {"http.request.id", request_.request_id},
                                          {"error.message", failure.what()}});
        return MakeRefusal(InternalRefusal(), request_, core_.options);
    }
}

void Exchange::Tick(Time now) {
    const bool waits_for_body = phase_ == Phase::kBody || phase_ == Phase::kDiscarding;
    if (waits_for_body && now > BodyDeadline()) {
        answer_ = MakeRefusal({408, {Code::kDeadline, "the body came too slowly", {}}, {}, true},
                              request_, core_.options);
        Linger();
        Cut();
    } else if (phase_ == Phase::kLingering && now > linger_until_) {
        Cut();
    } else if (phase_ == Phase::kStreaming) {
        Readmit(now);
        if (suspended_ && stream_->IsCommentDue(now)) Resume();
    }
}

Exchange::Time Exchange::BodyDeadline() const {
    const auto earned = seconds((bytes_in_ + discarded_) / core_.options.min_body_rate);
    const auto begun = body_started_ == Time{} ? started_ : body_started_;
    return begun + core_.options.body_timeout + earned +
           std::chrono::duration_cast<steady_clock::duration>(body_paused_);
}

void Exchange::Cut() { ::shutdown(socket_, SHUT_RDWR); }

void Exchange::Completed() {
    if (!core_.options.on_complete) return;
    core_.options.on_complete({.method = head_.method,
                               .route = route_name_,
                               .path = request_.path,
                               .request_id = request_.request_id,
                               .remote_address = request_.remote_address,
                               .status = status_,
                               .took = steady_clock::now() - started_,
                               .bytes_in = bytes_in_ + discarded_});
}

void Exchange::Suspend() {
    suspended_ = true;
    suspended_since_ = steady_clock::now();
    MHD_suspend_connection(connection_);
}

void Exchange::Resume() {
    if (!std::exchange(suspended_, false)) return;
    MHD_resume_connection(connection_);
}

}  // namespace facet::net
