#pragma once

#include <array>

#include "base/db/sqlite.hpp"

/// The tables of AccessStore, beside those of the store; docs/format/store.md explains them. A step
/// that was released is never changed: add another.
namespace facet::store {

inline constexpr std::array kAccessMigrations{
    sqlite::Migration{.version = 1, .sql = R"sql(
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    name          TEXT    NOT NULL,
    password      TEXT    NOT NULL, -- Argon2id hash
    scope         INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 2),
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;

CREATE UNIQUE INDEX users_by_name ON users (lower(name)); -- of ASCII letters

CREATE TABLE sessions (
    token        BLOB    PRIMARY KEY CHECK (length(token) = 32), -- SHA-256 of it
    uid          BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    owner        INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (owner);

CREATE TABLE api_keys (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    uid             BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    name            TEXT    NOT NULL,
    secret          BLOB    NOT NULL CHECK (length(secret) = 32), -- SHA-256 of it
    hint            TEXT    NOT NULL,
    scope           INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 2),
    all_collections INTEGER NOT NULL CHECK (all_collections IN (0, 1)),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    revoked_at      INTEGER
) STRICT;

-- What a key without all_collections may see; nothing when all of them are gone.
CREATE TABLE api_key_collections (
    key        INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    PRIMARY KEY (key, collection)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_collections_by_collection ON api_key_collections (collection);

CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT    NOT NULL,
    actor_name TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    detail     TEXT    NOT NULL, -- JSON
    address    TEXT    NOT NULL,
    request_id TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_actor ON audit_log (actor_name, id);

CREATE TABLE kept_answers (
    caller       TEXT    NOT NULL,
    method       TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    fingerprint  BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    created_at   INTEGER NOT NULL,
    status       INTEGER, -- of the answer; NULL while it is not there
    content_type TEXT    NOT NULL DEFAULT '',
    body         TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (caller, method, path, key)
) STRICT, WITHOUT ROWID;
)sql"},
};

}  // namespace facet::store
