#include "store/postgres_access.hpp"

#include <algorithm>

#include "store/access_rows.hpp"
#include "store/postgres_access_impl.hpp"
#include "store/postgres_access_schema.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {
namespace {

/// Advisory lock of who adds, removes or changes users: what is asked of all of them (that there is
/// none, that an administrator remains) must still be so at the commit. The number is arbitrary.
constexpr std::int64_t kUsersLock = 0x66616365743;

std::optional<Timestamp> TimeOrNull(const postgres::Row& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return row.Time(column);
}

Sha256Digest ReadDigest(const postgres::Row& row, int column) {
    Sha256Digest digest{};
    const auto blob = row.Blob(column);
    std::copy_n(blob.begin(), std::min(blob.size(), digest.size()), digest.begin());
    return digest;
}

std::span<const std::uint8_t> Blob(const Sha256Digest& digest) { return digest; }

/// Columns of kUserColumns, the first of which is `at`.
User ReadUserAt(const postgres::Row& row, int at) {
    return {.uid = row.Id(at),
            .name = row.Text(at + 1),
            .password = row.Text(at + 2),
            .scope = static_cast<Scope>(row.Int(at + 3)),
            .created_at = row.Time(at + 4),
            .last_login_at = TimeOrNull(row, at + 5)};
}

User ReadUser(const postgres::Row& row) { return ReadUserAt(row, 0); }

Session ReadSession(const postgres::Row& row) {
    return {.uid = row.Id(0),
            .token = ReadDigest(row, 1),
            .user = row.Id(2),
            .created_at = row.Time(3),
            .last_seen_at = row.Time(4),
            .expires_at = row.Time(5),
            .address = row.Text(6),
            .agent = row.Text(7)};
}

ApiKey ReadKey(const postgres::Row& row) {
    return {.uid = row.Id(0),
            .name = row.Text(1),
            .secret = ReadDigest(row, 2),
            .hint = row.Text(3),
            .scope = static_cast<Scope>(row.Int(4)),
            .all_collections = row.Int(5) != 0,
            .collections = ParseCollections(row.Text(10)),
            .created_at = row.Time(6),
            .expires_at = TimeOrNull(row, 7),
            .last_used_at = TimeOrNull(row, 8),
            .revoked_at = TimeOrNull(row, 9)};
}

std::string SelectKeys(std::string_view rest) {
    return Select(std::string(kKeyColumns) +
                      ", coalesce((SELECT string_agg(collection::text, ',' ORDER BY collection)"
                      " FROM api_key_collections WHERE key = k.id), '')",
                  rest);
}

AuditEntry ReadAuditEntry(const postgres::Row& row) {
    return {.id = AuditId(row.Int(0)),
            .at = row.Time(1),
            .actor_kind = row.Text(2),
            .actor_id = row.Text(3),
            .actor_name = row.Text(4),
            .action = row.Text(5),
            .object = row.Text(6),
            .detail = row.Text(7),
            .address = row.Text(8),
            .request_id = row.Text(9)};
}

Result<void> LockUsers(postgres::Connection& connection) {
    FACET_TRY_VOID(connection.Run("SELECT pg_advisory_xact_lock($1)", {kUsersLock}));
    return {};
}

/// Whether the user is the only one with scope admin.
Result<bool> IsLastAdmin(postgres::Connection& connection, const Uuid& user) {
    FACET_TRY(rows, connection.Run("SELECT scope = 2 AND NOT EXISTS (SELECT 1 FROM users o"
                                   " WHERE o.scope = 2 AND o.uid <> u.uid)"
                                   " FROM users u WHERE u.uid = $1",
                                   {user}));
    if (rows.empty()) return Fail(Code::kNotFound, kNoUser);
    return rows[0].Int(0) != 0;
}

}  // namespace

Result<std::unique_ptr<AccessStore>> MakePostgresAccessStore(postgres::Database& database,
                                                             const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("access", kPostgresAccessMigrations));
    return std::make_unique<PostgresAccessStore>(database, clock);
}

Result<void> PostgresAccessStore::Change(std::string_view sql,
                                         std::initializer_list<postgres::Value> values) {
    FACET_TRY_VOID(database_.Run(sql, values));
    return {};
}

// ---- users -----------------------------------------------------------------------------------

Result<bool> PostgresAccessStore::HasUsers() {
    FACET_TRY(rows, database_.Run("SELECT EXISTS (SELECT 1 FROM users)"));
    return rows[0].Int(0) != 0;
}

Result<User> PostgresAccessStore::AddFirstUser(const NewUser& user) { return Insert(user, true); }

Result<User> PostgresAccessStore::AddUser(const NewUser& user) { return Insert(user, false); }

