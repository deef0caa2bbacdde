#pragma once

#include <cstddef>
#include <string_view>

namespace boost::json {
class value;
struct parse_options;
}  // namespace boost::json
namespace boost::system {
class error_code;
}  // namespace boost::system

/// How this module reads JSON of others: nesting is bounded, and numbers are read to the last bit,
/// so that arguments and results arrive as they were sent.
namespace facet::tasks::celery {

/// Nesting of arguments and results at most.
inline constexpr std::size_t kDeepestJson = 64;

boost::json::parse_options JsonOptions();
boost::json::value ParseJson(std::string_view text, boost::system::error_code& error);

}  // namespace facet::tasks::celery
