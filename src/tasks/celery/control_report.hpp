#pragma once

#include <boost/json/fwd.hpp>
#include <string>

/// Parts of the answers of remote control that only report.
namespace facet::tasks::celery {

/// getrusage(2) of this process, by Python's names.
boost::json::object ResourceUsage();
/// kombu.Queue.as_dict(recurse=True) for a queue as Celery declares it.
boost::json::object QueueInfo(const std::string& name);

}  // namespace facet::tasks::celery