Result<User> PostgresAccessStore::Insert(const NewUser& user, bool only_first) {
    User added{.uid = Uuid::Generate(),
               .name = user.name,
               .password = user.password,
               .scope = user.scope,
               .created_at = clock_.Now(),
               .last_login_at = {}};
    FACET_TRY_VOID(database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(LockUsers(connection));
        FACET_TRY(rows,
                  connection.Run("INSERT INTO users (uid, name, password, scope, created_at)"
                                 " SELECT $1, $2, $3, $4, $5"
                                 " WHERE $6 = 0 OR NOT EXISTS (SELECT 1 FROM users)"
                                 " ON CONFLICT (lower(name COLLATE \"C\")) DO NOTHING",
                                 {added.uid, user.name, user.password, static_cast<int>(user.scope),
                                  added.created_at, only_first}));
        if (rows.affected() > 0) return {};
        return Fail(Code::kConflict, only_first ? kUsersExist : kUserNameTaken);
    }));
    return added;
}

Result<User> PostgresAccessStore::FindUser(const Uuid& uid) {
    return ReadOne(database_.Run(Select(kUserColumns, "users u WHERE u.uid = $1"), {uid}), ReadUser,
                   kNoUser);
}

Result<User> PostgresAccessStore::FindUserByName(std::string_view name) {
    return ReadOne(database_.Run(Select(kUserColumns,
                                        "users u WHERE lower(u.name COLLATE \"C\") ="
                                        " lower($1 COLLATE \"C\")"),
                                 {Storable(name)}),
                   ReadUser, kNoUser);
}

Result<std::vector<User>> PostgresAccessStore::ListUsers() {
    return ReadRows(
        database_.Run(Select(kUserColumns, "users u ORDER BY lower(u.name COLLATE \"C\")")),
        ReadUser);
}

Result<void> PostgresAccessStore::SetPassword(const Uuid& user, std::string_view hash,
                                              const Sha256Digest* keep) {
    return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(MustHaveChanged(
            connection.Run("UPDATE users SET password = $1 WHERE uid = $2", {hash, user}),
            kNoUser));
        std::optional<std::span<const std::uint8_t>> kept;
        if (keep != nullptr) kept = Blob(*keep);
        FACET_TRY_VOID(
            connection.Run("DELETE FROM sessions WHERE token IS DISTINCT FROM $1"
                           " AND owner = (SELECT id FROM users WHERE uid = $2)",
                           {kept, user}));
        return {};
    });
}

Result<void> PostgresAccessStore::SetScope(const Uuid& user, Scope scope) {
    return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(LockUsers(connection));
        FACET_TRY(last, IsLastAdmin(connection, user));
        if (last && scope != Scope::kAdmin) return Fail(Code::kConflict, kLastAdmin);
        FACET_TRY_VOID(connection.Run("UPDATE users SET scope = $1 WHERE uid = $2",
                                      {static_cast<int>(scope), user}));
        return {};
    });
}

Result<void> PostgresAccessStore::DeleteUser(const Uuid& user) {
    return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(LockUsers(connection));
        FACET_TRY(last, IsLastAdmin(connection, user));
        if (last) return Fail(Code::kConflict, kLastAdmin);
        FACET_TRY_VOID(connection.Run("DELETE FROM users WHERE uid = $1", {user}));
        return {};
    });
}

// ---- sessions --------------------------------------------------------------------------------

Result<Session> PostgresAccessStore::AddSession(const NewSession& session) {
    const Timestamp now = clock_.Now();
    Session added{.uid = Uuid::Generate(),
                  .token = session.token,
                  .user = session.user,
                  .created_at = now,
                  .last_seen_at = now,
                  .expires_at = session.expires_at,
                  .address = Storable(session.address),
                  .agent = Storable(session.agent)};
    FACET_TRY_VOID(database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(
            MustHaveChanged(connection.Run("UPDATE users SET last_login_at = $1 WHERE uid = $2",
                                           {now, session.user}),
                            kNoUser));
        FACET_TRY_VOID(connection.Run(
            "INSERT INTO sessions (token, uid, owner, created_at, last_seen_at, expires_at,"
            " address, agent) VALUES ($1, $2, (SELECT id FROM users WHERE uid = $3), $4, $4, $5,"
            " $6, $7)",
            {Blob(session.token), added.uid, session.user, now, session.expires_at, added.address,
             added.agent}));
        return {};
    }));
    return added;
}

Result<SessionAndUser> PostgresAccessStore::FindSession(const Sha256Digest& token) {
    return ReadOne(
        database_.Run(Select(std::string(kSessionColumns).append(", ").append(kUserColumns),
                             "sessions s JOIN users u ON u.id = s.owner WHERE s.token = $1 AND"
                             " s.expires_at > $2"),
                      {Blob(token), clock_.Now()}),
        [](const postgres::Row& row) {
            return SessionAndUser{.session = ReadSession(row), .user = ReadUserAt(row, 8)};
        },
        kNoSession);
}

