#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <string_view>

/// How this module reads JSON of others: nesting is bounded, and numbers are read to the last bit,
/// so that arguments and results arrive as they were sent.
namespace facet::tasks::celery {

/// Nesting of arguments and results at most.
inline constexpr std::size_t kDeepestJson = 64;

boost::json::parse_options JsonOptions();
boost::json::value ParseJson(std::string_view text, boost::system::error_code& error);

}  // namespace facet::tasks::celery
