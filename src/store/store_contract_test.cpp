#include <vector>

#include "store/store_contract_collections.hpp"
#include "store/store_contract_faces.hpp"
#include "store/store_contract_media.hpp"
#include "store/test_postgres_backend.hpp"
#include "store/test_sqlite_backend.hpp"

namespace facet::store {
namespace {

std::vector<StoreBackend> Backends() {
    std::vector<StoreBackend> backends{
        {"Sqlite", [] { return std::make_unique<SqliteBackend>(); }}};
    if (testing::PostgresServer::Programs()) {
        backends.push_back({"Postgres", [] { return std::make_unique<PostgresBackend>(); }});
    }
    return backends;
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, ::testing::ValuesIn(Backends()),
                         [](const auto& backend) { return backend.param.name; });

INSTANTIATE_TEST_SUITE_P(Backends, CollectionsContract, ::testing::ValuesIn(Backends()),
                         [](const auto& backend) { return backend.param.name; });

TEST(StoreContractOnPostgres, IsRun) { FACET_REQUIRE_POSTGRES(); }

}  // namespace
}  // namespace facet::store