Result<void> PostgresAccessStore::ExtendSession(const Sha256Digest& token, Timestamp expires_at) {
    return Change("UPDATE sessions SET last_seen_at = $1, expires_at = $2 WHERE token = $3",
                  {clock_.Now(), expires_at, Blob(token)});
}

Result<std::vector<Session>> PostgresAccessStore::SessionsOf(const Uuid& user) {
    return ReadRows(
        database_.Run(Select(kSessionColumns,
                             "sessions s JOIN users u ON u.id = s.owner WHERE u.uid = $1 AND"
                             " s.expires_at > $2 ORDER BY s.created_at DESC, s.uid DESC"),
                      {user, clock_.Now()}),
        ReadSession);
}

Result<void> PostgresAccessStore::DeleteSession(const Sha256Digest& token) {
    return Change("DELETE FROM sessions WHERE token = $1", {Blob(token)});
}

Result<void> PostgresAccessStore::DeleteSessionsOf(const Uuid& user) {
    return Change("DELETE FROM sessions WHERE owner = (SELECT id FROM users WHERE uid = $1)",
                  {user});
}

// ---- keys ------------------------------------------------------------------------------------

Result<ApiKey> PostgresAccessStore::AddKey(const NewApiKey& key) {
    FACET_TRY_VOID(database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY(rows, connection.Run("INSERT INTO api_keys (uid, name, secret, hint, scope,"
                                       " all_collections, created_at, expires_at)"
                                       " VALUES ($1, $2, $3, $4, $5, $6 <> 0, $7, $8) RETURNING id",
                                       {key.uid, key.name, Blob(key.secret), key.hint,
                                        static_cast<int>(key.scope), key.all_collections,
                                        clock_.Now(), key.expires_at}));
        for (const CollectionId collection : key.collections) {
            FACET_TRY_VOID(MustHaveChanged(
                connection.Run("INSERT INTO api_key_collections"
                               " SELECT $1, id FROM collections WHERE id = $2"
                               " ON CONFLICT (key, collection) DO UPDATE SET key = excluded.key",
                               {rows[0].Int(0), collection.value()}),
                kNoCollection));
        }
        return {};
    }));
    return FindKey(key.uid);
}

Result<ApiKey> PostgresAccessStore::FindKey(const Uuid& uid) {
    return ReadOne(database_.Run(SelectKeys("api_keys k WHERE k.uid = $1"), {uid}), ReadKey,
                   kNoKey);
}

Result<std::vector<ApiKey>> PostgresAccessStore::ListKeys() {
    return ReadRows(database_.Run(SelectKeys("api_keys k ORDER BY k.id DESC")), ReadKey);
}

Result<void> PostgresAccessStore::RevokeKey(const Uuid& uid) {
    return database_.Write([&](postgres::WriteTransaction& tx) {
        return MustHaveChanged(
            tx.connection().Run("UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1)"
                                " WHERE uid = $2",
                                {clock_.Now(), uid}),
            kNoKey);
    });
}

Result<void> PostgresAccessStore::MarkKeyUsed(const Uuid& uid) {
    return Change("UPDATE api_keys SET last_used_at = $1 WHERE uid = $2", {clock_.Now(), uid});
}

// ---- audit log -------------------------------------------------------------------------------

Result<void> PostgresAccessStore::Record(const AuditEntry& entry) {
    return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        FACET_TRY_VOID(tx.connection().Run(
            "INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, action, object, detail,"
            " address, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            {clock_.Now(), entry.actor_kind, entry.actor_id, Storable(entry.actor_name),
             entry.action, Storable(entry.object), Storable(entry.detail), entry.address,
             entry.request_id}));
        return {};
    });
}

Result<AuditPage> PostgresAccessStore::ListAudit(const AuditQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    FACET_TRY(before, ParseCursor('l', query.cursor));
    std::string rest = "audit_log WHERE id < $1";
    std::vector<postgres::Value> values{before, query.limit + 1};
    const auto next = [&](postgres::Value value) {
        values.push_back(std::move(value));
        return "$" + std::to_string(values.size());
    };
    if (!query.action.empty()) {
        const std::string action = next(Storable(query.action));
        rest += " AND substr(action, 1, length(" + action + ")) = " + action;
    }
    if (!query.actor.empty()) {
        const std::string actor = next(Storable(query.actor));
        rest += " AND (actor_name = " + actor + " OR actor_id = " + actor + ")";
    }
    if (query.from) rest += " AND at >= " + next(*query.from);
    if (query.to) rest += " AND at < " + next(*query.to);
    AuditPage page;
    FACET_TRY(
        rows,
        ReadRows(database_.Run(Select(kAuditColumns, rest + " ORDER BY id DESC LIMIT $2"), values),
                 ReadAuditEntry));
    page.items = std::move(rows);
    FinishPage(page, 'l', query.limit);
    return page;
}

