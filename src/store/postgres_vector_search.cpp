#include <algorithm>
#include <array>
#include <cmath>

#include "base/db/postgres.hpp"
#include "base/log.hpp"
#include "store/postgres_rows.hpp"
#include "store/vector_search.hpp"

namespace facet::store {
namespace {

constexpr std::size_t kMostMatches = 1'000;
constexpr std::size_t kLeastCandidates = 100;
constexpr std::size_t kOversampling = 4;
/// hnsw.ef_search goes no higher; for more candidates the scan goes on by itself.
constexpr std::size_t kMostEfSearch = 1'000;
/// Advisory lock of who builds the index. The number is arbitrary.
constexpr std::int64_t kIndexLock = 0x66616365743;
constexpr std::chrono::hours kBuildTimeout{48};
constexpr std::chrono::milliseconds kLookEvery{100};

class PostgresVectorSearch final : public VectorSearch {
public:
    explicit PostgresVectorSearch(postgres::Database& database) : database_(database) {}

    Result<std::vector<Match>> Nearest(std::span<const float> query, std::size_t k,
                                       float min_cosine, const FaceFilter& filter,
                                       Deadline deadline) override;
    std::string_view engine() const noexcept override { return "pgvector"; }

private:
    postgres::Database& database_;
};

Result<std::vector<VectorSearch::Match>> PostgresVectorSearch::Nearest(std::span<const float> query,
                                                                       std::size_t k,
                                                                       float min_cosine,
                                                                       const FaceFilter& filter,
                                                                       Deadline deadline) {
    if (k < 1 || k > kMostMatches) {
        return Fail(Code::kInvalidArgument, "the number of results must be between 1 and 1000");
    }
    if (query.size() != kVectorLength ||
        !std::ranges::all_of(query, [](float one) { return std::isfinite(one); })) {
        return Fail(Code::kInvalidArgument, "a face vector has 512 numbers");
    }
    const std::size_t candidates = std::max(kOversampling * k, kLeastCandidates);
    Conditions where(Dialect::kPostgres);
    where.Add(filter);
    auto values = ToValues(where.values());
    const auto bind = [&](const postgres::Value& value) {
        values.push_back(value);
        return "$" + std::to_string(values.size());
    };
    const std::string vector = bind(postgres::Value::Vector(query)) + "::vector";
    const std::string from =
        filter == FaceFilter{}
            ? "embeddings e"
            : "embeddings e JOIN faces f ON f.id = e.face JOIN media m ON m.id = f.media WHERE " +
                  where.sql();
    const std::string nearest =
        "SELECT face, -(vector <#> " + vector + ") FROM (SELECT e.face, e.vector FROM " + from +
        " ORDER BY e.vector::halfvec(512) <=> " + vector + "::halfvec(512) LIMIT " +
        bind(candidates) + ") AS near WHERE -(vector <#> " + vector + ") >= " + bind(min_cosine);
    FACET_TRY(read, database_.BeginRead(deadline));
    // strict_order: rows that are deleted or filtered do not make the answer short, and it stays in
    // order. A plan made without the values would not know that the limit is small.
    const std::array<postgres::Query, 2> queries{
        postgres::Query{.sql = "SELECT set_config('hnsw.iterative_scan', 'strict_order', true),"
                               " set_config('hnsw.ef_search', $1, true),"
                               " set_config('plan_cache_mode', 'force_custom_plan', true)",
                        .values = {std::to_string(std::min(candidates, kMostEfSearch))}},
        postgres::Query{.sql = nearest, .values = values}};
    FACET_TRY(answers, read.connection().RunAll(queries));
    const auto& rows = answers[1];
    std::vector<Match> matches;
    matches.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        matches.push_back({.face = FaceId(rows[i].Int(0)),
                           .cosine = std::clamp(static_cast<float>(rows[i].Real(1)), -1.0F, 1.0F)});
    }
    std::ranges::sort(matches, [](const Match& a, const Match& b) {
        return a.cosine != b.cosine ? a.cosine > b.cosine : a.face < b.face;
    });
    if (matches.size() > k) matches.resize(k);
    return matches;
}

/// One attempt; false: another process is at it.
Result<bool> TryBuild(postgres::Database& database, Deadline deadline,
                      const std::stop_token& stop) {
    FACET_TRY(session, database.BeginSession(deadline));
    auto& connection = session.connection();
    connection.SetStop(stop);
    // Not pg_advisory_lock: a statement that waits holds a snapshot, and the build waits for those.
    FACET_TRY(locked, connection.Run("SELECT pg_try_advisory_lock($1)", {kIndexLock}));
    if (locked[0].Int(0) == 0) return false;
    session.Close();  // at the end; with it go the lock and the setting below
    FACET_TRY(found, connection.Run("SELECT indisvalid FROM pg_index WHERE indexrelid ="
                                    " to_regclass('embeddings_nearest')"));
    if (!found.empty() && found[0].Int(0) != 0) return true;
    log::Info("index.building", {{"engine", "pgvector"}});
    connection.SetCallTimeout(kBuildTimeout);
    FACET_TRY_VOID(connection.Execute("SET lock_timeout = 0"));
    // There is one that is not valid when an earlier build did not come to its end.
    FACET_TRY_VOID(connection.Run("DROP INDEX CONCURRENTLY IF EXISTS embeddings_nearest"));
    FACET_TRY_VOID(
        connection.Run("CREATE INDEX CONCURRENTLY embeddings_nearest ON embeddings"
                       " USING hnsw ((vector::halfvec(512)) halfvec_cosine_ops)"
                       " WITH (m = 16, ef_construction = 64)"));
    log::Info("index.built", {{"engine", "pgvector"}});
    return true;
}

}  // namespace

std::unique_ptr<VectorSearch> MakePostgresVectorSearch(postgres::Database& database) {
    return std::make_unique<PostgresVectorSearch>(database);
}

Result<void> BuildVectorIndex(postgres::Database& database, Deadline deadline,
                              const std::stop_token& stop) {
    while (true) {
        FACET_TRY(done, TryBuild(database, deadline, stop));
        if (done) return {};
        if (deadline.Passed()) return Fail(Code::kDeadline, "the index is still being built");
        if (!PauseFor(std::min(kLookEvery, deadline.Remaining()), stop)) {
            return Fail(Code::kCancelled, "told to stop");
        }
    }
}

}  // namespace facet::store
