#pragma once

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "store/access_store.hpp"

namespace facet::store {

/// The class behind MakePostgresAccessStore; for postgres_access.cpp only.
class PostgresAccessStore final : public AccessStore {
public:
    PostgresAccessStore(postgres::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    Result<bool> HasUsers() override;
    Result<User> AddFirstUser(const NewUser& user) override;
    Result<User> AddUser(const NewUser& user) override;
    Result<User> FindUser(const Uuid& uid) override;
    Result<User> FindUserByName(std::string_view name) override;
    Result<std::vector<User>> ListUsers() override;
    Result<void> SetPassword(const Uuid& user, std::string_view hash,
                             const Sha256Digest* keep) override;
    Result<void> SetScope(const Uuid& user, Scope scope) override;
    Result<void> DeleteUser(const Uuid& user) override;
    Result<Session> AddSession(const NewSession& session) override;
    Result<SessionAndUser> FindSession(const Sha256Digest& token) override;
    Result<void> ExtendSession(const Sha256Digest& token, Timestamp expires_at) override;
    Result<std::vector<Session>> SessionsOf(const Uuid& user) override;
    Result<void> DeleteSession(const Sha256Digest& token) override;
    Result<void> DeleteSessionsOf(const Uuid& user) override;
    Result<ApiKey> AddKey(const NewApiKey& key) override;
    Result<ApiKey> FindKey(const Uuid& uid) override;
    Result<std::vector<ApiKey>> ListKeys() override;
    Result<void> RevokeKey(const Uuid& uid) override;
    Result<void> MarkKeyUsed(const Uuid& uid) override;
    Result<void> Record(const AuditEntry& entry) override;
    Result<AuditPage> ListAudit(const AuditQuery& query) override;
    Result<BegunRequest> BeginRequest(const KeyedRequest& request) override;
    Result<bool> HasRequest(const KeyedRequest& request) override;
    Result<void> FinishRequest(const KeyedRequest& request, const KeptAnswer& answer) override;
    Result<void> AbandonRequest(const KeyedRequest& request) override;
    Result<void> ForgetAnswersAbout(Transaction& tx, std::string_view text) override;
    Result<void> DeleteOld(Timestamp audit_before) override;

private:
    /// Errors: kConflict (the name is taken, or `only_first` and there is a user).
    Result<User> Insert(const NewUser& user, bool only_first);
    /// One statement that may run twice, outside a transaction, and whose rows do not matter.
    Result<void> Change(std::string_view sql, std::initializer_list<postgres::Value> values);

    postgres::Database& database_;
    const Clock& clock_;
};

}  // namespace facet::store
