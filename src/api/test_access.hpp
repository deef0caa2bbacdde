#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/access_control.hpp"
#include "store/sqlite_access.hpp"
#include "store/sqlite_store.hpp"
#include "testing/testdata.hpp"

namespace facet::api {

/// Stores in a file of their own and a clock that stands still.
struct AccessUnderTest {
    AccessUnderTest() {
        auto opened = sqlite::Database::Open(folder.path() / "facet.db");
        EXPECT_TRUE(opened) << opened.error().detail;
        database = std::move(*opened);
        auto made_store = store::MakeSqliteStore(*database, clock);
        EXPECT_TRUE(made_store) << made_store.error().detail;
        store = std::move(*made_store);
        auto made_access = store::MakeSqliteAccessStore(*database, clock);
        EXPECT_TRUE(made_access) << made_access.error().detail;
        access = std::move(*made_access);
    }

    testing::TempFolder folder;
    ManualClock clock{Timestamp(std::chrono::milliseconds(1'800'000'000'000))};
    std::unique_ptr<sqlite::Database> database;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<store::AccessStore> access;
};

inline net::Request MakeRequest(const std::string& method = "GET",
                                const std::string& address = "127.0.0.1") {
    net::Request request;
    request.method = method;
    request.path = "/v1/things";
    request.remote_address = address;
    request.request_id = "r-1";
    return request;
}

}  // namespace facet::api
