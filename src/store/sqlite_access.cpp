#include "store/sqlite_access.hpp"

#include <algorithm>

#include "store/access_rows.hpp"
#include "store/sqlite_access_impl.hpp"
#include "store/sqlite_access_schema.hpp"
#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

namespace facet::store {
namespace {

std::optional<Timestamp> ReadTimeOrNull(const sqlite::Statement& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return ReadTime(row, column);
}

Sha256Digest ReadDigest(const sqlite::Statement& row, int column) {
    Sha256Digest digest{};
    const auto blob = row.Blob(column);
    std::copy_n(blob.begin(), std::min(blob.size(), digest.size()), digest.begin());
    return digest;
}

/// Columns of kUserColumns, the first of which is `at`.
User ReadUserAt(const sqlite::Statement& row, int at) {
    return {.uid = ReadUuid(row, at),
            .name = row.Text(at + 1),
            .password = row.Text(at + 2),
            .scope = static_cast<Scope>(row.Int(at + 3)),
            .created_at = ReadTime(row, at + 4),
            .last_login_at = ReadTimeOrNull(row, at + 5)};
}

User ReadUser(const sqlite::Statement& row) { return ReadUserAt(row, 0); }

Session ReadSession(const sqlite::Statement& row) {
    return {.uid = ReadUuid(row, 0),
            .token = ReadDigest(row, 1),
            .user = ReadUuid(row, 2),
            .created_at = ReadTime(row, 3),
            .last_seen_at = ReadTime(row, 4),
            .expires_at = ReadTime(row, 5),
            .address = row.Text(6),
            .agent = row.Text(7)};
}

ApiKey ReadKey(const sqlite::Statement& row) {
    return {.uid = ReadUuid(row, 0),
            .name = row.Text(1),
            .secret = ReadDigest(row, 2),
            .hint = row.Text(3),
            .scope = static_cast<Scope>(row.Int(4)),
            .all_collections = row.Int(5) != 0,
            .collections = ParseCollections(row.Text(10)),
            .created_at = ReadTime(row, 6),
            .expires_at = ReadTimeOrNull(row, 7),
            .last_used_at = ReadTimeOrNull(row, 8),
            .revoked_at = ReadTimeOrNull(row, 9)};
}

std::string SelectKeys(std::string_view rest) {
    return Select(std::string(kKeyColumns) +
                      ", coalesce((SELECT group_concat(collection) FROM api_key_collections"
                      " WHERE key = k.id), '')",
                  rest);
}

AuditEntry ReadAuditEntry(const sqlite::Statement& row) {
    return {.id = AuditId(row.Int(0)),
            .at = ReadTime(row, 1),
            .actor_kind = row.Text(2),
            .actor_id = row.Text(3),
            .actor_name = row.Text(4),
            .action = row.Text(5),
            .object = row.Text(6),
            .detail = row.Text(7),
            .address = row.Text(8),
            .request_id = row.Text(9)};
}

/// Whether the user is the only one with scope admin.
Result<bool> IsLastAdmin(sqlite::Connection& connection, const Uuid& user) {
    FACET_TRY(query, connection.Prepare("SELECT scope = 2 AND NOT EXISTS (SELECT 1 FROM users o"
                                        " WHERE o.scope = 2 AND o.uid <> u.uid)"
                                        " FROM users u WHERE u.uid = ?"));
    FACET_TRY(found, query.Bind(1, user.bytes()).Step());
    if (!found) return Fail(Code::kNotFound, kNoUser);
    return query.Int(0) != 0;
}

Result<void> Delete(sqlite::Connection& connection, std::string_view sql, std::int64_t before) {
    FACET_TRY(remove, connection.Prepare(sql));
    return remove.Bind(1, before).Run();
}

/// The four parts of the name of a request, from `first` on.
sqlite::Statement& BindName(sqlite::Statement& statement, int first, const KeyedRequest& request) {
    return statement.Bind(first, request.caller)
        .Bind(first + 1, request.method)
        .Bind(first + 2, request.path)
        .Bind(first + 3, request.key);
}

/// What is known of a request by its name, whatever its fingerprint.
Result<sqlite::Statement> Known(sqlite::Connection& connection, const KeyedRequest& request,
                                Timestamp now) {
    FACET_TRY(query,
              connection.Prepare("SELECT fingerprint, status, content_type, body FROM kept_answers"
                                 " WHERE caller = ? AND method = ? AND path = ? AND key = ?"
                                 " AND created_at > CASE WHEN status IS NULL THEN ? ELSE ? END"));
    BindName(query, 1, request)
        .Bind(5, Milliseconds(now - kLongestRequest))
        .Bind(6, Milliseconds(now - kKeepAnswers));
    return query;
}

}  // namespace

Result<std::unique_ptr<AccessStore>> MakeSqliteAccessStore(sqlite::Database& database,
                                                           const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("access", kAccessMigrations));
    return std::make_unique<SqliteAccessStore>(database, clock);
}

