#include "tasks/celery/control.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <regex>

#include "base/log.hpp"
#include "tasks/celery/control_commands.hpp"
#include "tasks/celery/json.hpp"
#include "tasks/celery/message.hpp"

namespace facet::tasks::celery {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestPattern = 200;

const json::value* Member(const json::object& object, std::string_view name) {
    const auto at = object.find(name);
    return at == object.end() || at->value().is_null() ? nullptr : &at->value();
}

std::string TextOf(const json::object& object, std::string_view name) {
    const json::value* const value = Member(object, name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

bool Matches(const std::string& node, const std::string& pattern, std::string_view matcher) {
    if (pattern.size() > kLongestPattern) return false;
    if (matcher != "pcre") return ::fnmatch(pattern.c_str(), node.c_str(), 0) == 0;
    try {
        // Polynomial: in time that grows moderately with the text, whatever the pattern
        // (libstdc++).
        const std::regex regex(
            pattern, std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
        return std::regex_search(node, regex, std::regex_constants::match_continuous);
    } catch (const std::regex_error&) {
        return false;
    }
}

/// kombu.pidbox.Node.handle_message
bool IsForUs(const json::object& request, const std::string& node) {
    const json::value* const destination = Member(request, "destination");
    if (destination != nullptr && destination->is_array() && !destination->get_array().empty()) {
        return std::ranges::any_of(destination->get_array(), [&](const json::value& one) {
            return one.is_string() && one.get_string() == node;
        });
    }
    const std::string pattern = TextOf(request, "pattern");
    const std::string matcher = TextOf(request, "matcher");
    return pattern.empty() || matcher.empty() || Matches(node, pattern, matcher);
}

}  // namespace

std::optional<ControlMode> ParseControlMode(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 3> kNames = {"off", "read", "full"};
    const auto at = std::ranges::find(kNames, name);
    if (at == kNames.end()) return std::nullopt;
    return static_cast<ControlMode>(at - kNames.begin());
}

class Control::Impl {
public:
    Impl(const ControlParts& parts, const ControlOptions& options)
        : transport_(parts.transport),
          clock_(parts.clock),
          node_(options.node),
          commands_(parts, options),
          thread_([this](const std::stop_token& stop) {
              transport_.Listen(stop, [this](std::string_view raw) { Handle(raw); });
          }) {}

private:
    void Handle(std::string_view raw) {
        auto envelope = DecodeEnvelope(raw);
        boost::system::error_code error;
        const json::value body = envelope ? ParseJson(envelope->body, error) : json::value();
        if (!envelope || error || !body.is_object()) {
            log::Warn("celery.control_unreadable",
                      {{"error", envelope ? "no JSON object" : envelope.error().message}});
            return;
        }
        if (const json::value headers = ParseJson(envelope->headers, error);
            !error && headers.is_object()) {
            const json::value* const seen = Member(headers.get_object(), "clock");
            clock_.Saw(seen != nullptr && seen->is_int64() ? seen->get_int64() : 0);
        }
        const json::object& request = body.get_object();
        if (!IsForUs(request, node_)) return;
        const std::string method = TextOf(request, "method");
        const json::value* const arguments = Member(request, "arguments");
        const auto answer =
            commands_.Run(method, arguments == nullptr ? "{}" : json::serialize(*arguments));
        const json::value* const reply_to = Member(request, "reply_to");
        if (answer && reply_to != nullptr && reply_to->is_object()) {
            Reply(reply_to->get_object(), TextOf(request, "ticket"), *answer);
        }
    }

    void Reply(const json::object& reply_to, const std::string& ticket, const std::string& answer) {
        const Envelope envelope{
            .body = "{" + json::serialize(json::string_view(node_)) + ":" + answer + "}",
            .headers = json::serialize(json::object{{"ticket", ticket}, {"clock", clock_.Next()}})};
        if (auto sent = transport_.Reply(envelope, TextOf(reply_to, "exchange"),
                                         TextOf(reply_to, "routing_key"));
            !sent) {
            log::Warn("celery.reply_failed", {{"error", sent.error().message}});
        }
    }

    Transport& transport_;
    LogicalClock& clock_;
    const std::string node_;
    Commands commands_;
    std::jthread thread_;  // last: joined before the rest goes
};

Control::Control(const ControlParts& parts, const ControlOptions& options) {
    if (options.mode != ControlMode::kOff) impl_ = std::make_unique<Impl>(parts, options);
}

Control::~Control() = default;

}  // namespace facet::tasks::celery
