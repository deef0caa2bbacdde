#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include "store/test_postgres_backend.hpp"
#include "store/vector_search.hpp"

namespace facet::store {
namespace {

using namespace std::chrono_literals;
using Vectors = std::vector<std::vector<float>>;

std::vector<float> Unit(std::vector<float> vector) {
    double length = 0;
    for (const float one : vector) length += static_cast<double>(one) * one;
    for (float& one : vector) one = static_cast<float>(one / std::sqrt(length));
    return vector;
}

/// People of about 15 pictures each, whose cosines are near 0.6, as those of faces are.
Vectors People(std::mt19937& random, std::size_t count) {
    std::normal_distribution<float> normal;
    Vectors vectors;
    std::vector<float> centre(512);
    while (vectors.size() < count) {
        if (vectors.size() % 15 == 0) {
            for (float& one : centre) one = normal(random);
        }
        std::vector<float> vector(512);
        for (std::size_t i = 0; i < 512; ++i) vector[i] = centre[i] + 0.8F * normal(random);
        vectors.push_back(Unit(std::move(vector)));
    }
    return vectors;
}

class PostgresVectorSearchTest : public ::testing::Test {
protected:
    void SetUp() override {
        FACET_REQUIRE_POSTGRES();
        backend_ = std::make_unique<PostgresBackend>();
        search_ = MakePostgresVectorSearch(*backend_->database);
    }

    /// Stores them as the faces of one media; their ids, in the same order.
    std::vector<FaceId> Store(const Vectors& vectors) {
        AnalysisResult result{.width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
        for (const auto& vector : vectors) {
            NewFace made;
            made.face.uid = Uuid::Generate();
            made.face.quality_json = "{}";
            made.embedding = vector;
            result.faces.push_back(std::move(made));
        }
        auto& store = backend_->store();
        const auto last = *store.LastChange();
        auto done = store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store.AddMedia(tx, {.sha256 = std::string(60, '0') +
                                                           std::to_string(1'000 + media_++),
                                                 .name = "picture",
                                                 .format = "jpg",
                                                 .mime = "image/jpeg",
                                                 .bytes = 1,
                                                 .origin = Origin::kUpload,
                                                 .origin_path = ""}));
            FACET_TRY_VOID(store.CommitAnalysis(tx, added.media.id, result));
            return {};
        });
        EXPECT_TRUE(done) << done.error().detail;
        std::vector<FaceId> ids;
        auto rows = backend_->database->Run(
            "SELECT face FROM embedding_changes WHERE seq > $1"
            " ORDER BY seq",
            {last});
        for (std::size_t i = 0; i < rows->size(); ++i) ids.emplace_back((*rows)[i].Int(0));
        return ids;
    }

    std::vector<VectorSearch::Match> Nearest(const std::vector<float>& query, std::size_t k,
                                             float min_cosine = -1) {
        auto matches = search_->Nearest(query, k, min_cosine, {}, Deadline::After(60s));
        EXPECT_TRUE(matches) << matches.error().detail;
        return *matches;
    }