// ---- users -----------------------------------------------------------------------------------

Result<bool> SqliteAccessStore::HasUsers() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT EXISTS (SELECT 1 FROM users)"));
    FACET_TRY_VOID(query.Step());
    return query.Int(0) != 0;
}

Result<User> SqliteAccessStore::AddFirstUser(const NewUser& user) { return Insert(user, true); }

Result<User> SqliteAccessStore::AddUser(const NewUser& user) { return Insert(user, false); }

Result<User> SqliteAccessStore::Insert(const NewUser& user, bool only_first) {
    User added{.uid = Uuid::Generate(),
               .name = user.name,
               .password = user.password,
               .scope = user.scope,
               .created_at = clock_.Now(),
               .last_login_at = {}};
    FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY(insert,
                  connection.Prepare("INSERT INTO users (uid, name, password, scope, created_at)"
                                     " SELECT ?1, ?2, ?3, ?4, ?5"
                                     " WHERE NOT ?6 OR NOT EXISTS (SELECT 1 FROM users)"
                                     " ON CONFLICT (lower(name)) DO NOTHING"));
        FACET_TRY_VOID(insert.Bind(1, added.uid.bytes())
                           .Bind(2, user.name)
                           .Bind(3, user.password)
                           .Bind(4, static_cast<int>(user.scope))
                           .Bind(5, Milliseconds(added.created_at))
                           .Bind(6, only_first)
                           .Run());
        if (connection.Changes() > 0) return {};
        return Fail(Code::kConflict, only_first ? kUsersExist : kUserNameTaken);
    }));
    return added;
}

Result<User> SqliteAccessStore::FindUser(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(Select(kUserColumns, "users u WHERE u.uid = ?")));
    return ReadOne(query.Bind(1, uid.bytes()), ReadUser, kNoUser);
}

Result<User> SqliteAccessStore::FindUserByName(std::string_view name) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         Select(kUserColumns, "users u WHERE lower(u.name) = lower(?)")));
    return ReadOne(query.Bind(1, name), ReadUser, kNoUser);
}

Result<std::vector<User>> SqliteAccessStore::ListUsers() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query,
              read.connection().Prepare(Select(kUserColumns, "users u ORDER BY lower(u.name)")));
    return ReadRows(query, ReadUser);
}

Result<void> SqliteAccessStore::SetPassword(const Uuid& user, std::string_view hash,
                                            const Sha256Digest* keep) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY(update, connection.Prepare("UPDATE users SET password = ? WHERE uid = ?"));
        FACET_TRY_VOID(update.Bind(1, hash).Bind(2, user.bytes()).Run());
        FACET_TRY_VOID(MustHaveChanged(connection, kNoUser));
        FACET_TRY(remove,
                  connection.Prepare("DELETE FROM sessions WHERE token IS NOT ?1 AND owner ="
                                     " (SELECT id FROM users WHERE uid = ?2)"));
        keep != nullptr ? remove.Bind(1, *keep) : remove.BindNull(1);
        return remove.Bind(2, user.bytes()).Run();
    });
}

