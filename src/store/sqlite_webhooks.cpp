#include "store/sqlite_webhooks.hpp"

#include <utility>

#include "base/hash.hpp"
#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"
#include "store/webhooks_rows.hpp"
#include "store/webhooks_schema.hpp"

namespace facet::store {
namespace {

std::optional<Uuid> ReadUuidOrNone(const sqlite::Statement& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return ReadUuid(row, column);
}

std::optional<float> ReadFloatOrNone(const sqlite::Statement& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return static_cast<float>(row.Real(column));
}

/// Columns as kDeliveryColumns.
Delivery ReadDelivery(const sqlite::Statement& row) {
    Delivery delivery;
    delivery.uid = ReadUuid(row, 0);
    delivery.event = static_cast<WebhookEvent>(row.Int(1));
    delivery.state = static_cast<DeliveryState>(row.Int(2));
    delivery.attempts = static_cast<int>(row.Int(3));
    delivery.at = ReadTime(row, 4);
    if (!row.IsNull(5)) delivery.status = static_cast<int>(row.Int(5));
    delivery.error = row.Text(6);
    delivery.created_at = ReadTime(row, 7);
    return delivery;
}

OpenDelivery ReadOpenDelivery(const sqlite::Statement& row) {
    OpenDelivery open{.delivery = ReadDelivery(row),
                      .webhook = ReadUuid(row, 8),
                      .url = row.Text(9),
                      .secret = row.Text(10),
                      .active = row.Int(11) != 0,
                      .media = {},
                      .found = ReadUuidOrNone(row, 13),
                      .watched = ReadUuidOrNone(row, 14),
                      .cosine = static_cast<float>(row.Real(15))};
    if (!row.IsNull(12)) open.media = MediaId(row.Int(12));
    return open;
}

/// A webhook and its row number. Columns as kWebhookColumns.
std::pair<std::int64_t, Webhook> ReadWebhook(const sqlite::Statement& row) {
    Webhook webhook;
    webhook.uid = ReadUuid(row, 1);
    webhook.url = row.Text(2);
    webhook.secret = row.Text(3);
    webhook.events = EventsOf(row.Int(4));
    if (row.Int(5) == 0) webhook.collections.emplace();
    webhook.active = row.Int(6) != 0;
    webhook.failures = static_cast<int>(row.Int(7));
    webhook.created_at = ReadTime(row, 8);
    return {row.Int(0), std::move(webhook)};
}

/// Reads what other tables hold of it.
Result<void> Complete(sqlite::Connection& connection, std::int64_t id, Webhook& webhook) {
    if (webhook.collections) {
        FACET_TRY(query, connection.Prepare("SELECT collection FROM webhook_collections"
                                            " WHERE webhook = ? ORDER BY collection"));
        FACET_TRY(rows, ReadRows(query.Bind(1, id), [](const sqlite::Statement& row) {
                      return CollectionId(row.Int(0));
                  }));
        webhook.collections = std::move(rows);
    }
    {
        FACET_TRY(query, connection.Prepare("SELECT f.uid, v.threshold FROM webhook_watches v"
                                            " JOIN faces f ON f.id = v.face WHERE v.webhook = ?"
                                            " ORDER BY v.face"));
        FACET_TRY(rows, ReadRows(query.Bind(1, id), [](const sqlite::Statement& row) {
                      return WatchedFace{.face = ReadUuid(row, 0),
                                         .threshold = ReadFloatOrNone(row, 1)};
                  }));
        webhook.watched = std::move(rows);
    }
    FACET_TRY(query, connection.Prepare(std::string("SELECT ") + kDeliveryColumns +
                                        " FROM webhook_deliveries d WHERE d.webhook = ?"
                                        " AND d.attempts > 0 ORDER BY d.at DESC, d.id DESC"
                                        " LIMIT 1"));
    FACET_TRY(last, ReadRows(query.Bind(1, id), ReadDelivery));
    if (!last.empty()) webhook.last = std::move(last.front());
    return {};
}

Result<void> InsertWatch(sqlite::Connection& connection, const HeldWatch& watch) {
    FACET_TRY(insert, connection.Prepare("INSERT INTO webhook_watches (webhook, face, threshold)"
                                         " SELECT ?1, id, ?2 FROM faces WHERE uid = ?3"
                                         " ON CONFLICT (webhook, face)"
                                         " DO UPDATE SET threshold = excluded.threshold"));
    FACET_TRY_VOID(insert.Bind(1, watch.webhook)
                       .Bind(2, watch.watched.threshold)
                       .Bind(3, watch.watched.face.bytes())
                       .Run());
    return MustHaveChanged(connection, kNoFace);
}

/// Writes what other tables hold of it, in place of what they held.
Result<void> WriteLists(sqlite::Connection& connection, std::int64_t id,
                        const WebhookFields& fields) {
    for (const char* const table : {"webhook_collections", "webhook_watches"}) {
        FACET_TRY(clear,
                  connection.Prepare(std::string("DELETE FROM ") + table + " WHERE webhook = ?"));
        FACET_TRY_VOID(clear.Bind(1, id).Run());
    }
    for (const CollectionId collection : fields.collections.value_or(std::vector<CollectionId>())) {
        FACET_TRY(insert, connection.Prepare("INSERT INTO webhook_collections (webhook, collection)"
                                             " SELECT ?, id FROM collections WHERE id = ?"));
        FACET_TRY_VOID(insert.Bind(1, id).Bind(2, collection.value()).Run());
        FACET_TRY_VOID(MustHaveChanged(connection, kNoCollection));
    }
    for (const WatchedFace& watched : fields.watched) {
        FACET_TRY_VOID(InsertWatch(connection, {.webhook = id, .watched = watched}));
    }
    return {};
}

Result<std::int64_t> FindId(sqlite::Connection& connection, const Uuid& uid) {
    FACET_TRY(query, connection.Prepare("SELECT id FROM webhooks WHERE uid = ?"));
    return ReadOne(
        query.Bind(1, uid.bytes()), [](const sqlite::Statement& row) { return row.Int(0); },
        kNoWebhook);
}

class SqliteWebhooks final : public WebhookStore {
public:
    SqliteWebhooks(sqlite::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    Result<Webhook> Add(const WebhookFields& fields) override {
        const Uuid uid = Uuid::Generate();
        FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
            auto& connection = tx.connection();
            FACET_TRY(insert, connection.Prepare("INSERT INTO webhooks (uid, url, secret, events,"
                                                 " all_collections, active, created_at)"
                                                 " SELECT ?, ?, ?, ?, ?, ?, ?"
                                                 " WHERE (SELECT count(*) FROM webhooks) < ?"));
            FACET_TRY_VOID(insert.Bind(1, uid.bytes())
                               .Bind(2, fields.url)
                               .Bind(3, RandomHex(kSecretBytes))
                               .Bind(4, EventBits(fields.events))
                               .Bind(5, !fields.collections)
                               .Bind(6, fields.active)
                               .Bind(7, Now())
                               .Bind(8, kMostWebhooks)
                               .Run());
            if (connection.Changes() == 0) return Fail(Code::kConflict, kTooManyWebhooks);
            return WriteLists(connection, connection.LastInsertId(), fields);
        }));
        return Find(uid);
    }

