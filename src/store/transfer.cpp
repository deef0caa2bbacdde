#include "store/transfer.hpp"

#include <algorithm>
#include <array>

#include "store/postgres_access.hpp"
#include "store/postgres_store.hpp"
#include "store/postgres_store_impl.hpp"
#include "store/sqlite_access.hpp"
#include "store/sqlite_store.hpp"
#include "store/sqlite_store_impl.hpp"
#include "store/transfer_access.hpp"
#include "store/transfer_rows.hpp"

namespace facet::store {
namespace {

constexpr int kBatch = 1'000;

Result<std::int64_t> Number(sqlite::Connection& connection, std::string_view sql) {
    FACET_TRY(query, connection.Prepare(sql));
    FACET_TRY(found, query.Step());
    return found ? query.Int(0) : 0;
}

Result<std::int64_t> Number(postgres::Connection& connection, std::string_view sql) {
    FACET_TRY(rows, connection.Run(sql));
    return rows.empty() ? 0 : rows[0].Int(0);
}

/// The name of a SQLite library, given to it here at first.
Result<std::string> IdOf(sqlite::Database& from) {
    std::string id;
    FACET_TRY_VOID(from.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        {
            FACET_TRY(insert, tx.connection().Prepare("INSERT INTO instance (key, value) VALUES"
                                                      " ('id', ?) ON CONFLICT (key) DO NOTHING"));
            FACET_TRY_VOID(insert.Bind(1, Uuid::Generate().ToString()).Run());
        }
        FACET_TRY(query, tx.connection().Prepare("SELECT value FROM instance WHERE key = 'id'"));
        FACET_TRY_VOID(query.Step());
        id = query.Text(0);
        return {};
    }));
    return id;
}

/// Marks the target as being filled from `id`. True: an earlier run has finished that.
Result<bool> Claim(postgres::Connection& to, const std::string& id) {
    FACET_TRY_VOID(to.Run("SELECT pg_advisory_xact_lock($1)", {kContractLock}));
    FACET_TRY(marks, to.Run("SELECT (SELECT value FROM instance WHERE key = 'id'),"
                            " (SELECT value FROM instance WHERE key = $1)",
                            {kTransferMark}));
    if (!marks[0].IsNull(1) && marks[0].Text(0) == id) return marks[0].Text(1) == kTransferComplete;
    FACET_TRY(used, Number(to,
                           "SELECT (EXISTS (SELECT 1 FROM media)"
                           " OR EXISTS (SELECT 1 FROM watched_files)"
                           " OR EXISTS (SELECT 1 FROM embedding_changes)"
                           " OR EXISTS (SELECT 1 FROM users)"
                           " OR EXISTS (SELECT 1 FROM instance WHERE key = 'id'))"));
    if (used != 0) {
        return Fail(Code::kConflict, "the target database holds other data; use an empty database");
    }
    FACET_TRY_VOID(to.Run("INSERT INTO instance (key, value) VALUES ('id', $1), ($2, $3)",
                          {id, kTransferMark, kTransferOutstanding}));
    return false;
}

class Transfer {
public:
    Transfer(sqlite::Connection& from, postgres::Database& to, const Clock& clock,
             const TransferProgress& progress, const std::stop_token& stop)
        : from_(from), to_(to), clock_(clock), progress_(progress), stop_(stop) {}

