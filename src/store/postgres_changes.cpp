#include "store/postgres_changes.hpp"

#include <algorithm>

#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};  // while nothing is heard
constexpr std::size_t kBatch = 2'048;  // faces handed to a sink at once: 4 MiB of vectors

Result<std::int64_t> ReadLastChange(const Result<postgres::Rows>& rows) {
    if (!rows) return std::unexpected(rows.error());
    return (*rows)[0].Int(0);
}

}  // namespace

// ---- ChangeSignal ----------------------------------------------------------------------------

void ChangeSignal::Tell(postgres::Listener::Event event) {
    {
        const std::lock_guard lock(mutex_);
        ++signs_;
        if (event != postgres::Listener::Event::kNotified) {
            listening_ = event == postgres::Listener::Event::kConnected;
        }
    }
    told_.notify_all();
}

Result<void> ChangeSignal::Wait(std::chrono::milliseconds at_most, const std::stop_token& stop,
                                const std::function<Result<bool>()>& done) {
    const Deadline deadline = Deadline::After(at_most);
    std::unique_lock lock(mutex_);
    if (!listener_) {
        listener_.emplace(url_, kChangeChannel, [this](auto event, auto) { Tell(event); });
    }
    while (true) {
        const auto seen = signs_;
        lock.unlock();
        FACET_TRY(enough, done());
        if (enough || stop.stop_requested() || deadline.Passed()) return {};
        lock.lock();
        const auto remaining = deadline.Remaining();
        told_.wait_for(lock, stop, listening_ ? remaining : std::min(remaining, kLookEvery),
                       [&] { return signs_ != seen; });
    }
}

// ---- the change log --------------------------------------------------------------------------

Result<void> LogChanges(postgres::Connection& connection, std::span<const std::int64_t> removed,
                        std::span<const std::int64_t> added) {
    if (removed.empty() && added.empty()) return {};
    FACET_TRY_VOID(connection.Run(
        "WITH counted AS (UPDATE change_counter SET last = last + cardinality($1) + cardinality($2)"
        " RETURNING last),"
        " logged AS (INSERT INTO embedding_changes (seq, kind, face)"
        " SELECT counted.last - cardinality($1) - cardinality($2) + at,"
        " (at > cardinality($1))::int, face"
        " FROM counted, unnest($1::int8[] || $2::int8[]) WITH ORDINALITY AS changed (face, at))"
        " SELECT pg_notify($3, last::text) FROM counted",
        {postgres::Value::Array(removed), postgres::Value::Array(added), kChangeChannel}));
    return {};
}

Result<std::int64_t> PostgresStore::LastChange() {
    return ReadLastChange(database_.Run("SELECT last FROM change_counter"));
}

Result<std::vector<ChangeWithVector>> PostgresStore::ChangesAfter(std::int64_t seq, int limit) {
    FACET_TRY(rows, database_.Run("SELECT c.seq, c.kind, c.face, e.vector"
                                  " FROM embedding_changes c LEFT JOIN embeddings e"
                                  " ON c.kind = 1 AND e.face = c.face"
                                  " WHERE c.seq > $1 ORDER BY c.seq LIMIT $2",
                                  {seq, limit}));
    std::vector<ChangeWithVector> changes(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto& [change, embedding] = changes[i];
        change = {
            .seq = rows[i].Int(0), .added = rows[i].Int(1) == 1, .face = FaceId(rows[i].Int(2))};
        if (rows[i].IsNull(3)) continue;
        embedding.resize(kVectorLength);
        FACET_TRY_VOID(rows[i].Vector(3, embedding));
    }
    return changes;
}

Result<void> PostgresStore::WaitForChange(std::int64_t seq, std::chrono::milliseconds at_most,
                                          const std::stop_token& stop) {
    return signal_.Wait(at_most, stop, [&]() -> Result<bool> {
        FACET_TRY(last, LastChange());
        return last > seq;
    });
}

Result<std::int64_t> PostgresStore::ReadAllEmbeddings(
    const std::function<Result<void>(std::span<const FaceId>, std::span<const float>)>& sink) {
    FACET_TRY(read, database_.BeginRead());
    auto& connection = read.connection();
    FACET_TRY(last, ReadLastChange(connection.Run("SELECT last FROM change_counter")));
    FACET_TRY_VOID(
        connection.Run("DECLARE everything BINARY NO SCROLL CURSOR FOR"
                       " SELECT face, vector FROM embeddings ORDER BY face"));
    const std::string fetch = "FETCH " + std::to_string(kBatch) + " FROM everything";
    std::vector<FaceId> faces;
    std::vector<float> vectors;
    while (true) {
        FACET_TRY(rows, connection.Run(fetch));
        if (rows.empty()) return last;
        faces.clear();
        vectors.resize(rows.size() * kVectorLength);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            faces.emplace_back(rows[i].Int(0));
            FACET_TRY_VOID(
                rows[i].Vector(1, std::span(vectors).subspan(i * kVectorLength, kVectorLength)));
        }
        FACET_TRY_VOID(sink(faces, vectors));
    }
}

}  // namespace facet::store
