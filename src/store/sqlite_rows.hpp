#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/db/sqlite.hpp"
#include "base/result.hpp"
#include "store/types.hpp"

/// Rows of SQLite to values and back; for the SQLite store only.
namespace facet::store {

inline constexpr std::size_t kVectorLength = 512;

Uuid ReadUuid(const sqlite::Statement& row, int column);

/// A query for the columns that ReadMedia expects; `from` names media as `m`.
std::string SelectMedia(std::string_view from);
Media ReadMedia(const sqlite::Statement& row);

/// A query for the columns that ReadFace expects; `from` names faces as `f`, their media as `m`.
std::string SelectFaces(std::string_view from);
Face ReadFace(const sqlite::Statement& row);

/// Floats as little-endian bytes, the form of blobs.
std::span<const std::uint8_t> ToBlob(std::span<const float> values);
/// Errors: kCorrupt when the blob is not `out.size()` floats.
Result<void> FromBlob(std::span<const std::uint8_t> blob, std::span<float> out);

/// A page's end as text: which list, and the last id shown.
std::string MakeCursor(char list, std::int64_t last_id);
/// Errors: kInvalidArgument when the cursor is not one of this list.
Result<std::int64_t> ParseCursor(char list, std::string_view cursor);

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
