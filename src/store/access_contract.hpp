#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "store/access_store.hpp"
#include "store/store_contract.hpp"

/// What every AccessStore must do: the tests are in access_contract_users.hpp and
/// access_contract_log.hpp, the adapters in access_contract_test.cpp.
namespace facet::store {

/// An empty database with both stores, which go with the object.
struct AccessBackend {
    std::string name;
    std::function<std::unique_ptr<StoreUnderTest>()> make_store;
    std::function<std::unique_ptr<AccessStore>(StoreUnderTest&)> make_access;
};

inline void PrintTo(const AccessBackend& backend, std::ostream* out) { *out << backend.name; }

class AccessContract : public ::testing::TestWithParam<AccessBackend> {
protected:
    static Sha256Digest Digest(const std::string& text) { return Sha256Of(text); }

    User AddUser(const std::string& name, Scope scope) {
        auto added =
            access().AddUser({.name = name, .password = "hash of " + name, .scope = scope});
        EXPECT_TRUE(added) << added.error().message << added.error().detail;
        return *added;
    }

    Session AddSession(const User& user, const std::string& token,
                       std::chrono::milliseconds life = std::chrono::hours(1)) {
        auto added = access().AddSession({.token = Digest(token),
                                          .user = user.uid,
                                          .expires_at = clock().Now() + life,
                                          .address = "192.0.2.7",
                                          .agent = "a browser"});
        EXPECT_TRUE(added) << added.error().message << added.error().detail;
        return *added;
    }

    bool IsLoggedIn(const std::string& token) {
        return access().FindSession(Digest(token)).has_value();
    }

    CollectionId AddCollection(const std::string& name) {
        const auto added = store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY_VOID(store().AddCollection(tx, name, "", {}));
            return {};
        });
        EXPECT_TRUE(added) << added.error().message << added.error().detail;
        return store().FindCollection(name)->id;
    }

    void DeleteCollection(CollectionId id) {
        const auto deleted =
            store().Transact([&](Transaction& tx) { return store().DeleteCollection(tx, id); });
        EXPECT_TRUE(deleted) << deleted.error().message << deleted.error().detail;
    }

    AccessStore& access() { return *access_; }
    ManualClock& clock() { return backend_->clock; }
    Store& store() { return backend_->store(); }

    std::unique_ptr<StoreUnderTest> backend_ = GetParam().make_store();
    std::unique_ptr<AccessStore> access_ = GetParam().make_access(*backend_);
};

}  // namespace facet::store
