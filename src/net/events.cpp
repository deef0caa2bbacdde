#include "net/events.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ids.hpp"
#include "net/events_state.hpp"

namespace facet::net {
namespace {

constexpr std::size_t kMaxBytes = 8 * 1024 * 1024;

std::string Encode(std::string_view id, std::string_view type, std::string_view data) {
    std::string out = "id: " + std::string(id) + "\n";
    const auto line_break = std::min(type.find_first_of("\r\n"), type.size());
    out.append("event: ").append(type.substr(0, line_break)).append("\n");
    for (bool more = true; more;) {
        const auto end = data.find_first_of("\r\n");
        more = end != std::string_view::npos;
        out.append("data: ").append(data.substr(0, end)).append("\n");
        if (more) data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
    }
    return out + "\n";
}

}  // namespace

EventHub::State::State(std::size_t history)
    : history_(std::max<std::size_t>(history, 1)), epoch_(Uuid::Generate().ToString()) {}

void EventHub::State::Publish(std::string_view type, std::string_view data) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    const std::string id = epoch_ + "." + std::to_string(first_ + frames_.size());
    frames_.push_back(std::make_shared<const std::string>(Encode(id, type, data)));
    bytes_ += frames_.back()->size();
    while (frames_.size() > history_ || (bytes_ > kMaxBytes && frames_.size() > 1)) {
        bytes_ -= frames_.front()->size();
        frames_.pop_front();
        ++first_;
    }
    WakeAll();
}

/// A frame without data is no event to its reader, who only learns its id (WHATWG HTML, 9.2.6).
void EventHub::State::Forget(std::string_view text) {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        if (!frames_[i]->contains(text)) continue;
        bytes_ -= frames_[i]->size();
        frames_[i] = std::make_shared<const std::string>("id: " + epoch_ + "." +
                                                         std::to_string(first_ + i) + "\n\n");
        bytes_ += frames_[i]->size();
    }
}

void EventHub::State::Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    WakeAll();
}

void EventHub::State::WakeAll() {
    for (auto& [token, wake] : wakes_) wake();
}

std::uint64_t EventHub::State::AddWake(Wake wake) {
    std::lock_guard lock(mutex_);
    wakes_.emplace(next_token_, std::move(wake));
    return next_token_++;
}

void EventHub::State::RemoveWake(std::uint64_t token) {
    std::lock_guard lock(mutex_);
    wakes_.erase(token);
}

EventHub::State::Start EventHub::State::Open(std::string_view last_event_id) {
    std::lock_guard lock(mutex_);
    ++readers_;
    const std::uint64_t end = first_ + frames_.size();
    if (last_event_id.empty()) return {end, false};
    const Start missed_some{first_, true};
    if (!last_event_id.starts_with(epoch_ + ".")) return missed_some;
    last_event_id.remove_prefix(epoch_.size() + 1);
    std::uint64_t seen = 0;
    const char* const start = last_event_id.data();
    const char* const stop = start + last_event_id.size();
    const auto [parsed, error] = std::from_chars(start, stop, seen);
    const bool known = error == std::errc{} && parsed == stop && seen + 1 >= first_ && seen < end;
    return known ? Start{seen + 1, false} : missed_some;
}

void EventHub::State::LeaveReader() {
    std::lock_guard lock(mutex_);
    --readers_;
}

EventHub::State::Kind EventHub::State::Look(std::uint64_t cursor) const {
    if (closed_) return Kind::kClosed;
    if (cursor < first_) return Kind::kLost;
    return cursor < first_ + frames_.size() ? Kind::kFrame : Kind::kNothing;
}

EventHub::State::Next EventHub::State::Read(std::uint64_t cursor) const {
    std::lock_guard lock(mutex_);
    const Kind kind = Look(cursor);
    return {kind, kind == Kind::kFrame ? frames_[cursor - first_] : nullptr};
}

bool EventHub::State::HasNews(std::uint64_t cursor) const {
    std::lock_guard lock(mutex_);
    return Look(cursor) != Kind::kNothing;
}

bool EventHub::State::IsLost(std::uint64_t cursor) const {
    std::lock_guard lock(mutex_);
    return Look(cursor) == Kind::kLost;
}

std::size_t EventHub::State::readers() const {
    std::lock_guard lock(mutex_);
    return readers_;
}

EventHub::EventHub(std::size_t history) : state_(std::make_shared<State>(history)) {}
EventHub::~EventHub() { state_->Close(); }
void EventHub::Publish(std::string_view type, std::string_view data) {
    state_->Publish(type, data);
}
void EventHub::Forget(std::string_view text) { state_->Forget(text); }
void EventHub::Close() { state_->Close(); }
std::size_t EventHub::readers() const { return state_->readers(); }

}  // namespace facet::net
