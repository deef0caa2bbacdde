#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/db/postgres.hpp"
#include "base/db/sqlite.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "store/types.hpp"

/// Rows of both databases, batch by batch in the order of their keys; for CopySqliteToPostgres and
/// the snapshots of the adapters only.
namespace facet::store {

/// Replaces what PostgreSQL cannot hold (text that is not UTF-8) and the status "processing", so
/// that both databases give the same for the same.
void Normalise(Media& media);

/// The faces that a query (of SelectFaces) or a condition gives, with their vectors, normalised.
/// Errors: kCorrupt (a face without a vector), and those of the database.
Result<std::vector<NewFace>> ReadFacesWithVectors(sqlite::Connection& from,
                                                  sqlite::Statement& query);
Result<std::vector<NewFace>> ReadFacesWithVectors(postgres::Connection& from,
                                                  const std::string& condition,
                                                  std::span<const postgres::Value> values);

/// At most `limit` rows after the key, normalised.
/// Errors: kCorrupt (a face without a vector), and those of the database.
Result<std::vector<Media>> MediaAfter(sqlite::Connection& from, std::int64_t id, int limit);
Result<std::vector<Media>> MediaAfter(postgres::Connection& from, std::int64_t id, int limit);
Result<std::vector<NewFace>> FacesAfter(sqlite::Connection& from, std::int64_t id, int limit);
Result<std::vector<NewFace>> FacesAfter(postgres::Connection& from, std::int64_t id, int limit);
Result<std::vector<WatchedFile>> WatchedAfter(sqlite::Connection& from, const std::string& path,
                                              int limit);
Result<std::vector<WatchedFile>> WatchedAfter(postgres::Connection& from, const std::string& path,
                                              int limit);

/// Collections, people, saved searches and receipts, all at once; those that are there already
/// stay.
Result<void> CopyNames(sqlite::Connection& from, postgres::Connection& to);

Result<void> Insert(postgres::Connection& to, const std::vector<Media>& media);
/// With their vectors; also appends to the change log.
Result<void> Insert(postgres::Connection& to, const std::vector<NewFace>& faces);
/// Those that are there already stay.
Result<void> Insert(postgres::Connection& to, const std::vector<WatchedFile>& files, Timestamp now);

/// Feeds every column to the hash, in a form that is the same for both databases.
void AddTo(Sha256& hash, const Media& media);
void AddTo(Sha256& hash, const NewFace& face);
void AddTo(Sha256& hash, const WatchedFile& file);

}  // namespace facet::store
