#include "net/router.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "net/text.hpp"

namespace facet::net {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

/// "/a/b" -> "a", "b"; "/" -> "". `path` begins with '/'.
std::vector<std::string_view> Split(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        const auto end = std::min(path.find('/', 1), path.size());
        out.push_back(path.substr(1, end - 1));
        path.remove_prefix(end);
    }
    return out;
}

std::string Join(const std::set<std::string, std::less<>>& methods) {
    std::string out;
    for (const auto& method : methods) out += (out.empty() ? "" : ", ") + method;
    return out;
}

}  // namespace

bool IsKnownMethod(std::string_view method) { return std::ranges::contains(kMethods, method); }

Result<Router::Template> Router::ParseTemplate(const Route& route) {
    const std::string name = route.method + " " + route.path;
    if (!IsKnownMethod(route.method) || route.method == "HEAD" || route.method == "OPTIONS") {
        return Fail(Code::kInvalidArgument, "route " + name + ": bad method");
    }
    if (!route.path.starts_with('/')) {
        return Fail(Code::kInvalidArgument, "route " + name + ": the path must begin with /");
    }
    const bool empty = std::visit([](const auto& target) { return !target; }, route.target);
    const bool stream = std::holds_alternative<EventHub*>(route.target);
    if (empty || (stream && route.method != "GET")) {
        return Fail(Code::kInvalidArgument, "route " + name + ": bad target");
    }
    Template out;
    std::set<std::string_view> names;
    for (std::string_view part : Split(route.path)) {
        const bool is_param = part.starts_with('{') && part.ends_with('}') && part.size() > 2;
        if (is_param) part = part.substr(1, part.size() - 2);
        if (part.find_first_of("{}") != std::string_view::npos ||
            (is_param && !names.insert(part).second)) {
            return Fail(Code::kInvalidArgument, "route " + name + ": bad parameter");
        }
        out.push_back({is_param, std::string(part)});
    }
    return out;
}

Result<Router> Router::Create(std::vector<Route> routes) {
    Router router;
    std::set<std::string> seen;
    for (const Route& route : routes) {
        FACET_TRY(parsed, ParseTemplate(route));
        std::string shape = route.method;
        for (const Segment& segment : parsed) {
            shape += segment.is_param ? "/{}" : "/" + segment.text;
        }
        if (!seen.insert(shape).second) {
            return Fail(Code::kInvalidArgument, "two routes for " + shape);
        }
        router.templates_.push_back(std::move(parsed));
    }
    router.routes_ = std::move(routes);
    return router;
}

Admitted<Router::Match> Router::Find(std::string_view method, std::string_view raw_path) const {
    std::vector<std::string> parts;
    for (std::string_view raw : Split(raw_path)) {
        auto decoded = PercentDecode(raw, Plus::kLiteral);
        if (!decoded) return Refuse(400, Code::kInvalidArgument, "the path is malformed");
        parts.push_back(std::move(*decoded));
    }
    auto matches = [&](const Template& candidate) {
        return std::ranges::equal(candidate, parts, [](const Segment& segment, const auto& part) {
            return segment.is_param ? !part.empty() : segment.text == part;
        });
    };
    // Literals before parameters, from the left.
    auto is_better = [](const Template& a, const Template& b) {
        return std::ranges::lexicographical_compare(a, b, {}, &Segment::is_param,
                                                    &Segment::is_param);
    };
    std::optional<std::size_t> best;
    std::set<std::string, std::less<>> allowed;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        if (!matches(templates_[i])) continue;
        const std::string& own = routes_[i].method;
        allowed.insert(own);
        if (own == "GET") allowed.insert("HEAD");
        if (own != method && !(own == "GET" && method == "HEAD")) continue;
        if (!best || is_better(templates_[i], templates_[*best])) best = i;
    }
    Match match;
    if (!allowed.empty()) allowed.insert("OPTIONS");
    match.allow = Join(allowed);
    if (!best) return match;
    match.route = &routes_[*best];
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Segment& segment = templates_[*best][i];
        if (segment.is_param) match.params.emplace(segment.text, std::move(parts[i]));
    }
    return match;
}

}  // namespace facet::net
