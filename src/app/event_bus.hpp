#pragma once

#include <atomic>
#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/db/redis.hpp"
#include "base/ids.hpp"
#include "pipeline/events.hpp"
#include "store/store.hpp"

namespace facet::app {

/// Events across the processes of one installation, by publish/subscribe on Redis: what happens
/// here is passed to `local` and told to the others, what happens there is passed to `local`.
/// At most once: what was told while a connection was away is lost, `on_gap` is called when it is
/// back. A FaceDeleted from elsewhere has the uids of the face and its media only.
/// Thread safety: all methods, any thread. All references outlive it.
class EventBus final : public pipeline::EventSink {
public:
    EventBus(redis::Pool& pool, std::string channel, store::Store& store,
             pipeline::EventSink& local);

    /// Starts to hear the others, on a thread of its own.
    void Listen(std::function<void()> on_gap);

    void MediaCreated(const store::Media& media) override;
    void MediaProcessing(const store::Media& media) override;
    void MediaProgress(const Uuid& media, const pipeline::VideoProgress& progress) override;
    void MediaFinished(const store::Media& media) override;
    void MediaDeleted(const Uuid& media) override;
    void FaceDeleted(const store::Face& face) override;

private:
    void Tell(std::string_view kind, const Uuid& media);
    void Tell(boost::json::object message);
    void Hear(std::string_view message);
    void Loop(const std::stop_token& stop);

    redis::Pool& pool_;
    const std::string channel_;
    store::Store& store_;
    pipeline::EventSink& local_;
    std::function<void()> on_gap_;
    const std::string self_ = Uuid::Generate().ToString();
    std::atomic<bool> failing_ = false;
    std::jthread thread_;  // last
};

}  // namespace facet::app
