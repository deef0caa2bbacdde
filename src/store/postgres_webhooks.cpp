#include "store/postgres_webhooks.hpp"

#include <utility>

#include "base/hash.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"
#include "store/webhooks_rows.hpp"
#include "store/webhooks_schema.hpp"

namespace facet::store {
namespace {

std::optional<Uuid> ReadUuidOrNone(const postgres::Row& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return row.Id(column);
}

std::optional<float> ReadFloatOrNone(const postgres::Row& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return row.Float(column);
}

/// Columns as kDeliveryColumns.
Delivery ReadDelivery(const postgres::Row& row) {
    Delivery delivery;
    delivery.uid = row.Id(0);
    delivery.event = static_cast<WebhookEvent>(row.Int(1));
    delivery.state = static_cast<DeliveryState>(row.Int(2));
    delivery.attempts = static_cast<int>(row.Int(3));
    delivery.at = row.Time(4);
    if (!row.IsNull(5)) delivery.status = static_cast<int>(row.Int(5));
    delivery.error = row.Text(6);
    delivery.created_at = row.Time(7);
    return delivery;
}

OpenDelivery ReadOpenDelivery(const postgres::Row& row) {
    OpenDelivery open{.delivery = ReadDelivery(row),
                      .webhook = row.Id(8),
                      .url = row.Text(9),
                      .secret = row.Text(10),
                      .active = row.Int(11) != 0,
                      .media = {},
                      .found = ReadUuidOrNone(row, 13),
                      .watched = ReadUuidOrNone(row, 14),
                      .cosine = row.Float(15)};
    if (!row.IsNull(12)) open.media = MediaId(row.Int(12));
    return open;
}

/// A webhook and its row number. Columns as kWebhookColumns.
std::pair<std::int64_t, Webhook> ReadWebhook(const postgres::Row& row) {
    Webhook webhook;
    webhook.uid = row.Id(1);
    webhook.url = row.Text(2);
    webhook.secret = row.Text(3);
    webhook.events = EventsOf(row.Int(4));
    if (row.Int(5) == 0) webhook.collections.emplace();
    webhook.active = row.Int(6) != 0;
    webhook.failures = static_cast<int>(row.Int(7));
    webhook.created_at = row.Time(8);
    return {row.Int(0), std::move(webhook)};
}

/// Reads what other tables hold of it.
Result<void> Complete(postgres::Connection& connection, std::int64_t id, Webhook& webhook) {
    if (webhook.collections) {
        FACET_TRY(rows,
                  ReadRows(connection.Run("SELECT collection FROM webhook_collections"
                                          " WHERE webhook = $1 ORDER BY collection",
                                          {id}),
                           [](const postgres::Row& row) { return CollectionId(row.Int(0)); }));
        webhook.collections = std::move(rows);
    }
    FACET_TRY(watched, ReadRows(connection.Run("SELECT f.uid, v.threshold FROM webhook_watches v"
                                               " JOIN faces f ON f.id = v.face"
                                               " WHERE v.webhook = $1 ORDER BY v.face",
                                               {id}),
                                [](const postgres::Row& row) {
                                    return WatchedFace{.face = row.Id(0),
                                                       .threshold = ReadFloatOrNone(row, 1)};
                                }));
    webhook.watched = std::move(watched);
    FACET_TRY(last, ReadRows(connection.Run(std::string("SELECT ") + kDeliveryColumns +
                                                " FROM webhook_deliveries d WHERE d.webhook = $1"
                                                " AND d.attempts > 0 ORDER BY d.at DESC, d.id DESC"
                                                " LIMIT 1",
                                            {id}),
                             ReadDelivery));
    if (!last.empty()) webhook.last = std::move(last.front());
    return {};
}

Result<void> InsertWatch(postgres::Connection& connection, const HeldWatch& watch) {
    const WatchedFace& watched = watch.watched;
    return MustHaveChanged(
        connection.Run("INSERT INTO webhook_watches (webhook, face, threshold)"
                       " SELECT $1, id, $2 FROM faces WHERE uid = $3 ON CONFLICT (webhook, face)"
                       " DO UPDATE SET threshold = excluded.threshold",
                       {watch.webhook, watched.threshold, watched.face}),
        kNoFace);
}

/// Writes what other tables hold of it, in place of what they held.
Result<void> WriteLists(postgres::Connection& connection, std::int64_t id,
                        const WebhookFields& fields) {
    FACET_TRY_VOID(connection.Run("DELETE FROM webhook_collections WHERE webhook = $1", {id}));
    FACET_TRY_VOID(connection.Run("DELETE FROM webhook_watches WHERE webhook = $1", {id}));
    for (const CollectionId collection : fields.collections.value_or(std::vector<CollectionId>())) {
        FACET_TRY_VOID(
            MustHaveChanged(connection.Run("INSERT INTO webhook_collections (webhook, collection)"
                                           " SELECT $1, id FROM collections WHERE id = $2",
                                           {id, collection.value()}),
                            kNoCollection));
    }
    for (const WatchedFace& watched : fields.watched) {
        FACET_TRY_VOID(InsertWatch(connection, {.webhook = id, .watched = watched}));
    }
    return {};
}

std::int64_t ReadId(const postgres::Row& row) { return row.Int(0); }

class PostgresWebhooks final : public WebhookStore {
public:
    PostgresWebhooks(postgres::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    Result<Webhook> Add(const WebhookFields& fields) override {
        const Uuid uid = Uuid::Generate();
        FACET_TRY_VOID(database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
            auto& connection = tx.connection();
            FACET_TRY(rows, connection.Run(
                                "INSERT INTO webhooks (uid, url, secret, events,"
                                " all_collections, active, created_at)"
                                " SELECT $1, $2, $3, $4, $5 <> 0, $6 <> 0, $7"
                                " WHERE (SELECT count(*) FROM webhooks) < $8 RETURNING id",
                                {uid, fields.url, RandomHex(kSecretBytes), EventBits(fields.events),
                                 !fields.collections, fields.active, clock_.Now(), kMostWebhooks}));
            if (rows.empty()) return Fail(Code::kConflict, kTooManyWebhooks);
            return WriteLists(connection, rows[0].Int(0), fields);
        }));
        return Find(uid);
    }

