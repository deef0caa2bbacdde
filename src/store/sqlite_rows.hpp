#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/db/sqlite.hpp"
#include "base/result.hpp"
#include "store/filters.hpp"
#include "store/rows.hpp"
#include "store/types.hpp"

/// Rows of SQLite to values and back; for the SQLite store only.
namespace facet::store {

Uuid ReadUuid(const sqlite::Statement& row, int column);
Timestamp ReadTime(const sqlite::Statement& row, int column);
/// The form of times in the tables.
inline std::int64_t Milliseconds(Timestamp at) { return at.time_since_epoch().count(); }

/// A row of SelectMedia.
Media ReadMedia(const sqlite::Statement& row);

/// A row of SelectFaces.
Face ReadFace(const sqlite::Statement& row);
/// A row of SelectCollections.
Collection ReadCollection(const sqlite::Statement& row);
/// A row of SelectPeople.
Person ReadPerson(const sqlite::Statement& row);

/// Binds the values of a filter from 1 on.
void BindAll(sqlite::Statement& statement, const std::vector<FilterValue>& values);

/// All rows of a query, each through `read`.
template <class Read>
auto ReadRows(sqlite::Statement& query, Read read) -> Result<std::vector<decltype(read(query))>> {
    std::vector<decltype(read(query))> rows;
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) return rows;
        rows.push_back(read(query));
    }
}

/// The first row of a query, or kNotFound with `missing` as message.
template <class Read>
auto ReadOne(sqlite::Statement& query, Read read, const char* missing)
    -> Result<decltype(read(query))> {
    FACET_TRY(found, query.Step());
    if (!found) return Fail(Code::kNotFound, missing);
    return read(query);
}

}  // namespace facet::store
