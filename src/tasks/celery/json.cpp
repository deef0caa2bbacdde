#include "tasks/celery/json.hpp"

#include <boost/json.hpp>

namespace facet::tasks::celery {

boost::json::parse_options JsonOptions() {
    boost::json::parse_options options;
    options.max_depth = kDeepestJson;
    options.numbers = boost::json::number_precision::precise;
    return options;
}

boost::json::value ParseJson(std::string_view text, boost::system::error_code& error) {
    return boost::json::parse(text, error, {}, JsonOptions());
}

}  // namespace facet::tasks::celery
