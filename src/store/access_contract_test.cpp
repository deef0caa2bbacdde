#include <vector>

#include "store/access_contract_log.hpp"
#include "store/access_contract_users.hpp"
#include "store/postgres_access.hpp"
#include "store/sqlite_access.hpp"
#include "store/test_postgres_backend.hpp"
#include "store/test_sqlite_backend.hpp"

namespace facet::store {
namespace {

std::unique_ptr<AccessStore> Checked(Result<std::unique_ptr<AccessStore>> made) {
    EXPECT_TRUE(made) << made.error().message << made.error().detail;
    return std::move(*made);
}

std::vector<AccessBackend> Backends() {
    std::vector<AccessBackend> backends{
        {"Sqlite", [] { return std::make_unique<SqliteBackend>(); },
         [](StoreUnderTest& store) {
             auto& backend = dynamic_cast<SqliteBackend&>(store);
             return Checked(MakeSqliteAccessStore(*backend.database, backend.clock));
         }}};
    if (testing::PostgresServer::Programs()) {
        backends.push_back({"Postgres", [] { return std::make_unique<PostgresBackend>(); },
                            [](StoreUnderTest& store) {
                                auto& backend = dynamic_cast<PostgresBackend&>(store);
                                return Checked(
                                    MakePostgresAccessStore(*backend.database, backend.clock));
                            }});
    }
    return backends;
}

const auto kName = [](const auto& backend) { return backend.param.name; };

INSTANTIATE_TEST_SUITE_P(Backends, AccessContract, ::testing::ValuesIn(Backends()), kName);
INSTANTIATE_TEST_SUITE_P(Backends, AccessContractKeys, ::testing::ValuesIn(Backends()), kName);
INSTANTIATE_TEST_SUITE_P(Backends, AccessContractLog, ::testing::ValuesIn(Backends()), kName);
INSTANTIATE_TEST_SUITE_P(Backends, AccessContractAnswers, ::testing::ValuesIn(Backends()), kName);

TEST(AccessContractOnPostgres, IsRun) { FACET_REQUIRE_POSTGRES(); }

}  // namespace
}  // namespace facet::store