    Result<void> Change(const Uuid& uid, const WebhookFields& fields) override {
        return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
            auto& connection = tx.connection();
            FACET_TRY(id, FindId(connection, uid));
            FACET_TRY(update,
                      connection.Prepare("UPDATE webhooks SET url = ?1, events = ?2,"
                                         " all_collections = ?3, active = ?4, failures ="
                                         " CASE WHEN ?4 AND NOT active THEN 0 ELSE failures END"
                                         " WHERE id = ?5"));
            FACET_TRY_VOID(update.Bind(1, fields.url)
                               .Bind(2, EventBits(fields.events))
                               .Bind(3, !fields.collections)
                               .Bind(4, fields.active)
                               .Bind(5, id)
                               .Run());
            return WriteLists(connection, id, fields);
        });
    }

    Result<void> Remove(const Uuid& uid) override {
        return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
            FACET_TRY(remove, tx.connection().Prepare("DELETE FROM webhooks WHERE uid = ?"));
            FACET_TRY_VOID(remove.Bind(1, uid.bytes()).Run());
            return MustHaveChanged(tx.connection(), kNoWebhook);
        });
    }

    Result<Webhook> Find(const Uuid& uid) override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(query, read.connection().Prepare(std::string("SELECT ") + kWebhookColumns +
                                                   " FROM webhooks w WHERE w.uid = ?"));
        FACET_TRY(found, ReadOne(query.Bind(1, uid.bytes()), ReadWebhook, kNoWebhook));
        FACET_TRY_VOID(Complete(read.connection(), found.first, found.second));
        return std::move(found.second);
    }

    Result<std::vector<Webhook>> List() override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(query, read.connection().Prepare(std::string("SELECT ") + kWebhookColumns +
                                                   " FROM webhooks w ORDER BY w.id DESC"));
        FACET_TRY(rows, ReadRows(query, ReadWebhook));
        std::vector<Webhook> webhooks;
        for (auto& [id, webhook] : rows) {
            FACET_TRY_VOID(Complete(read.connection(), id, webhook));
            webhooks.push_back(std::move(webhook));
        }
        return webhooks;
    }

    Result<std::vector<Delivery>> Deliveries(const Uuid& uid) override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(id, FindId(read.connection(), uid));
        FACET_TRY(query, read.connection().Prepare(std::string("SELECT ") + kDeliveryColumns +
                                                   " FROM webhook_deliveries d WHERE d.webhook = ?"
                                                   " ORDER BY d.at DESC, d.id DESC LIMIT ?"));
        return ReadRows(query.Bind(1, id).Bind(2, kShown), ReadDelivery);
    }

    Result<std::vector<Watch>> WatchesFor(MediaId media) override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(query, read.connection().Prepare(
                             std::string("SELECT v.webhook, v.face, v.threshold, e.vector"
                                         " FROM webhooks w JOIN media m ON m.id = ?"
                                         " JOIN webhook_watches v ON v.webhook = w.id"
                                         " JOIN embeddings e ON e.face = v.face"
                                         " WHERE w.active AND (w.events & ?) <> 0 AND ") +
                             kHearsOfCollection + " ORDER BY v.webhook, v.face"));
        query.Bind(1, media.value()).Bind(2, EventBit(WebhookEvent::kFaceMatched));
        std::vector<Watch> watches;
        while (true) {
            FACET_TRY(more, query.Step());
            if (!more) return watches;
            Watch watch{.webhook = query.Int(0),
                        .face = FaceId(query.Int(1)),
                        .threshold = ReadFloatOrNone(query, 2),
                        .embedding = std::vector<float>(kVectorLength)};
            FACET_TRY_VOID(FromBlob(query.Blob(3), watch.embedding));
            watches.push_back(std::move(watch));
        }
    }

    Result<std::vector<HeldWatch>> WatchesOn(Transaction& tx, MediaId media) override {
        FACET_TRY(query,
                  ConnectionOf(tx).Prepare("SELECT v.webhook, f.uid, v.threshold FROM faces f"
                                           " JOIN webhook_watches v ON v.face = f.id"
                                           " WHERE f.media = ? ORDER BY v.webhook, f.id"));
        return ReadRows(query.Bind(1, media.value()), [](const sqlite::Statement& row) {
            return HeldWatch{
                .webhook = row.Int(0),
                .watched = {.face = ReadUuid(row, 1), .threshold = ReadFloatOrNone(row, 2)}};
        });
    }

    Result<void> AddWatch(Transaction& tx, const HeldWatch& watch) override {
        return InsertWatch(ConnectionOf(tx), watch);
    }

    Result<std::vector<Uuid>> RecordMedia(Transaction& tx, WebhookEvent event,
                                          MediaId media) override {
        auto& connection = ConnectionOf(tx);
        FACET_TRY(query, connection.Prepare(std::string("SELECT w.id FROM webhooks w"
                                                        " JOIN media m ON m.id = ?"
                                                        " WHERE w.active AND (w.events & ?) <> 0"
                                                        " AND ") +
                                            kHearsOfCollection + " ORDER BY w.id"));
        FACET_TRY(webhooks, ReadRows(query.Bind(1, media.value()).Bind(2, EventBit(event)),
                                     [](const sqlite::Statement& row) { return row.Int(0); }));
        std::vector<Uuid> made;
        for (const std::int64_t webhook : webhooks) {
            FACET_TRY(insert,
                      connection.Prepare("INSERT INTO webhook_deliveries (uid, webhook, event,"
                                         " media, at, created_at, updated_at)"
                                         " VALUES (?, ?, ?, ?, ?5, ?5, ?5)"));
            made.push_back(Uuid::Generate());
            FACET_TRY_VOID(insert.Bind(1, made.back().bytes())
                               .Bind(2, webhook)
                               .Bind(3, static_cast<int>(event))
                               .Bind(4, media.value())
                               .Bind(5, Now())
                               .Run());
        }
        return made;
    }

    Result<std::optional<Uuid>> RecordMatch(Transaction& tx, const FaceMatch& match) override {
        auto& connection = ConnectionOf(tx);
        FACET_TRY(insert,
                  connection.Prepare("INSERT INTO webhook_deliveries (uid, webhook, event, found,"
                                     " watched, cosine, at, created_at, updated_at)"
                                     " SELECT ?1, w.id, ?2, f.id, v.face, ?3, ?4, ?4, ?4"
                                     " FROM webhooks w JOIN webhook_watches v ON v.webhook = w.id"
                                     " JOIN faces f ON f.uid = ?5"
                                     " WHERE w.id = ?6 AND w.active AND v.face = ?7"));
        const Uuid uid = Uuid::Generate();
        FACET_TRY_VOID(insert.Bind(1, uid.bytes())
                           .Bind(2, static_cast<int>(WebhookEvent::kFaceMatched))
                           .Bind(3, match.cosine)
                           .Bind(4, Now())
                           .Bind(5, match.found.bytes())
                           .Bind(6, match.webhook)
                           .Bind(7, match.watched.value())
                           .Run());
        if (connection.Changes() == 0) return std::nullopt;
        return uid;
    }

    Result<Uuid> RecordPing(Transaction& tx, const Uuid& webhook) override {
        auto& connection = ConnectionOf(tx);
        FACET_TRY(insert, connection.Prepare(
                              "INSERT INTO webhook_deliveries (uid, webhook, event, at,"
                              " created_at, updated_at)"
                              " SELECT ?1, id, ?2, ?3, ?3, ?3 FROM webhooks WHERE uid = ?4"));
        const Uuid uid = Uuid::Generate();
        FACET_TRY_VOID(insert.Bind(1, uid.bytes())
                           .Bind(2, static_cast<int>(WebhookEvent::kPing))
                           .Bind(3, Now())
                           .Bind(4, webhook.bytes())
                           .Run());
        FACET_TRY_VOID(MustHaveChanged(connection, kNoWebhook));
        return uid;
    }

    Result<OpenDelivery> FindDelivery(const Uuid& uid) override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(query, read.connection().Prepare(std::string("SELECT ") + kDeliveryColumns +
                                                   kOpenDelivery + "?"));
        return ReadOne(query.Bind(1, uid.bytes()), ReadOpenDelivery, kNoDelivery);
    }

    Result<void> RecordAttempt(Transaction& tx, const Uuid& uid, const Attempt& attempt) override {
        auto& connection = ConnectionOf(tx);
        if (attempt.number > 0) {
            FACET_TRY(update, connection.Prepare(
                                  "UPDATE webhooks SET"
                                  " failures = CASE WHEN ?1 THEN 0 ELSE failures + 1 END,"
                                  " active = active AND NOT ?2 WHERE id ="
                                  " (SELECT webhook FROM webhook_deliveries WHERE uid = ?3)"));
            FACET_TRY_VOID(update.Bind(1, attempt.state == DeliveryState::kDelivered)
                               .Bind(2, attempt.deactivate)
                               .Bind(3, uid.bytes())
                               .Run());
        }
        FACET_TRY(update,
                  connection.Prepare("UPDATE webhook_deliveries SET state = ?1, error = ?2,"
                                     " updated_at = ?3,"
                                     " attempts = CASE WHEN ?4 > 0 THEN ?4 ELSE attempts END,"
                                     " at = CASE WHEN ?4 > 0 THEN ?3 ELSE at END,"
                                     " status = CASE WHEN ?4 > 0 THEN ?5 ELSE status END"
                                     " WHERE uid = ?6"));
        return update.Bind(1, static_cast<int>(attempt.state))
            .Bind(2, attempt.error)
            .Bind(3, Now())
            .Bind(4, attempt.number)
            .Bind(5, attempt.status)
            .Bind(6, uid.bytes())
            .Run();
    }

    Result<std::vector<Uuid>> ClaimStale(Transaction& tx, Timestamp untouched_since,
                                         int limit) override {
        FACET_TRY(touch, ConnectionOf(tx).Prepare(
                             "UPDATE webhook_deliveries SET updated_at = ? WHERE id IN"
                             " (SELECT id FROM webhook_deliveries WHERE state = 0"
                             " AND updated_at < ? ORDER BY updated_at, id LIMIT ?) RETURNING uid"));
        return ReadRows(
            touch.Bind(1, Now()).Bind(2, untouched_since.time_since_epoch().count()).Bind(3, limit),
            [](const sqlite::Statement& row) { return ReadUuid(row, 0); });
    }

    Result<int> Purge(Timestamp before, int limit) override {
        int purged = 0;
        FACET_TRY_VOID(database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
            FACET_TRY(remove, tx.connection().Prepare(kPurge));
            FACET_TRY_VOID(remove.Bind(1, before.time_since_epoch().count())
                               .Bind(2, kShown)
                               .Bind(3, limit)
                               .Run());
            purged = static_cast<int>(tx.connection().Changes());
            return {};
        }));
        return purged;
    }

private:
    static constexpr const char* kPurge =
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM (SELECT id, state, at,"
        " row_number() OVER (PARTITION BY webhook, state ORDER BY at DESC, id DESC) AS place"
        " FROM webhook_deliveries WHERE state <> 0) AS ended"
        " WHERE at < ?1 OR (state = 1 AND place > ?2) LIMIT ?3)";

    std::int64_t Now() const { return clock_.Now().time_since_epoch().count(); }

    sqlite::Database& database_;
    const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<WebhookStore>> MakeSqliteWebhooks(sqlite::Database& database,
                                                         const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("webhooks", kSqliteWebhookMigrations));
    return std::make_unique<SqliteWebhooks>(database, clock);
}

}  // namespace facet::store