    Result<void> Copy() {
        FACET_TRY_VOID(Count());
        FACET_TRY_VOID(CopyContract());
        FACET_TRY_VOID(to_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
            FACET_TRY_VOID(CopyNames(from_, tx.connection()));
            return CopyAccess(from_, tx.connection());
        }));
        FACET_TRY_VOID(CopyAuditLog());
        FACET_TRY_VOID(CopyRows<Media>("media", MediaAfter));
        FACET_TRY_VOID(CopyRows<NewFace>("faces", FacesAfter));
        FACET_TRY_VOID(CopyWatched());
        return CopyCounters();
    }

    /// Compares everything, and marks the target as complete.
    Result<TransferReport> Finish() {
        done_ = 0;
        TransferReport report;
        FACET_TRY(read, to_.BeginRead());
        auto& to = read.connection();
        FACET_TRY(media, Compare<Media>(to, "media", [](auto& side, const Media* last) {
                      return MediaAfter(side, last != nullptr ? last->id.value() : 0, kBatch);
                  }));
        FACET_TRY(faces, Compare<NewFace>(to, "faces", [](auto& side, const NewFace* last) {
                      return FacesAfter(side, last != nullptr ? last->face.id.value() : 0, kBatch);
                  }));
        FACET_TRY(
            watched,
            Compare<WatchedFile>(to, "watched files", [](auto& side, const WatchedFile* last) {
                return WatchedAfter(side, last != nullptr ? last->path : "", kBatch);
            }));
        FACET_TRY(logged, Number(to, "SELECT count(*) FROM embedding_changes"));
        if (logged != faces) return Differ("change log", std::to_string(logged) + " rows");
        FACET_TRY(contract, ReadContract(from_));
        FACET_TRY(bound, to.Run("SELECT value FROM instance WHERE key = 'contract'"));
        if (contract != bound[0].Text(0)) return Differ("contract", {});
        FACET_TRY(waiting, Number(to, "SELECT count(*) FROM media WHERE status = 0"));
        FACET_TRY_VOID(to_.Write([](postgres::WriteTransaction& tx) -> Result<void> {
            FACET_TRY_VOID(tx.connection().Run("UPDATE instance SET value = $1 WHERE key = $2",
                                               {kTransferComplete, kTransferMark}));
            return {};
        }));
        report.media = media;
        report.faces = faces;
        report.watched_files = watched;
        report.waiting = waiting;
        return report;
    }

