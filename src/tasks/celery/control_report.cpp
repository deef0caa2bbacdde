#include "tasks/celery/control_report.hpp"

#include <sys/resource.h>

#include <boost/json.hpp>

namespace facet::tasks::celery {

namespace json = boost::json;

json::object ResourceUsage() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return {{"utime", seconds(used.ru_utime)}, {"stime", seconds(used.ru_stime)},
            {"maxrss", used.ru_maxrss},        {"ixrss", used.ru_ixrss},
            {"idrss", used.ru_idrss},          {"isrss", used.ru_isrss},
            {"minflt", used.ru_minflt},        {"majflt", used.ru_majflt},
            {"nswap", used.ru_nswap},          {"inblock", used.ru_inblock},
            {"oublock", used.ru_oublock},      {"msgsnd", used.ru_msgsnd},
            {"msgrcv", used.ru_msgrcv},        {"nsignals", used.ru_nsignals},
            {"nvcsw", used.ru_nvcsw},          {"nivcsw", used.ru_nivcsw}};
}

json::object QueueInfo(const std::string& name) {
    return {{"name", name},
            {"exchange",
             {{"name", name},
              {"type", "direct"},
              {"arguments", nullptr},
              {"durable", true},
              {"passive", false},
              {"auto_delete", false},
              {"delivery_mode", nullptr},
              {"no_declare", false}}},
            {"routing_key", name},
            {"queue_arguments", nullptr},
            {"binding_arguments", nullptr},
            {"consumer_arguments", nullptr},
            {"durable", true},
            {"exclusive", false},
            {"auto_delete", false},
            {"no_ack", false},
            {"alias", nullptr},
            {"bindings", json::array{}},
            {"no_declare", nullptr},
            {"expires", nullptr},
            {"message_ttl", nullptr},
            {"max_length", nullptr},
            {"max_length_bytes", nullptr},
            {"max_priority", nullptr}};
}

}  // namespace facet::tasks::celery
