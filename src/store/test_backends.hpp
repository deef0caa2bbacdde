#pragma once

#include <memory>
#include <vector>

#include "store/test_postgres_backend.hpp"
#include "store/test_sqlite_backend.hpp"

namespace facet::store {

/// The adapters that can be tested here. Without PostgreSQL's programs it is left out: each suite
/// says so with FACET_REQUIRE_POSTGRES.
inline std::vector<StoreBackend> StoreBackends() {
    std::vector<StoreBackend> backends{
        {"Sqlite", [] { return std::make_unique<SqliteBackend>(); }}};
    if (testing::PostgresServer::Programs()) {
        backends.push_back({"Postgres", [] { return std::make_unique<PostgresBackend>(); }});
    }
    return backends;
}

}  // namespace facet::store
