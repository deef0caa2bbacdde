#pragma once

#include <array>

#include "base/db/sqlite.hpp"

/// The tables of the store; docs/format/store.md explains them. A step that was released is never
/// changed: add another.
namespace facet::store {

inline constexpr std::array kStoreMigrations{
    sqlite::Migration{.version = 1, .sql = R"sql(
CREATE TABLE instance (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE media (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    sha256        TEXT    NOT NULL UNIQUE CHECK (length(sha256) = 64),
    name          TEXT    NOT NULL,
    format        TEXT    NOT NULL,
    mime          TEXT    NOT NULL,
    bytes         INTEGER NOT NULL,
    width         INTEGER NOT NULL DEFAULT 0,
    height        INTEGER NOT NULL DEFAULT 0,
    status        INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 3),
    error_code    TEXT    NOT NULL DEFAULT '',
    error_message TEXT    NOT NULL DEFAULT '',
    origin        INTEGER NOT NULL CHECK (origin BETWEEN 0 AND 2),
    origin_path   TEXT    NOT NULL,
    task          TEXT    NOT NULL DEFAULT '',
    contract      TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    analysed_at   INTEGER
) STRICT;
CREATE INDEX media_by_status ON media (status);

CREATE TABLE faces (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uid          BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    media        INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    x1           REAL    NOT NULL,
    y1           REAL    NOT NULL,
    x2           REAL    NOT NULL,
    y2           REAL    NOT NULL,
    score        REAL    NOT NULL,
    key_points   BLOB    NOT NULL CHECK (length(key_points) = 40),
    quality      REAL    NOT NULL,
    quality_json TEXT    NOT NULL,
    age          REAL,
    gender       TEXT    NOT NULL CHECK (gender IN ('', 'female', 'male')),
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX faces_by_media ON faces (media);

-- What the statistics show, kept by the triggers below: counting would read whole indexes.
CREATE TABLE totals (
    what  INTEGER PRIMARY KEY, -- 0 to 3: media of that status; 4: faces
    count INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO totals (what) VALUES (0), (1), (2), (3), (4);

CREATE TRIGGER media_added AFTER INSERT ON media BEGIN
    UPDATE totals SET count = count + 1, bytes = bytes + new.bytes WHERE what = new.status;
END;
CREATE TRIGGER media_changed AFTER UPDATE OF status, bytes ON media BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.bytes WHERE what = old.status;
    UPDATE totals SET count = count + 1, bytes = bytes + new.bytes WHERE what = new.status;
END;
CREATE TRIGGER media_removed AFTER DELETE ON media BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.bytes WHERE what = old.status;
END;
CREATE TRIGGER face_added AFTER INSERT ON faces BEGIN
    UPDATE totals SET count = count + 1 WHERE what = 4;
END;
CREATE TRIGGER face_removed AFTER DELETE ON faces BEGIN
    UPDATE totals SET count = count - 1 WHERE what = 4;
END;

-- Apart from faces, so that listing faces does not read vectors.
CREATE TABLE embeddings (
    face   INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    vector BLOB NOT NULL CHECK (length(vector) = 2048)
) STRICT;

CREATE TABLE embedding_changes (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    face INTEGER NOT NULL
) STRICT;

CREATE TABLE watched_files (
    path       TEXT    PRIMARY KEY,
    bytes      INTEGER NOT NULL,
    mtime_ns   INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    error      TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
};

}  // namespace facet::store
