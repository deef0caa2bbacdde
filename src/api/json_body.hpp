#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/message.hpp"

namespace facet::api {

/// The members of a JSON body. A member that is null counts as absent.
/// Errors of all: kInvalidArgument, naming the member.
class JsonBody {
public:
    /// Also an error: a body that is no JSON object, a member that is not in `known`.
    static Result<JsonBody> Parse(const net::Request& request,
                                  std::initializer_list<std::string_view> known);

    /// Whatever its members are. Errors: kUnsupportedMedia (declared as something else) besides.
    static Result<boost::json::object> ParseAny(const net::Request& request);

    /// Also when it is null.
    bool Has(std::string_view name) const { return members_.contains(name); }
    /// Null when absent.
    const boost::json::value* Find(std::string_view name) const;
    /// Absence is an error too.
    Result<std::string> Text(std::string_view name) const;
    Result<std::optional<std::string>> OptionalText(std::string_view name) const;
    Result<std::optional<Timestamp>> OptionalTime(std::string_view name) const;

    /// Empty when absent; see TextsIn.
    Result<std::vector<std::string>> Texts(std::string_view name, std::size_t most) const;

private:
    explicit JsonBody(boost::json::object members) : members_(std::move(members)) {}
    boost::json::object members_;
};

/// The texts of a list of `most` at most. Errors: kInvalidArgument, naming it.
Result<std::vector<std::string>> TextsIn(const boost::json::value& list, std::string_view name,
                                         std::size_t most);

}  // namespace facet::api
