#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/refusal.hpp"
#include "net/server.hpp"

namespace facet::net {

/// True for the methods this server knows; others are 501.
bool IsKnownMethod(std::string_view method);

/// Finds the route of a request. Immutable after Create.
class Router {
public:
    struct Match {
        const Route* route = nullptr;  // null: no route has this method
        Params params;
        std::string allow;  // the methods of this path; empty: the path is unknown
    };

    /// Errors: kInvalidArgument (bad method or template, two equal routes, event route not a GET).
    static Result<Router> Create(std::vector<Route> routes);

    /// `raw_path` as in the request line, without query. Refuses with 400 (broken escape).
    Admitted<Match> Find(std::string_view method, std::string_view raw_path) const;
    const std::vector<Route>& routes() const { return routes_; }

private:
    struct Segment {
        bool is_param = false;
        std::string text;  // the literal, or the name of the parameter
    };
    using Template = std::vector<Segment>;

    static Result<Template> ParseTemplate(const Route& route);

    std::vector<Route> routes_;
    std::vector<Template> templates_;  // one for each route
};

}  // namespace facet::net