// ---- kept answers ----------------------------------------------------------------------------

Result<bool> PostgresAccessStore::HasRequest(const KeyedRequest& request) {
    const Timestamp now = clock_.Now();
    FACET_TRY(rows,
              database_.Run("SELECT 1 FROM kept_answers WHERE caller = $1 AND method = $2"
                            " AND path = $3 AND key = $4"
                            " AND created_at > CASE WHEN status IS NULL THEN $5 ELSE $6 END",
                            {request.caller, request.method, Storable(request.path), request.key,
                             Timestamp(now - kLongestRequest), Timestamp(now - kKeepAnswers)}));
    return !rows.empty();
}

Result<BegunRequest> PostgresAccessStore::BeginRequest(const KeyedRequest& request) {
    BegunRequest begun;
    const Timestamp now = clock_.Now();
    FACET_TRY_VOID(database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        // Touches the row of another only when that may be replaced, and waits for who writes it.
        FACET_TRY(made, connection.Run(
                            "INSERT INTO kept_answers AS a (caller, method, path, key, fingerprint,"
                            " created_at) VALUES ($1, $2, $3, $4, $5, $6)"
                            " ON CONFLICT (caller, method, path, key) DO UPDATE SET"
                            " fingerprint = excluded.fingerprint, created_at = excluded.created_at,"
                            " status = NULL, content_type = '', body = ''"
                            " WHERE a.created_at <= CASE WHEN a.status IS NULL THEN $7 ELSE $8 END",
                            {request.caller, request.method, Storable(request.path), request.key,
                             Blob(request.fingerprint), now, Timestamp(now - kLongestRequest),
                             Timestamp(now - kKeepAnswers)}));
        if (made.affected() > 0) return {};
        FACET_TRY(rows, connection.Run(
                            "SELECT fingerprint, status, content_type, body FROM kept_answers"
                            " WHERE caller = $1 AND method = $2 AND path = $3 AND key = $4",
                            {request.caller, request.method, Storable(request.path), request.key}));
        using State = BegunRequest::State;
        if (rows.empty() || rows[0].IsNull(1)) {  // empty: abandoned or forgotten just now
            begun.state = State::kUnderWay;
        } else {
            begun = {.state = State::kAnswered,
                     .answer = {.status = static_cast<int>(rows[0].Int(1)),
                                .content_type = rows[0].Text(2),
                                .body = rows[0].Text(3)}};
        }
        if (!rows.empty() && ReadDigest(rows[0], 0) != request.fingerprint) {
            begun = {.state = State::kOther, .answer = {}};
        }
        return {};
    }));
    return begun;
}

Result<void> PostgresAccessStore::FinishRequest(const KeyedRequest& request,
                                                const KeptAnswer& answer) {
    return Change(
        "UPDATE kept_answers SET status = $1, content_type = $2, body = $3"
        " WHERE fingerprint = $4 AND caller = $5 AND method = $6 AND path = $7"
        " AND key = $8",
        {answer.status, answer.content_type, Storable(answer.body), Blob(request.fingerprint),
         request.caller, request.method, Storable(request.path), request.key});
}

Result<void> PostgresAccessStore::AbandonRequest(const KeyedRequest& request) {
    return Change(
        "DELETE FROM kept_answers WHERE fingerprint = $1 AND caller = $2"
        " AND method = $3 AND path = $4 AND key = $5 AND status IS NULL",
        {Blob(request.fingerprint), request.caller, request.method, Storable(request.path),
         request.key});
}

Result<void> PostgresAccessStore::ForgetAnswersAbout(Transaction& tx, std::string_view text) {
    FACET_TRY_VOID(PostgresConnectionOf(tx).Run(
        "DELETE FROM kept_answers WHERE strpos(body, $1) > 0", {Storable(text)}));
    return {};
}

// ---- housekeeping ----------------------------------------------------------------------------

Result<void> PostgresAccessStore::DeleteOld(Timestamp audit_before) {
    const Timestamp now = clock_.Now();
    FACET_TRY_VOID(Change("DELETE FROM sessions WHERE expires_at <= $1", {now}));
    FACET_TRY_VOID(
        Change("DELETE FROM kept_answers WHERE created_at <= $1", {Timestamp(now - kKeepAnswers)}));
    return Change("DELETE FROM audit_log WHERE at < $1", {audit_before});
}

}  // namespace facet::store
