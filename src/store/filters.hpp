#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "store/types.hpp"

/// Filters as SQL, for both databases; for the adapters only.
namespace facet::store {

enum class Dialect : std::uint8_t { kSqlite, kPostgres };

struct RawBytes {
    std::string bytes;
};
using FilterValue = std::variant<std::int64_t, double, std::string, Timestamp, Uuid, RawBytes>;

/// Conditions joined by AND, and the values of their placeholders from 1 on. SQL around them names
/// media as `m`, faces as `f`.
class Conditions {
public:
    explicit Conditions(Dialect dialect) : dialect_(dialect) {}

    void Add(const std::string& condition);
    void Add(const MediaFilter& filter);
    /// Those of the media too.
    void Add(const FaceFilter& filter);
    /// Filter, person and cursor. Errors: kInvalidArgument (cursor).
    Result<void> Add(const MediaQuery& query);
    void AddCollections(const std::string& column, const std::vector<CollectionId>& collections);

    /// The placeholder of a further value.
    std::string Bind(FilterValue value);

    /// "true" when there are none.
    const std::string& sql() const noexcept { return sql_; }
    const std::vector<FilterValue>& values() const noexcept { return values_; }

private:
    const Dialect dialect_;
    std::string sql_ = "true";
    std::vector<FilterValue> values_;
};

/// "ORDER BY …" for media.
std::string OrderBy(MediaSort sort, Dialect dialect);

/// Cuts a page of `limit` from rows that were asked for with one more.
void FinishMediaPage(MediaPage& page, const MediaQuery& query);

}  // namespace facet::store
