#pragma once

#include <memory>
#include <string>

#include "store/postgres_store.hpp"
#include "store/postgres_webhooks.hpp"
#include "store/store_contract.hpp"
#include "testing/postgres.hpp"

namespace facet::store {

inline std::unique_ptr<postgres::Database> OpenDatabase(const std::string& url) {
    auto opened = postgres::Database::Open(url, {.connections = 6,
                                                 .connect_timeout = std::chrono::seconds(30),
                                                 .busy_timeout = std::chrono::seconds(60),
                                                 .call_timeout = std::chrono::seconds(60)});
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::move(*opened);
}

/// A store on a database of its own, or on the one given.
struct PostgresBackend final : StoreUnderTest {
    explicit PostgresBackend(std::string existing = {}) : StoreUnderTest() {
        url = existing.empty() ? testing::Postgres().MakeDatabase() : std::move(existing);
        database = OpenDatabase(url);
        auto made = MakePostgresStore(*database, clock);
        EXPECT_TRUE(made) << made.error().message << made.error().detail;
        made_store = std::move(*made);
    }
    Store& store() override { return *made_store; }
    std::unique_ptr<WebhookStore> MakeWebhooks() override {
        auto made = MakePostgresWebhooks(*database, clock);
        EXPECT_TRUE(made) << made.error().message << made.error().detail;
        return std::move(*made);
    }

    std::string url;
    std::unique_ptr<postgres::Database> database;
    std::unique_ptr<Store> made_store;
};

}  // namespace facet::store