    std::unique_ptr<PostgresBackend> backend_;
    std::unique_ptr<VectorSearch> search_;
    int media_ = 0;
};

TEST_F(PostgresVectorSearchTest, FindsNearlyAllThatAnExactSearchFinds) {
    constexpr std::size_t kFaces = 600;
    constexpr std::size_t kQueries = 40;
    std::mt19937 random(17);
    const Vectors vectors = People(random, kFaces);
    const auto ids = Store(vectors);
    ASSERT_EQ(ids.size(), kFaces);
    ASSERT_TRUE(backend_->database->Run("ANALYZE embeddings"));
    ASSERT_TRUE(BuildVectorIndex(*backend_->database, Deadline::After(120s)));

    std::size_t found = 0;
    std::size_t expected = 0;
    for (std::size_t number = 0; number < kQueries; ++number) {
        const auto& query = vectors[random() % kFaces];
        std::vector<std::pair<double, FaceId>> exact;
        for (std::size_t i = 0; i < kFaces; ++i) {
            double cosine = 0;
            for (std::size_t j = 0; j < 512; ++j) {
                cosine += static_cast<double>(query[j]) * vectors[i][j];
            }
            exact.emplace_back(cosine, ids[i]);
        }
        std::ranges::sort(exact, [](const auto& a, const auto& b) { return a.first > b.first; });
        const auto matches = Nearest(query, 10);
        ASSERT_EQ(matches.size(), 10u);
        EXPECT_NEAR(matches[0].cosine, 1, 1e-5);
        for (const auto& match : matches) {
            const auto at =
                std::ranges::find(exact, match.face, &decltype(exact)::value_type::second);
            EXPECT_NEAR(match.cosine, at->first, 1e-5) << "rescored with the whole vectors";
            if (at - exact.begin() < 10) ++found;
        }
        EXPECT_TRUE(
            std::ranges::is_sorted(matches, std::greater<>(), &VectorSearch::Match::cosine));
        expected += 10;
    }
    EXPECT_GE(static_cast<double>(found) / static_cast<double>(expected), 0.98);
}

TEST_F(PostgresVectorSearchTest, UsesItsIndex) {
    std::mt19937 random(3);
    Store(People(random, 300));
    ASSERT_TRUE(BuildVectorIndex(*backend_->database, Deadline::After(60s)));
    ASSERT_TRUE(BuildVectorIndex(*backend_->database, Deadline::After(60s))) << "there already";
    const auto scans = [&] {
        auto rows = backend_->database->Run(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'embeddings_nearest'");
        return (*rows)[0].Int(0);
    };
    const auto before = scans();
    // So few faces would be read one by one.
    auto database = OpenDatabase(backend_->url + "&options=-c%20enable_seqscan%3Doff");
    search_ = MakePostgresVectorSearch(*database);
    EXPECT_EQ(Nearest(People(random, 1)[0], 5).size(), 5u);
    ASSERT_TRUE(database->Run("SELECT pg_stat_force_next_flush()"));
    EXPECT_GT(scans(), before);
}

TEST_F(PostgresVectorSearchTest, DeletedFacesAreNotFound) {
    std::mt19937 random(5);
    const Vectors vectors = People(random, 60);
    const auto ids = Store(vectors);
    ASSERT_TRUE(BuildVectorIndex(*backend_->database, Deadline::After(60s)));
    ASSERT_EQ(Nearest(vectors[20], 3)[0].face, ids[20]);
    auto& store = backend_->store();
    std::set<FaceId> gone;
    for (std::size_t i = 15; i < 30; ++i) {  // all pictures of that person
        ASSERT_TRUE(store.Transact([&](Transaction& tx) { return store.DeleteFace(tx, ids[i]); }));
        gone.insert(ids[i]);
    }
    const auto matches = Nearest(vectors[20], 50);
    EXPECT_EQ(matches.size(), 45u) << "what is gone makes the answer no shorter";
    for (const auto& match : matches) EXPECT_FALSE(gone.contains(match.face));
}

TEST_F(PostgresVectorSearchTest, TheThresholdIsInclusiveAndTiesGoById) {
    std::vector<float> axis(512, 0);
    axis[0] = 1;
    std::vector<float> other(512, 0);
    other[1] = 1;
    std::vector<float> between(512, 0);
    between[0] = 0.6F;
    between[1] = 0.8F;
    const auto ids = Store({axis, between, axis, other, axis});
    using M = VectorSearch::Match;
    EXPECT_THAT(Nearest(axis, 10, 0.5F),
                ::testing::ElementsAre(M{ids[0], 1}, M{ids[2], 1}, M{ids[4], 1}, M{ids[1], 0.6F}));
    EXPECT_EQ(Nearest(axis, 10, 0.6F).size(), 4u);
    EXPECT_EQ(Nearest(axis, 10, 0.61F).size(), 3u);
    EXPECT_THAT(Nearest(axis, 2), ::testing::ElementsAre(M{ids[0], 1}, M{ids[2], 1}));
    EXPECT_EQ(Nearest(axis, 10, -1).size(), 5u);
    EXPECT_EQ(search_->engine(), "pgvector");
}

TEST_F(PostgresVectorSearchTest, BadQuestionsAreRefused) {
    std::vector<float> query(512, 0.03125F);
    const auto code = [&](std::size_t k) {
        auto matches = search_->Nearest(query, k, 0, {}, Deadline::After(60s));
        return matches ? std::optional<Code>() : matches.error().code;
    };
    EXPECT_EQ(code(1), std::nullopt) << "and an empty store has no match";
    EXPECT_EQ(code(0), Code::kInvalidArgument);
    EXPECT_EQ(code(1'001), Code::kInvalidArgument);
    query[5] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(code(1), Code::kInvalidArgument);
    query.resize(511);
    EXPECT_EQ(code(1), Code::kInvalidArgument);
    query.assign(512, 0.03125F);
    EXPECT_EQ(search_->Nearest(query, 1, 0, {}, Deadline::After(0ms)).error().code,
              Code::kDeadline);
}

TEST_F(PostgresVectorSearchTest, OneProcessBuildsAndAHalfBuiltIndexIsBuiltAgain) {
    std::mt19937 random(9);
    Store(People(random, 200));
    auto& database = *backend_->database;
    {  // what a build that was interrupted leaves
        auto session = database.BeginSession();
        ASSERT_TRUE(
            session->connection().Run("CREATE INDEX embeddings_nearest ON embeddings"
                                      " USING hnsw ((vector::halfvec(512)) "
                                      "halfvec_cosine_ops)"));
        ASSERT_TRUE(
            session->connection().Run("UPDATE pg_index SET indisvalid = false"
                                      " WHERE indexrelid = 'embeddings_nearest'::regclass"));
    }
    {
        std::vector<std::jthread> processes;
        for (int i = 0; i < 3; ++i) {
            processes.emplace_back([&] {
                auto own = OpenDatabase(backend_->url);
                auto built = BuildVectorIndex(*own, Deadline::After(60s));
                EXPECT_TRUE(built) << built.error().detail;
            });
        }
    }
    auto rows = database.Run(
        "SELECT count(*), bool_and(indisvalid) FROM pg_index"
        " WHERE indrelid = 'embeddings'::regclass AND NOT indisprimary");
    EXPECT_EQ((*rows)[0].Int(0), 1);
    EXPECT_EQ((*rows)[0].Int(1), 1);
}

}  // namespace
}  // namespace facet::store