private:
    Result<void> Count() {
        FACET_TRY(total, Number(from_,
                                "SELECT (SELECT count(*) FROM media) + (SELECT count(*) FROM"
                                " faces) + (SELECT count(*) FROM watched_files)"));
        total_ = total;
        FACET_TRY(there, to_.Run("SELECT (SELECT count(*) FROM media) + (SELECT count(*) FROM"
                                 " faces)"));
        done_ = there[0].Int(0);
        return {};
    }

    Result<void> Advance(std::string_view step, std::size_t rows) {
        done_ += static_cast<std::int64_t>(rows);
        progress_(step, std::min(done_, total_), total_);
        if (!stop_.stop_requested()) return {};
        return Fail(Code::kCancelled, "stopped; the same command continues");
    }

    Result<void> CopyContract() {
        FACET_TRY(contract, ReadContract(from_));
        return to_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
            FACET_TRY_VOID(tx.connection().Run(
                "UPDATE instance SET value = $1 WHERE key = 'contract'", {contract}));
            return {};
        });
    }

    /// Rows whose key is a number, from the highest one on that the target has.
    template <class Row>
    Result<void> CopyRows(const std::string& table,
                          Result<std::vector<Row>> (*read)(sqlite::Connection&, std::int64_t,
                                                           int)) {
        const std::string highest = "SELECT coalesce(max(id), 0) FROM " + table;
        while (true) {
            std::size_t copied = 0;
            FACET_TRY_VOID(to_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
                FACET_TRY(last, Number(tx.connection(), highest));
                FACET_TRY(rows, read(from_, last, kBatch));
                copied = rows.size();
                return Insert(tx.connection(), rows);
            }));
            if (copied == 0) return {};
            FACET_TRY_VOID(Advance("copy", copied));
        }
    }

    Result<void> CopyWatched() {
        std::string last;
        while (true) {
            FACET_TRY(files, WatchedAfter(from_, last, kBatch));
            if (files.empty()) return {};
            FACET_TRY_VOID(to_.Write([&](postgres::WriteTransaction& tx) {
                return Insert(tx.connection(), files, clock_.Now());
            }));
            last = files.back().path;
            FACET_TRY_VOID(Advance("copy", files.size()));
        }
    }

    Result<void> CopyAuditLog() {
        std::size_t copied = 0;
        do {
            FACET_TRY_VOID(to_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
                FACET_TRY(count, CopyAudit(from_, tx.connection(), kBatch));
                copied = count;
                return {};
            }));
            FACET_TRY_VOID(Advance("copy", 0));
        } while (copied > 0);
        return {};
    }

    /// Ids of what was deleted do not come back either.
    Result<void> CopyCounters() {
        constexpr std::array<std::string_view, 7> kTables{
            "collections", "people", "media", "faces", "users", "api_keys", "audit_log"};
        return to_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
            for (const auto table : kTables) {
                FACET_TRY(query, from_.Prepare("SELECT seq FROM sqlite_sequence WHERE name = ?"));
                FACET_TRY(found, query.Bind(1, table).Step());
                if (!found || query.Int(0) < 1) continue;
                FACET_TRY_VOID(tx.connection().Run(
                    "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", {table, query.Int(0)}));
            }
            return {};
        });
    }

    /// The number of rows, when they are the same on both sides. Batch by batch on both, so that
    /// neither connection is idle for long.
    template <class Row, class Read>
    Result<std::int64_t> Compare(postgres::Connection& to, const std::string& what, Read read) {
        std::int64_t same = 0;
        std::vector<Row> here;
        std::vector<Row> there;
        while (true) {
            FACET_TRY(next_here, read(from_, here.empty() ? nullptr : &here.back()));
            FACET_TRY(next_there, read(to, there.empty() ? nullptr : &there.back()));
            if (Digest(next_here) != Digest(next_there)) {
                return Differ(what, "after " + std::to_string(same) + " rows that are the same");
            }
            if (next_here.empty()) return same;
            here = std::move(next_here);
            there = std::move(next_there);
            same += static_cast<std::int64_t>(here.size());
            FACET_TRY_VOID(Advance("compare", here.size()));
        }
    }

    template <class Row>
    static Sha256Digest Digest(const std::vector<Row>& rows) {
        Sha256 hash;
        for (const Row& row : rows) AddTo(hash, row);
        return hash.Finish();
    }

    static std::unexpected<Error> Differ(const std::string& what, std::string detail) {
        return Fail(Code::kConflict,
                    "the two databases differ in: " + what +
                        "; somebody wrote to one of them: begin again with an empty database",
                    std::move(detail));
    }

    sqlite::Connection& from_;
    postgres::Database& to_;
    const Clock& clock_;
    const TransferProgress& progress_;
    const std::stop_token& stop_;
    std::int64_t total_ = 0;
    std::int64_t done_ = 0;
};

}  // namespace

Result<TransferReport> CopySqliteToPostgres(sqlite::Database& from, postgres::Database& to,
                                            const Clock& clock, const TransferProgress& progress,
                                            const std::stop_token& stop) {
    FACET_TRY_VOID(MakeSqliteStore(from, clock));  // for its tables to be of this version
    FACET_TRY_VOID(MakeSqliteAccessStore(from, clock));
    FACET_TRY_VOID(PreparePostgresStore(to));
    FACET_TRY_VOID(MakePostgresAccessStore(to, clock));
    FACET_TRY(id, IdOf(from));
    bool complete = false;
    FACET_TRY_VOID(to.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(was_complete, Claim(tx.connection(), id));
        complete = was_complete;
        return {};
    }));
    if (complete) return TransferReport{.was_complete = true};
    FACET_TRY(read, from.BeginRead());
    Transfer transfer(read.connection(), to, clock, progress, stop);
    FACET_TRY_VOID(transfer.Copy());
    return transfer.Finish();
}

}  // namespace facet::store
