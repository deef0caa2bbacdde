#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/core.hpp"
#include "net/event_stream.hpp"
#include "net/multipart.hpp"
#include "net/reply.hpp"

struct MHD_Connection;
struct MHD_Response;

namespace facet::net {

/// One request and its answer. All methods run on the network thread. While a worker has the
/// request, the connection is suspended and the members the worker uses are left alone; its end
/// comes back through the mailbox.
class Exchange {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Made when the request line is in.
    Exchange(Core& core, MHD_Connection* connection, int socket, std::string remote,
             std::string target);
    Exchange(const Exchange&) = delete;

    /// The access handler of the library. `*size` bytes of body, or 0 for "headers are in" and for
    /// "all is in". False: close the connection.
    bool Access(std::string_view method, std::string_view version, const char* data,
                std::size_t* size);
    /// The content reader of the library, for event streams.
    ssize_t ReadStream(char* buffer, std::size_t size);
    /// Checks the timeouts that the library does not have.
    void Tick(Time now);
    /// The hub has news.
    void WakeStream();
    /// Ends an event stream properly.
    void EndStream();
    /// Closes the connection under a request that is not being handled.
    void Cut();
    void Completed();

    bool has_headers() const { return phase_ != Phase::kHead; }
    /// Its body still arrives.
    bool is_receiving() const;
    /// It is on the way to an answer that the client has not got yet.
    bool is_worth_waiting() const;

private:
    /// A refused body up to this size is read to its end, so that the connection can be used again.
    static constexpr std::uint64_t kMaxDiscard = 64 * 1024;
    /// A larger one is read for this long, or this far, so that the client sees the answer, which
    /// went out before, and not a reset.
    static constexpr std::chrono::seconds kLingerTime{5};
    static constexpr std::uint64_t kMaxLinger = 64 * 1024 * 1024;

    struct Readmission;
    enum class Phase : std::uint8_t {
        kHead,        // headers are arriving
        kAdmitting,   // a body thread runs `admit`
        kAdmitted,    //
        kBody,        // the body is arriving
        kFeeding,     // a body thread writes a piece of it
        kDiscarding,  // refused; a small rest of the body is read before the answer
        kLingering,   // refused and answered; the body is read until the client notices
        kHandling,    // a handler thread has it
        kHandled,     //
        kStreaming,   // an event stream
        kAnswered,    //
    };

    void ReadHead(std::string_view method, std::string_view version);
    bool Begin();
    Admitted<void> Choose();
    Admitted<void> CheckBody();
    bool is_upload() const;
    std::uint64_t max_body() const;
    bool AnswerStatic(std::string_view path);
    void PostAdmit();
    void Admit();
    bool BodyData(const char* data, std::size_t* size);
    void Feed();
    bool BodyEnd();
    Admitted<void> FinishBody();
    bool Dispatch();
    Reply RunHandler();
    void OpenStream(EventHub& hub);
    /// Asks `admit` about an open stream again, now and then, and ends one that it refuses.
    void Readmit(Time now);

    void Suspend();
    void Resume();
    bool RefuseWith(const Refusal& refusal);
    bool BeginDiscard();
    void Linger();
    bool Send(Reply reply);
    bool QueueOnly(MHD_Response* response, const Reply& reply);
    void StartBody();
    Time BodyDeadline() const;

    Core& core_;
    MHD_Connection* const connection_;
    const int socket_;
    const Time started_;

    Phase phase_ = Phase::kHead;
    bool suspended_ = false;
    RequestHead head_;
    Request request_;
    const Route* route_ = nullptr;
    bool is_json_ = false;  // route_->json answers
    std::string_view route_name_;
    int status_ = 0;

    std::optional<std::uint64_t> content_length_;  // nothing: chunked
    std::uint64_t bytes_in_ = 0;
    std::uint64_t discarded_ = 0;
    Time body_started_{};
    Time suspended_since_{};
    std::chrono::nanoseconds body_paused_{};  // time that we, not the client, took
    Time linger_until_{};

    // Used by one worker at a time while the connection is suspended.
    std::unique_ptr<Upload> upload_;
    std::optional<MultipartReader> reader_;
    std::string piece_;
    std::optional<Refusal> refusal_;

    std::optional<Reply> answer_;

    std::optional<EventStream> stream_;
    std::shared_ptr<Readmission> readmission_;  // of a stream whose route has an `admit`
};

}  // namespace facet::net
