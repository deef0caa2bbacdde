#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "tasks/celery/transport.hpp"

namespace facet::tasks::celery {

/// kombu's filesystem transport (5.3 or later) in a folder of this machine: without any server,
/// Celery's programs see a worker and ask it, and producers send it tasks. Who may write into the
/// folder may do all that. What nobody reads is removed, so the folder stays small
/// (docs/format/folder.md).
class Folder final : public Transport {
public:
    /// Makes the folder, for its owner only, and celeryconfig.py in it, by which Celery's programs
    /// find their way; one process has it at a time. `node`: "facet@host".
    /// Errors: kConflict (another process has it), kForbidden (anyone may write into it),
    /// kInvalidArgument (a node that cannot be part of a file's name), kUnavailable.
    static Result<std::unique_ptr<Folder>> Open(const std::filesystem::path& path,
                                                const std::string& node);
    ~Folder() override;

    const Broker& broker() const override { return broker_; }
    Result<void> Publish(const Envelope& event, std::string_view routing_key) override;
    Result<void> Reply(const Envelope& answer, std::string_view exchange,
                       std::string_view routing_key) override;
    /// Requests from before the call are forgotten.
    void Listen(const std::stop_token& stop,
                const std::function<void(std::string_view)>& handle) override;

    /// Calls `take` with each message of a queue, until a stop is asked for. A message is gone once
    /// `take` returns; one that it calls kInvalidArgument or kTooLarge is set aside, after any
    /// other error it is offered again, also to a later process. One caller at a time for each
    /// queue.
    void Consume(const std::string& queue, const std::stop_token& stop,
                 const std::function<Result<void>(std::string_view)>& take);

    /// Results, where Celery's file backend looks for them: of tasks from which one is expected,
    /// for a day. Expecting one that is there already changes nothing.
    void ExpectResult(const std::string& id);
    void PutResult(const std::string& id, const std::string& document);
    /// Ids of the tasks whose result is still expected.
    std::vector<std::string> Expected() const;

    /// Forgets queues that nobody reads. Called every few seconds by itself.
    void Tidy();

private:
    struct Binding {
        std::string routing_key;
        std::string pattern;
        std::string queue;
        bool operator==(const Binding&) const = default;
    };
    using Table = std::vector<Binding>;

    Folder(const std::filesystem::path& path, const std::string& node, UniqueFd lock);
    Result<void> Prepare();
    Result<void> EditTable(std::string_view exchange, const std::function<bool(Table&)>& edit);
    Result<void> Write(const std::filesystem::path& to, const std::string& text);
    Result<void> Put(const std::string& queue, const std::string& text);
    void TakeFrom(const std::filesystem::path& folder, const std::string& queue,
                  const std::stop_token& stop,
                  const std::function<Result<void>(std::string_view)>& take);
    void SetAside(const std::filesystem::path& file, const Error& why);
    std::filesystem::path ResultPath(const std::string& id) const;
    void WriteResult(const std::string& id, const std::string& document);
    void ForgetOldResults();

    const std::filesystem::path path_;
    const std::filesystem::path messages_;  // data_folder_in and data_folder_out
    const std::filesystem::path tables_;    // control_folder
    const std::filesystem::path results_;
    const std::filesystem::path taken_;
    const std::filesystem::path rejected_;
    const std::filesystem::path unfinished_;
    const std::string requests_;  // the queue of requests to us
    const Broker broker_;
    const UniqueFd lock_;

    std::mutex mutex_;
    bool listening_ = false;      // under mutex_
    std::int64_t last_name_ = 0;  // under mutex_

    std::jthread keeper_;  // last: joined before the rest goes
};

}  // namespace facet::tasks::celery