Result<void> SqliteAccessStore::SetScope(const Uuid& user, Scope scope) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(last, IsLastAdmin(tx.connection(), user));
        if (last && scope != Scope::kAdmin) return Fail(Code::kConflict, kLastAdmin);
        FACET_TRY(update, tx.connection().Prepare("UPDATE users SET scope = ? WHERE uid = ?"));
        return update.Bind(1, static_cast<int>(scope)).Bind(2, user.bytes()).Run();
    });
}

Result<void> SqliteAccessStore::DeleteUser(const Uuid& user) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(last, IsLastAdmin(tx.connection(), user));
        if (last) return Fail(Code::kConflict, kLastAdmin);
        FACET_TRY(remove, tx.connection().Prepare("DELETE FROM users WHERE uid = ?"));
        return remove.Bind(1, user.bytes()).Run();
    });
}

// ---- sessions --------------------------------------------------------------------------------

Result<Session> SqliteAccessStore::AddSession(const NewSession& session) {
    const Timestamp now = clock_.Now();
    Session added{.uid = Uuid::Generate(),
                  .token = session.token,
                  .user = session.user,
                  .created_at = now,
                  .last_seen_at = now,
                  .expires_at = session.expires_at,
                  .address = session.address,
                  .agent = session.agent};
    FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY(login, connection.Prepare("UPDATE users SET last_login_at = ? WHERE uid = ?"));
        FACET_TRY_VOID(login.Bind(1, Milliseconds(now)).Bind(2, session.user.bytes()).Run());
        FACET_TRY_VOID(MustHaveChanged(connection, kNoUser));
        FACET_TRY(insert, connection.Prepare(
                              "INSERT INTO sessions (token, uid, owner, created_at, last_seen_at,"
                              " expires_at, address, agent) VALUES (?1, ?2,"
                              " (SELECT id FROM users WHERE uid = ?3), ?4, ?4, ?5, ?6, ?7)"));
        return insert.Bind(1, session.token)
            .Bind(2, added.uid.bytes())
            .Bind(3, session.user.bytes())
            .Bind(4, Milliseconds(now))
            .Bind(5, Milliseconds(session.expires_at))
            .Bind(6, session.address)
            .Bind(7, session.agent)
            .Run();
    }));
    return added;
}

Result<SessionAndUser> SqliteAccessStore::FindSession(const Sha256Digest& token) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         Select(std::string(kSessionColumns).append(", ").append(kUserColumns),
                                "sessions s JOIN users u ON u.id = s.owner WHERE s.token = ? AND"
                                " s.expires_at > ?")));
    return ReadOne(
        query.Bind(1, token).Bind(2, Milliseconds(clock_.Now())),
        [](const sqlite::Statement& row) {
            return SessionAndUser{.session = ReadSession(row), .user = ReadUserAt(row, 8)};
        },
        kNoSession);
}

Result<void> SqliteAccessStore::ExtendSession(const Sha256Digest& token, Timestamp expires_at) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update, tx.connection().Prepare("UPDATE sessions SET last_seen_at = ?,"
                                                  " expires_at = ? WHERE token = ?"));
        return update.Bind(1, Milliseconds(clock_.Now()))
            .Bind(2, Milliseconds(expires_at))
            .Bind(3, token)
            .Run();
    });
}

Result<std::vector<Session>> SqliteAccessStore::SessionsOf(const Uuid& user) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query,
              read.connection().Prepare(Select(kSessionColumns,
                                               "sessions s JOIN users u ON u.id = s.owner WHERE"
                                               " u.uid = ? AND s.expires_at > ?"
                                               " ORDER BY s.created_at DESC, s.uid DESC")));
    return ReadRows(query.Bind(1, user.bytes()).Bind(2, Milliseconds(clock_.Now())), ReadSession);
}

Result<void> SqliteAccessStore::DeleteSession(const Sha256Digest& token) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(remove, tx.connection().Prepare("DELETE FROM sessions WHERE token = ?"));
        return remove.Bind(1, token).Run();
    });
}

