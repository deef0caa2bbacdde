#include "store/access_rows.hpp"

#include <charconv>

namespace facet::store {

std::string Select(std::string_view columns, std::string_view rest) {
    return std::string("SELECT ").append(columns).append(" FROM ").append(rest);
}

std::vector<CollectionId> ParseCollections(std::string_view list) {
    std::vector<CollectionId> ids;
    const char* at = list.data();
    const char* const end = at + list.size();
    while (at != end) {
        std::int64_t id = 0;
        at = std::from_chars(at, end, id).ptr;
        ids.emplace_back(id);
        if (at != end) ++at;  // the comma
    }
    return ids;
}

}  // namespace facet::store
