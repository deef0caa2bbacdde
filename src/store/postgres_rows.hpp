#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/db/postgres.hpp"
#include "store/filters.hpp"
#include "store/rows.hpp"

/// Rows of PostgreSQL to values and back; for the PostgreSQL store only.
namespace facet::store {

/// A row of SelectMedia.
Media ReadMedia(const postgres::Row& row);
/// A row of SelectFaces.
Face ReadFace(const postgres::Row& row);
/// A row of SelectCollections.
Collection ReadCollection(const postgres::Row& row);
/// A row of SelectPeople.
Person ReadPerson(const postgres::Row& row);

/// Text that PostgreSQL takes: what is not UTF-8, and NUL, become U+FFFD.
std::string Storable(std::string_view text);

inline std::span<const std::uint8_t> Bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string TextOf(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<postgres::Value> ToValues(const std::vector<FilterValue>& values);

/// The numbers of ids, for Value::Array.
template <class Id>
std::vector<std::int64_t> Numbers(std::span<const Id> ids) {
    std::vector<std::int64_t> numbers;
    numbers.reserve(ids.size());
    for (const Id id : ids) numbers.push_back(id.value());
    return numbers;
}

/// All rows of an answer, each through `read`.
template <class Read>
auto ReadRows(const Result<postgres::Rows>& rows, Read read)
    -> Result<std::vector<decltype(read((*rows)[0]))>> {
    if (!rows) return std::unexpected(rows.error());
    std::vector<decltype(read((*rows)[0]))> values;
    values.reserve(rows->size());
    for (std::size_t i = 0; i < rows->size(); ++i) values.push_back(read((*rows)[i]));
    return values;
}

/// The first row of an answer, or kNotFound with `missing` as message.
template <class Read>
auto ReadOne(const Result<postgres::Rows>& rows, Read read, const char* missing)
    -> Result<decltype(read((*rows)[0]))> {
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return Fail(Code::kNotFound, missing);
    return read((*rows)[0]);
}

}  // namespace facet::store