Result<void> SqliteAccessStore::DeleteSessionsOf(const Uuid& user) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(remove, tx.connection().Prepare("DELETE FROM sessions WHERE owner ="
                                                  " (SELECT id FROM users WHERE uid = ?)"));
        return remove.Bind(1, user.bytes()).Run();
    });
}

// ---- keys ------------------------------------------------------------------------------------

Result<ApiKey> SqliteAccessStore::AddKey(const NewApiKey& key) {
    FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY(insert, connection.Prepare("INSERT INTO api_keys (uid, name, secret, hint, scope,"
                                             " all_collections, created_at, expires_at)"
                                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
        std::optional<std::int64_t> expires_at;
        if (key.expires_at) expires_at = Milliseconds(*key.expires_at);
        FACET_TRY_VOID(insert.Bind(1, key.uid.bytes())
                           .Bind(2, key.name)
                           .Bind(3, key.secret)
                           .Bind(4, key.hint)
                           .Bind(5, static_cast<int>(key.scope))
                           .Bind(6, key.all_collections)
                           .Bind(7, Milliseconds(clock_.Now()))
                           .Bind(8, expires_at)
                           .Run());
        const std::int64_t row = connection.LastInsertId();
        for (const CollectionId collection : key.collections) {
            FACET_TRY(link, connection.Prepare("INSERT OR REPLACE INTO api_key_collections"
                                               " SELECT ?, id FROM collections WHERE id = ?"));
            FACET_TRY_VOID(link.Bind(1, row).Bind(2, collection.value()).Run());
            FACET_TRY_VOID(MustHaveChanged(connection, kNoCollection));
        }
        return {};
    }));
    return FindKey(key.uid);
}

Result<ApiKey> SqliteAccessStore::FindKey(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectKeys("api_keys k WHERE k.uid = ?")));
    return ReadOne(query.Bind(1, uid.bytes()), ReadKey, kNoKey);
}

Result<std::vector<ApiKey>> SqliteAccessStore::ListKeys() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectKeys("api_keys k ORDER BY k.id DESC")));
    return ReadRows(query, ReadKey);
}

Result<void> SqliteAccessStore::RevokeKey(const Uuid& uid) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update,
                  tx.connection().Prepare("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?)"
                                          " WHERE uid = ?"));
        FACET_TRY_VOID(update.Bind(1, Milliseconds(clock_.Now())).Bind(2, uid.bytes()).Run());
        return MustHaveChanged(tx.connection(), kNoKey);
    });
}

Result<void> SqliteAccessStore::MarkKeyUsed(const Uuid& uid) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update,
                  tx.connection().Prepare("UPDATE api_keys SET last_used_at = ? WHERE uid = ?"));
        return update.Bind(1, Milliseconds(clock_.Now())).Bind(2, uid.bytes()).Run();
    });
}

// ---- audit log -------------------------------------------------------------------------------

Result<void> SqliteAccessStore::Record(const AuditEntry& entry) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(insert, tx.connection().Prepare(
                              "INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, action,"
                              " object, detail, address, request_id)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
        return insert.Bind(1, Milliseconds(clock_.Now()))
            .Bind(2, entry.actor_kind)
            .Bind(3, entry.actor_id)
            .Bind(4, entry.actor_name)
            .Bind(5, entry.action)
            .Bind(6, entry.object)
            .Bind(7, entry.detail)
            .Bind(8, entry.address)
            .Bind(9, entry.request_id)
            .Run();
    });
}

