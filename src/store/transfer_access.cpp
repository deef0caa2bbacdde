#include "store/transfer_access.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/postgres_rows.hpp"
#include "store/sqlite_rows.hpp"

namespace facet::store {
namespace {

std::optional<Timestamp> TimeOrNull(const sqlite::Statement& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return ReadTime(row, column);
}

/// Inserts all rows of the query, with the values that `read` makes of each.
template <class Read>
Result<std::size_t> CopyAll(sqlite::Statement& query, postgres::Connection& to,
                            std::string_view insert, Read read) {
    std::vector<postgres::Query> queries;
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) break;
        queries.push_back({.sql = std::string(insert), .values = read(query)});
    }
    FACET_TRY_VOID(to.RunAll(queries));
    return queries.size();
}

using Values = std::vector<postgres::Value>;

}  // namespace

Result<void> CopyAccess(sqlite::Connection& from, postgres::Connection& to) {
    FACET_TRY(users, from.Prepare("SELECT id, uid, name, password, scope, created_at,"
                                  " last_login_at FROM users"));
    FACET_TRY_VOID(
        CopyAll(users, to,
                "INSERT INTO users (id, uid, name, password, scope, created_at, last_login_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
                [](const sqlite::Statement& row) {
                    return Values{row.Int(0), ReadUuid(row, 1), row.Text(2),       row.Text(3),
                                  row.Int(4), ReadTime(row, 5), TimeOrNull(row, 6)};
                }));
    FACET_TRY(keys, from.Prepare("SELECT id, uid, name, secret, hint, scope, all_collections,"
                                 " created_at, expires_at, last_used_at, revoked_at"
                                 " FROM api_keys"));
    FACET_TRY_VOID(CopyAll(
        keys, to,
        "INSERT INTO api_keys (id, uid, name, secret, hint, scope, all_collections, created_at,"
        " expires_at, last_used_at, revoked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7 <> 0, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
        [](const sqlite::Statement& row) {
            return Values{row.Int(0),         ReadUuid(row, 1),   row.Text(2),
                          row.Blob(3),        row.Text(4),        row.Int(5),
                          row.Int(6),         ReadTime(row, 7),   TimeOrNull(row, 8),
                          TimeOrNull(row, 9), TimeOrNull(row, 10)};
        }));
    FACET_TRY(links, from.Prepare("SELECT key, collection FROM api_key_collections"));
    FACET_TRY_VOID(
        CopyAll(links, to,
                "INSERT INTO api_key_collections (key, collection) VALUES ($1, $2)"
                " ON CONFLICT (key, collection) DO NOTHING",
                [](const sqlite::Statement& row) { return Values{row.Int(0), row.Int(1)}; }));
    return {};
}

Result<std::size_t> CopyAudit(sqlite::Connection& from, postgres::Connection& to, int limit) {
    FACET_TRY(last, to.Run("SELECT coalesce(max(id), 0) FROM audit_log"));
    FACET_TRY(entries, from.Prepare("SELECT id, at, actor_kind, actor_id, actor_name, action,"
                                    " object, detail, address, request_id FROM audit_log"
                                    " WHERE id > ? ORDER BY id LIMIT ?"));
    return CopyAll(entries.Bind(1, last[0].Int(0)).Bind(2, limit), to,
                   "INSERT INTO audit_log (id, at, actor_kind, actor_id, actor_name, action,"
                   " object, detail, address, request_id)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                   [](const sqlite::Statement& row) {
                       Values values{row.Int(0), ReadTime(row, 1)};
                       for (int i = 2; i < 10; ++i) values.emplace_back(Storable(row.Text(i)));
                       return values;
                   });
}

}  // namespace facet::store
