#pragma once

#include <filesystem>
#include <memory>

#include "store/sqlite_store.hpp"
#include "store/sqlite_webhooks.hpp"
#include "store/store_contract.hpp"
#include "testing/testdata.hpp"

namespace facet::store {

/// A store on a file of its own, or on the one given.
struct SqliteBackend final : StoreUnderTest {
    explicit SqliteBackend(const std::filesystem::path* file = nullptr) : StoreUnderTest() {
        path = file != nullptr ? *file : folder.path() / "facet.db";
        auto opened =
            sqlite::Database::Open(path, {.readers = 4, .busy_timeout = std::chrono::seconds(60)});
        EXPECT_TRUE(opened) << opened.error().detail;
        database = std::move(*opened);
        auto made = MakeSqliteStore(*database, clock);
        EXPECT_TRUE(made) << made.error().detail;
        made_store = std::move(*made);
    }
    Store& store() override { return *made_store; }
    std::unique_ptr<WebhookStore> MakeWebhooks() override {
        auto made = MakeSqliteWebhooks(*database, clock);
        EXPECT_TRUE(made) << made.error().message << made.error().detail;
        return std::move(*made);
    }

    testing::TempFolder folder;
    std::filesystem::path path;
    std::unique_ptr<sqlite::Database> database;
    std::unique_ptr<Store> made_store;
};

}  // namespace facet::store