Result<AuditPage> SqliteAccessStore::ListAudit(const AuditQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    FACET_TRY(before, ParseCursor('l', query.cursor));
    std::string rest = "audit_log WHERE id < ?1";
    if (!query.action.empty()) rest += " AND substr(action, 1, length(?3)) = ?3";
    if (!query.actor.empty()) rest += " AND (actor_name = ?4 OR actor_id = ?4)";
    if (query.from) rest += " AND at >= ?5";
    if (query.to) rest += " AND at < ?6";
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(select, read.connection().Prepare(
                          Select(kAuditColumns, rest + " ORDER BY id DESC LIMIT ?2")));
    select.Bind(1, before).Bind(2, query.limit + 1);
    if (!query.action.empty()) select.Bind(3, query.action);
    if (!query.actor.empty()) select.Bind(4, query.actor);
    if (query.from) select.Bind(5, Milliseconds(*query.from));
    if (query.to) select.Bind(6, Milliseconds(*query.to));
    AuditPage page;
    FACET_TRY(rows, ReadRows(select, ReadAuditEntry));
    page.items = std::move(rows);
    FinishPage(page, 'l', query.limit);
    return page;
}

// ---- kept answers ----------------------------------------------------------------------------

Result<bool> SqliteAccessStore::HasRequest(const KeyedRequest& request) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, Known(read.connection(), request, clock_.Now()));
    return query.Step();
}

Result<BegunRequest> SqliteAccessStore::BeginRequest(const KeyedRequest& request) {
    BegunRequest begun;
    const Timestamp now = clock_.Now();
    FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(query, Known(tx.connection(), request, now));
        FACET_TRY(found, query.Step());
        using State = BegunRequest::State;
        if (found && ReadDigest(query, 0) != request.fingerprint) {
            begun.state = State::kOther;
        } else if (found && query.IsNull(1)) {
            begun.state = State::kUnderWay;
        } else if (found) {
            begun = {.state = State::kAnswered,
                     .answer = {.status = static_cast<int>(query.Int(1)),
                                .content_type = query.Text(2),
                                .body = query.Text(3)}};
        }
        if (found) return {};
        FACET_TRY(insert,
                  tx.connection().Prepare("INSERT OR REPLACE INTO kept_answers (caller, method,"
                                          " path, key, fingerprint, created_at)"
                                          " VALUES (?, ?, ?, ?, ?, ?)"));
        return BindName(insert, 1, request)
            .Bind(5, request.fingerprint)
            .Bind(6, Milliseconds(now))
            .Run();
    }));
    return begun;
}

Result<void> SqliteAccessStore::FinishRequest(const KeyedRequest& request,
                                              const KeptAnswer& answer) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update, tx.connection().Prepare(
                              "UPDATE kept_answers SET status = ?1, content_type = ?2, body = ?3"
                              " WHERE fingerprint = ?4 AND caller = ?5 AND method = ?6"
                              " AND path = ?7 AND key = ?8"));
        update.Bind(1, answer.status)
            .Bind(2, answer.content_type)
            .Bind(3, answer.body)
            .Bind(4, request.fingerprint);
        return BindName(update, 5, request).Run();
    });
}

Result<void> SqliteAccessStore::AbandonRequest(const KeyedRequest& request) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(remove, tx.connection().Prepare(
                              "DELETE FROM kept_answers WHERE fingerprint = ?1 AND caller = ?2"
                              " AND method = ?3 AND path = ?4 AND key = ?5 AND status IS NULL"));
        remove.Bind(1, request.fingerprint);
        return BindName(remove, 2, request).Run();
    });
}

Result<void> SqliteAccessStore::ForgetAnswersAbout(Transaction& tx, std::string_view text) {
    FACET_TRY(remove,
              ConnectionOf(tx).Prepare("DELETE FROM kept_answers WHERE instr(body, ?) > 0"));
    return remove.Bind(1, text).Run();
}

// ---- housekeeping ----------------------------------------------------------------------------

Result<void> SqliteAccessStore::DeleteOld(Timestamp audit_before) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        const Timestamp now = clock_.Now();
        FACET_TRY_VOID(
            Delete(connection, "DELETE FROM sessions WHERE expires_at <= ?", Milliseconds(now)));
        FACET_TRY_VOID(Delete(connection, "DELETE FROM kept_answers WHERE created_at <= ?",
                              Milliseconds(now - kKeepAnswers)));
        return Delete(connection, "DELETE FROM audit_log WHERE at < ?", Milliseconds(audit_before));
    });
}

}  // namespace facet::store