    Result<void> Change(const Uuid& uid, const WebhookFields& fields) override {
        return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
            auto& connection = tx.connection();
            FACET_TRY(id,
                      ReadOne(connection.Run("UPDATE webhooks SET url = $1, events = $2,"
                                             " all_collections = $3 <> 0, active = $4 <> 0,"
                                             " failures = CASE WHEN $4 <> 0 AND NOT active THEN 0"
                                             " ELSE failures END WHERE uid = $5 RETURNING id",
                                             {fields.url, EventBits(fields.events),
                                              !fields.collections, fields.active, uid}),
                              ReadId, kNoWebhook));
            return WriteLists(connection, id, fields);
        });
    }

    Result<void> Remove(const Uuid& uid) override {
        return database_.Write([&](postgres::WriteTransaction& tx) {
            return MustHaveChanged(
                tx.connection().Run("DELETE FROM webhooks WHERE uid = $1", {uid}), kNoWebhook);
        });
    }

    Result<Webhook> Find(const Uuid& uid) override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(found, ReadOne(read.connection().Run(std::string("SELECT ") + kWebhookColumns +
                                                           " FROM webhooks w WHERE w.uid = $1",
                                                       {uid}),
                                 ReadWebhook, kNoWebhook));
        FACET_TRY_VOID(Complete(read.connection(), found.first, found.second));
        return std::move(found.second);
    }

    Result<std::vector<Webhook>> List() override {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(rows, ReadRows(read.connection().Run(std::string("SELECT ") + kWebhookColumns +
                                                       " FROM webhooks w ORDER BY w.id DESC"),
                                 ReadWebhook));
        std::vector<Webhook> webhooks;
        for (auto& [id, webhook] : rows) {
            FACET_TRY_VOID(Complete(read.connection(), id, webhook));
            webhooks.push_back(std::move(webhook));
        }
        return webhooks;
    }

    Result<std::vector<Delivery>> Deliveries(const Uuid& uid) override {
        FACET_TRY(id, ReadOne(database_.Run("SELECT id FROM webhooks WHERE uid = $1", {uid}),
                              ReadId, kNoWebhook));
        return ReadRows(database_.Run(std::string("SELECT ") + kDeliveryColumns +
                                          " FROM webhook_deliveries d WHERE d.webhook = $1"
                                          " ORDER BY d.at DESC, d.id DESC LIMIT $2",
                                      {id, kShown}),
                        ReadDelivery);
    }

    Result<std::vector<Watch>> WatchesFor(MediaId media) override {
        FACET_TRY(rows, database_.Run(std::string("SELECT v.webhook, v.face, v.threshold, e.vector"
                                                  " FROM webhooks w JOIN media m ON m.id = $1"
                                                  " JOIN webhook_watches v ON v.webhook = w.id"
                                                  " JOIN embeddings e ON e.face = v.face"
                                                  " WHERE w.active AND (w.events & $2) <> 0 AND ") +
                                          kHearsOfCollection + " ORDER BY v.webhook, v.face",
                                      {media.value(), EventBit(WebhookEvent::kFaceMatched)}));
        std::vector<Watch> watches;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            Watch watch{.webhook = rows[i].Int(0),
                        .face = FaceId(rows[i].Int(1)),
                        .threshold = ReadFloatOrNone(rows[i], 2),
                        .embedding = std::vector<float>(kVectorLength)};
            FACET_TRY_VOID(rows[i].Vector(3, watch.embedding));
            watches.push_back(std::move(watch));
        }
        return watches;
    }

    Result<std::vector<HeldWatch>> WatchesOn(Transaction& tx, MediaId media) override {
        return ReadRows(
            PostgresConnectionOf(tx).Run("SELECT v.webhook, f.uid, v.threshold FROM faces f"
                                         " JOIN webhook_watches v ON v.face = f.id"
                                         " WHERE f.media = $1 ORDER BY v.webhook, f.id",
                                         {media.value()}),
            [](const postgres::Row& row) {
                return HeldWatch{
                    .webhook = row.Int(0),
                    .watched = {.face = row.Id(1), .threshold = ReadFloatOrNone(row, 2)}};
            });
    }

    Result<void> AddWatch(Transaction& tx, const HeldWatch& watch) override {
        return InsertWatch(PostgresConnectionOf(tx), watch);
    }

    // SKIP LOCKED: what is being deleted is not waited for. It may itself wait for the change log,
    // which the transaction of an analysis holds.
    Result<std::vector<Uuid>> RecordMedia(Transaction& tx, WebhookEvent event,
                                          MediaId media) override {
        auto& connection = PostgresConnectionOf(tx);
        FACET_TRY(webhooks,
                  ReadRows(connection.Run(std::string("SELECT w.id FROM webhooks w"
                                                      " JOIN media m ON m.id = $1"
                                                      " WHERE w.active AND (w.events & $2) <> 0"
                                                      " AND ") +
                                              kHearsOfCollection +
                                              " ORDER BY w.id FOR KEY SHARE OF w SKIP LOCKED",
                                          {media.value(), EventBit(event)}),
                           ReadId));
        std::vector<Uuid> made;
        for (const std::int64_t webhook : webhooks) {
            made.push_back(Uuid::Generate());
            FACET_TRY_VOID(connection.Run(
                "INSERT INTO webhook_deliveries (uid, webhook, event, media, at, created_at,"
                " updated_at) VALUES ($1, $2, $3, $4, $5, $5, $5)",
                {made.back(), webhook, static_cast<int>(event), media.value(), clock_.Now()}));
        }
        return made;
    }

    Result<std::optional<Uuid>> RecordMatch(Transaction& tx, const FaceMatch& match) override {
        const Uuid uid = Uuid::Generate();
        FACET_TRY(rows,
                  PostgresConnectionOf(tx).Run(
                      "WITH held AS (SELECT w.id AS webhook, s.id AS watched FROM webhooks w"
                      " JOIN webhook_watches v ON v.webhook = w.id JOIN faces s ON s.id = v.face"
                      " WHERE w.id = $6 AND w.active AND s.id = $7"
                      " FOR KEY SHARE OF w, s SKIP LOCKED)"
                      " INSERT INTO webhook_deliveries (uid, webhook, event, found, watched,"
                      " cosine, at, created_at, updated_at)"
                      " SELECT $1, held.webhook, $2, f.id, held.watched, $3, $4, $4, $4"
                      " FROM held JOIN faces f ON f.uid = $5",
                      {uid, static_cast<int>(WebhookEvent::kFaceMatched), match.cosine,
                       clock_.Now(), match.found, match.webhook, match.watched.value()}));
        if (rows.affected() == 0) return std::nullopt;
        return uid;
    }

    Result<Uuid> RecordPing(Transaction& tx, const Uuid& webhook) override {
        const Uuid uid = Uuid::Generate();
        FACET_TRY_VOID(MustHaveChanged(
            PostgresConnectionOf(tx).Run(
                "INSERT INTO webhook_deliveries (uid, webhook, event, at, created_at, updated_at)"
                " SELECT $1, id, $2, $3, $3, $3 FROM webhooks WHERE uid = $4",
                {uid, static_cast<int>(WebhookEvent::kPing), clock_.Now(), webhook}),
            kNoWebhook));
        return uid;
    }

    Result<OpenDelivery> FindDelivery(const Uuid& uid) override {
        return ReadOne(
            database_.Run(std::string("SELECT ") + kDeliveryColumns + kOpenDelivery + "$1", {uid}),
            ReadOpenDelivery, kNoDelivery);
    }

    Result<void> RecordAttempt(Transaction& tx, const Uuid& uid, const Attempt& attempt) override {
        auto& connection = PostgresConnectionOf(tx);
        if (attempt.number > 0) {  // the webhook first, in the order in which a removal locks
            FACET_TRY_VOID(connection.Run(
                "UPDATE webhooks SET failures = CASE WHEN $1 <> 0 THEN 0 ELSE failures + 1 END,"
                " active = active AND $2 = 0"
                " WHERE id = (SELECT webhook FROM webhook_deliveries WHERE uid = $3)",
                {attempt.state == DeliveryState::kDelivered, attempt.deactivate, uid}));
        }
        FACET_TRY_VOID(
            connection.Run("UPDATE webhook_deliveries SET state = $1, error = $2, updated_at = $3,"
                           " attempts = CASE WHEN $4 > 0 THEN $4 ELSE attempts END,"
                           " at = CASE WHEN $4 > 0 THEN $3 ELSE at END,"
                           " status = CASE WHEN $4 > 0 THEN $5 ELSE status END WHERE uid = $6",
                           {static_cast<int>(attempt.state), Storable(attempt.error), clock_.Now(),
                            attempt.number, attempt.status, uid}));
        return {};
    }

    Result<std::vector<Uuid>> ClaimStale(Transaction& tx, Timestamp untouched_since,
                                         int limit) override {
        return ReadRows(
            PostgresConnectionOf(tx).Run("UPDATE webhook_deliveries SET updated_at = $1 WHERE id IN"
                                         " (SELECT id FROM webhook_deliveries WHERE state = 0"
                                         " AND updated_at < $2 ORDER BY updated_at, id LIMIT $3"
                                         " FOR UPDATE SKIP LOCKED) RETURNING uid",
                                         {clock_.Now(), untouched_since, limit}),
            [](const postgres::Row& row) { return row.Id(0); });
    }

    Result<int> Purge(Timestamp before, int limit) override {
        FACET_TRY(rows,
                  database_.Run("DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM"
                                " (SELECT id, state, at, row_number() OVER (PARTITION BY webhook,"
                                " state ORDER BY at DESC, id DESC) AS place"
                                " FROM webhook_deliveries WHERE state <> 0) AS ended"
                                " WHERE at < $1 OR (state = 1 AND place > $2) LIMIT $3)",
                                {before, kShown, limit}));
        return static_cast<int>(rows.affected());
    }

private:
    postgres::Database& database_;
    const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<WebhookStore>> MakePostgresWebhooks(postgres::Database& database,
                                                           const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("webhooks", kPostgresWebhookMigrations));
    return std::make_unique<PostgresWebhooks>(database, clock);
}

}  // namespace facet::store
