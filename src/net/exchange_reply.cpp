// The answering half of Exchange: early refusals, replies, event streams.
#include <microhttpd.h>
#include <sys/socket.h>

#include <atomic>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "net/exchange.hpp"

namespace facet::net {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

/// About how long a stream goes on that `admit` would refuse now.
constexpr seconds kReadmitEvery{2};

ssize_t ReadEvents(void* exchange, std::uint64_t /*position*/, char* buffer, std::size_t size) {
    return static_cast<Exchange*>(exchange)->ReadStream(buffer, size);
}

void FreeBody(void* body) { delete static_cast<std::shared_ptr<const std::string>*>(body); }

/// Takes the file or shares the body of `reply`.
MHD_Response* MakeResponse(Reply& reply) {
    if (reply.file) {
        MHD_Response* response =
            MHD_create_response_from_fd_at_offset64(reply.size, reply.file.get(), reply.offset);
        if (response != nullptr) (void)reply.file.Release();
        return response;
    }
    if (!reply.body || reply.body->empty()) return MHD_create_response_empty(MHD_RF_NONE);
    auto* shared = new std::shared_ptr<const std::string>(reply.body);
    return MHD_create_response_from_buffer_with_free_callback_cls(
        reply.body->size(), const_cast<char*>(reply.body->data()), &FreeBody, shared);
}

}  // namespace

bool Exchange::RefuseWith(const Refusal& refusal) {
    answer_ = MakeRefusal(refusal, request_, core_.options);
    upload_.reset();
    return BeginDiscard();
}

/// Gets the rest of the body out of the way of `answer_`. While the body is still arriving the
/// library cannot send one, so a large rest makes us write it to the socket ourselves.
bool Exchange::BeginDiscard() {
    const bool at_head = phase_ == Phase::kHead || phase_ == Phase::kAdmitted;
    const std::uint64_t rest = content_length_ ? *content_length_ - bytes_in_ : 0;
    const bool has_body = !content_length_ || *content_length_ > 0;
    phase_ = Phase::kDiscarding;
    if (!has_body && !answer_->close) return true;
    const bool waits_for_go = head_.Count("expect") > 0;
    if (at_head && (answer_->close || waits_for_go)) return Send(std::move(*answer_));
    if (rest > kMaxDiscard) Linger();
    return true;
}

/// Writes `answer_` and half-closes: a client that still sends would lose it to a reset.
void Exchange::Linger() {
    const std::string message = Serialize(*answer_);
    // The send buffer is empty but for a "100 Continue": a short answer fits.
    [[maybe_unused]] const auto sent =
        ::send(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket_, SHUT_WR);
    status_ = answer_->status;
    answer_.reset();
    phase_ = Phase::kLingering;
    linger_until_ = steady_clock::now() + kLingerTime;
}

bool Exchange::Send(Reply reply) {
    phase_ = Phase::kAnswered;
    return QueueOnly(MakeResponse(reply), reply);
}

/// Hands `response` with the status and headers of `reply` to the library.
bool Exchange::QueueOnly(MHD_Response* response, const Reply& reply) {
    if (response == nullptr) return false;
    for (const auto& [name, value] : reply.headers) {
        if (MHD_add_response_header(response, name.c_str(), value.c_str()) != MHD_YES) {
            log::Warn("net.bad_response_header", {{"name", name}});
        }
    }
    if (reply.close) MHD_add_response_header(response, "connection", "close");
    status_ = reply.status;
    const auto queued =
        MHD_queue_response(connection_, static_cast<unsigned>(reply.status), response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}

/// Shared with the worker that asks: the client may go away meanwhile, and the exchange with it.
struct Exchange::Readmission {
    const Route& route;  // of the server's router, which outlives the workers
    const Request request;
    Time ask_at;  // for the network thread alone
    std::atomic<bool> asking = false;
    std::atomic<bool> refused = false;

    /// Only who may not listen is sent away: that a database is away, for one, says nothing of
    /// that.
    void Ask() {
        try {
            const auto admitted = route.admit(request);
            refused = !admitted && (admitted.error().code == Code::kUnauthorized ||
                                    admitted.error().code == Code::kForbidden);
        } catch (const std::exception& failure) {
            log::Error("net.admit_failed",
                       {{"http.route", route.path}, {"error.message", failure.what()}});
        }
        asking = false;
    }
};

void Exchange::OpenStream(EventHub& hub) {
    stream_.emplace(EventHub::State::Of(hub), head_.Header("last-event-id"),
                    core_.options.keep_alive);
    if (core_.stopping) stream_->End();
    Response head;
    head.headers = {{"content-type", "text/event-stream"},
                    {"cache-control", "no-store"},
                    {"x-accel-buffering", "no"}};  // nginx: pass it on at once
    const Reply reply = MakeReply(std::move(head), request_, core_.options);
    constexpr std::size_t kBlock = 32 * 1024;
    QueueOnly(
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &ReadEvents, this, nullptr),
        reply);
    phase_ = Phase::kStreaming;
    if (route_->admit) {
        readmission_ =
            std::make_shared<Readmission>(*route_, request_, steady_clock::now() + kReadmitEvery);
    }
}

void Exchange::Readmit(Time now) {
    if (!readmission_) return;
    if (readmission_->refused) {
        EndStream();
        return;
    }
    if (now < readmission_->ask_at || readmission_->asking) return;
    readmission_->ask_at = now + kReadmitEvery;
    readmission_->asking = true;
    const bool posted = core_.bodies.TryPost([asked = readmission_] { asked->Ask(); });
    if (!posted) readmission_->asking = false;
}

ssize_t Exchange::ReadStream(char* buffer, std::size_t size) {
    const auto filled = stream_->Fill({buffer, size}, steady_clock::now());
    switch (filled.outcome) {
        case EventStream::Outcome::kBytes:
            return static_cast<ssize_t>(filled.size);
        case EventStream::Outcome::kEnd:
            return MHD_CONTENT_READER_END_OF_STREAM;
        case EventStream::Outcome::kLost:
            return MHD_CONTENT_READER_END_WITH_ERROR;
        case EventStream::Outcome::kWait:
            break;
    }
    Suspend();
    return 0;
}

void Exchange::WakeStream() {
    if (phase_ != Phase::kStreaming) return;
    if (suspended_ && stream_->HasNews()) {
        Resume();
    } else if (!suspended_ && stream_->IsLost()) {
        Cut();  // the library waits for a socket that takes nothing
    }
}

void Exchange::EndStream() {
    if (phase_ != Phase::kStreaming) return;
    stream_->End();
    Resume();
}

}  // namespace facet::net
