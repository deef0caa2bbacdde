#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"
#include "store/access_types.hpp"

namespace facet::store {

/// How long the answer to a request with an Idempotency-Key is kept.
inline constexpr std::chrono::hours kKeepAnswers{24};
/// A request that is under way for longer was broken off: the next with its key begins anew.
inline constexpr std::chrono::minutes kLongestRequest{5};

/// Users, their sessions, API keys, the audit log and kept answers, in the database of the Store.
///
/// Thread safety: all methods, any thread, any number of processes. Each call is one transaction of
/// its own, but for those that take one.
/// Errors of every method: as Store. Others are named.
class AccessStore {
public:
    virtual ~AccessStore() = default;

    /// ---- users -----------------------------------------------------------------------------
    virtual Result<bool> HasUsers() = 0;
    /// Only while there is no user; of two at once one wins. Errors: kConflict.
    virtual Result<User> AddFirstUser(const NewUser& user) = 0;
    /// Errors: kConflict (the name is taken).
    virtual Result<User> AddUser(const NewUser& user) = 0;
    /// Errors: kNotFound.
    virtual Result<User> FindUser(const Uuid& uid) = 0;
    virtual Result<User> FindUserByName(std::string_view name) = 0;
    /// By name.
    virtual Result<std::vector<User>> ListUsers() = 0;
    /// Also ends the sessions of the user, all but the one with the token `keep`.
    /// Errors: kNotFound.
    virtual Result<void> SetPassword(const Uuid& user, std::string_view hash,
                                     const Sha256Digest* keep = nullptr) = 0;
    /// Errors: kNotFound, kConflict (there would be no user with scope admin).
    virtual Result<void> SetScope(const Uuid& user, Scope scope) = 0;
    /// With the sessions. Errors: as SetScope.
    virtual Result<void> DeleteUser(const Uuid& user) = 0;

    /// ---- sessions --------------------------------------------------------------------------
    /// Also sets the user's last_login_at. Errors: kNotFound (the user).
    virtual Result<Session> AddSession(const NewSession& session) = 0;
    /// Errors: kNotFound, also when it has expired.
    virtual Result<SessionAndUser> FindSession(const Sha256Digest& token) = 0;
    /// Sets last_seen_at to now. A session that is gone is no error.
    virtual Result<void> ExtendSession(const Sha256Digest& token, Timestamp expires_at) = 0;
    /// The latest first; without those that have expired.
    virtual Result<std::vector<Session>> SessionsOf(const Uuid& user) = 0;
    /// A session that is gone is no error.
    virtual Result<void> DeleteSession(const Sha256Digest& token) = 0;
    virtual Result<void> DeleteSessionsOf(const Uuid& user) = 0;

    /// ---- keys ------------------------------------------------------------------------------
    /// Errors: kNotFound (a collection).
    virtual Result<ApiKey> AddKey(const NewApiKey& key) = 0;
    /// Also a revoked or expired one. Errors: kNotFound.
    virtual Result<ApiKey> FindKey(const Uuid& uid) = 0;
    /// The latest first, the revoked ones included.
    virtual Result<std::vector<ApiKey>> ListKeys() = 0;
    /// Once for all; again is no error. Errors: kNotFound.
    virtual Result<void> RevokeKey(const Uuid& uid) = 0;
    /// Sets last_used_at to now. A key that is gone is no error.
    virtual Result<void> MarkKeyUsed(const Uuid& uid) = 0;

    /// ---- audit log -------------------------------------------------------------------------
    /// `id` and `at` are set by the store.
    virtual Result<void> Record(const AuditEntry& entry) = 0;
    /// Errors: kInvalidArgument (limit, or a cursor that is not ours).
    virtual Result<AuditPage> ListAudit(const AuditQuery& query) = 0;

    /// ---- kept answers ----------------------------------------------------------------------
    /// Whether a request was seen before.
    virtual Result<BegunRequest> BeginRequest(const KeyedRequest& request) = 0;
    /// Whether BeginRequest would find one, be it the same or another of this name. The fingerprint
    /// is not looked at.
    virtual Result<bool> HasRequest(const KeyedRequest& request) = 0;
    /// Of one that was begun. That it is gone since is no error.
    virtual Result<void> FinishRequest(const KeyedRequest& request, const KeptAnswer& answer) = 0;
    /// Forgets one that was begun: it may be repeated.
    virtual Result<void> AbandonRequest(const KeyedRequest& request) = 0;
    /// Deletes the kept answers that have `text` in them. Cost: reads all kept answers.
    virtual Result<void> ForgetAnswersAbout(Transaction& tx, std::string_view text) = 0;

    /// ---- housekeeping ----------------------------------------------------------------------
    /// Deletes sessions that have expired, answers kept for long enough, and of the audit log what
    /// is older than `audit_before`.
    virtual Result<void> DeleteOld(Timestamp audit_before) = 0;
};

}  // namespace facet::store
