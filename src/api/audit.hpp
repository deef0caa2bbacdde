#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "api/caller.hpp"
#include "store/access_store.hpp"

namespace facet::api {

/// Writes down who did what.
/// Thread safety: any thread. Cost: one small write to the database. What cannot be written is
/// logged, and does not fail the request that it is about.
class Audit {
public:
    explicit Audit(store::AccessStore& store) : store_(store) {}

    /// `action` is "thing.verb" or a word ("media.delete", "search"); `object` is what it was done
    /// to, by the name that the API has for it. Neither these nor `detail` may hold vectors,
    /// pictures, passwords or keys.
    void Record(const Call& call, std::string_view action, std::string_view object = {},
                const boost::json::object& detail = {});

private:
    store::AccessStore& store_;
};

}  // namespace facet::api
