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
    sqlite::Migration{.version = 2, .sql = R"sql(
-- Collections. The tables are made anew, the children first, because a column that is UNIQUE cannot
-- be changed, and because a table that is dropped takes what refers to it.
CREATE TABLE collections (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL UNIQUE,
    title          TEXT    NOT NULL,
    retention_days INTEGER,
    created_at     INTEGER NOT NULL
) STRICT;
INSERT INTO collections (id, name, title, created_at)
    VALUES (1, 'default', '', CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE people (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    collection INTEGER NOT NULL REFERENCES collections (id),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX people_by_collection ON people (collection, name);

CREATE TABLE media_2 (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    collection    INTEGER NOT NULL REFERENCES collections (id),
    sha256        TEXT    NOT NULL CHECK (length(sha256) = 64),
    name          TEXT    NOT NULL,
    format        TEXT    NOT NULL,
    mime          TEXT    NOT NULL,
    bytes         INTEGER NOT NULL,
    width         INTEGER NOT NULL DEFAULT 0,
    height        INTEGER NOT NULL DEFAULT 0,
    status        INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 3),
    error_code    TEXT    NOT NULL DEFAULT '',
    error_message TEXT    NOT NULL DEFAULT '',
    origin        INTEGER NOT NULL,
    origin_path   TEXT    NOT NULL,
    task          TEXT    NOT NULL DEFAULT '',
    contract      TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    analysed_at   INTEGER,
    taken_at      INTEGER NOT NULL,
    fingerprint   INTEGER,
    UNIQUE (sha256, collection)
) STRICT;
CREATE TABLE faces_2 (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uid          BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    media        INTEGER NOT NULL REFERENCES media_2 (id) ON DELETE CASCADE,
    collection   INTEGER NOT NULL, -- of its media, which never changes it
    person       INTEGER REFERENCES people (id) ON DELETE SET NULL,
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
CREATE TABLE embeddings_2 (
    face   INTEGER PRIMARY KEY REFERENCES faces_2 (id) ON DELETE CASCADE,
    vector BLOB NOT NULL CHECK (length(vector) = 2048)
) STRICT;

INSERT INTO media_2 (id, uid, collection, sha256, name, format, mime, bytes, width, height, status,
    error_code, error_message, origin, origin_path, task, contract, created_at, updated_at,
    analysed_at, taken_at)
    SELECT id, uid, 1, sha256, name, format, mime, bytes, width, height, status, error_code,
    error_message, origin, origin_path, task, contract, created_at, updated_at, analysed_at,
    created_at FROM media;
INSERT INTO faces_2 (id, uid, media, collection, x1, y1, x2, y2, score, key_points, quality,
    quality_json, age, gender, created_at)
    SELECT id, uid, media, 1, x1, y1, x2, y2, score, key_points, quality, quality_json, age, gender,
    created_at FROM faces;
INSERT INTO embeddings_2 SELECT face, vector FROM embeddings;

-- Numbers are never used again, also not those of rows that are gone.
DELETE FROM sqlite_sequence WHERE name IN ('media_2', 'faces_2');
INSERT INTO sqlite_sequence (name, seq)
    SELECT name || '_2', seq FROM sqlite_sequence WHERE name IN ('media', 'faces');

DROP TABLE embeddings;
DROP TABLE faces;
DROP TABLE media;
ALTER TABLE media_2 RENAME TO media;
ALTER TABLE faces_2 RENAME TO faces;
ALTER TABLE embeddings_2 RENAME TO embeddings;
CREATE INDEX media_by_status ON media (status);
CREATE INDEX media_by_collection ON media (collection, id);
CREATE INDEX media_by_taken_at ON media (taken_at, id);
CREATE INDEX faces_by_media ON faces (media);
CREATE INDEX faces_by_person ON faces (person) WHERE person IS NOT NULL;

DROP TABLE totals;
CREATE TABLE totals (
    collection INTEGER NOT NULL,
    what       INTEGER NOT NULL, -- 0 to 3: media of that status; 4: faces
    count      INTEGER NOT NULL DEFAULT 0,
    bytes      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (collection, what)
) STRICT, WITHOUT ROWID;
INSERT INTO totals (collection, what) VALUES (1, 0), (1, 1), (1, 2), (1, 3), (1, 4);
UPDATE totals SET count = (SELECT count(*) FROM media WHERE status = what),
    bytes = (SELECT coalesce(sum(bytes), 0) FROM media WHERE status = what) WHERE what < 4;
UPDATE totals SET count = (SELECT count(*) FROM faces) WHERE what = 4;

CREATE TRIGGER collection_added AFTER INSERT ON collections BEGIN
    INSERT INTO totals (collection, what)
        VALUES (new.id, 0), (new.id, 1), (new.id, 2), (new.id, 3), (new.id, 4);
END;
CREATE TRIGGER collection_removed AFTER DELETE ON collections BEGIN
    DELETE FROM totals WHERE collection = old.id;
END;
CREATE TRIGGER media_added AFTER INSERT ON media BEGIN
    UPDATE totals SET count = count + 1, bytes = bytes + new.bytes
        WHERE collection = new.collection AND what = new.status;
END;
CREATE TRIGGER media_changed AFTER UPDATE OF status, bytes ON media BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.bytes
        WHERE collection = old.collection AND what = old.status;
    UPDATE totals SET count = count + 1, bytes = bytes + new.bytes
        WHERE collection = new.collection AND what = new.status;
END;
CREATE TRIGGER media_removed AFTER DELETE ON media BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.bytes
        WHERE collection = old.collection AND what = old.status;
END;
CREATE TRIGGER face_added AFTER INSERT ON faces BEGIN
    UPDATE totals SET count = count + 1 WHERE collection = new.collection AND what = 4;
END;
CREATE TRIGGER face_removed AFTER DELETE ON faces BEGIN
    UPDATE totals SET count = count - 1 WHERE collection = old.collection AND what = 4;
END;

-- Searches that someone asked to keep.
CREATE TABLE searches (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    name       TEXT    NOT NULL,
    query      TEXT    NOT NULL, -- JSON, as the API takes it
    vectors    BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Receipts; they name what went by id and hash only.
CREATE TABLE erasures (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    receipt    TEXT    NOT NULL, -- JSON
    created_at INTEGER NOT NULL
) STRICT;
)sql"},
    sqlite::Migration{.version = 3, .sql = R"sql(
-- Videos.
ALTER TABLE media ADD COLUMN duration_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE media ADD COLUMN frame_rate REAL NOT NULL DEFAULT 0;

ALTER TABLE faces ADD COLUMN start_ms INTEGER; -- these four: of appearances only
ALTER TABLE faces ADD COLUMN end_ms INTEGER;
ALTER TABLE faces ADD COLUMN best_ms INTEGER;
ALTER TABLE faces ADD COLUMN frame INTEGER;
-- JSON, or empty. Last, so that listing faces does not read it.
ALTER TABLE faces ADD COLUMN track TEXT NOT NULL DEFAULT '';

-- What unfinished analyses have found so far. Rows are only appended, so that none is moved to
-- make room for another, which would leave a copy behind.
CREATE TABLE video_segments (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    media    INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    UNIQUE (media, number)
) STRICT;
)sql"},
    sqlite::Migration{.version = 4, .sql = R"sql(
-- An erasure under way has its receipt already, so that it is ended whatever happens.
ALTER TABLE erasures ADD COLUMN complete INTEGER NOT NULL DEFAULT 1;
)sql"},
};

}  // namespace facet::store
