#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <string_view>

/// Private to this module.
namespace facet::tasks::celery {

/// Nesting of arguments and results at most.
inline constexpr std::size_t kDeepestJson = 64;

/// Numbers are read to the last bit: arguments and results arrive as they were sent.
inline boost::json::parse_options JsonOptions() {
    boost::json::parse_options options;
    options.max_depth = kDeepestJson;
    options.numbers = boost::json::number_precision::precise;
    return options;
}

inline boost::json::value ParseJson(std::string_view text, boost::system::error_code& error) {
    return boost::json::parse(text, error, {}, JsonOptions());
}

}  // namespace facet::tasks::celery
