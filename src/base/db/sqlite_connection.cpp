#include <sqlite3.h>

#include <utility>

#include "base/db/sqlite.hpp"
#include "base/db/sqlite_internal.hpp"

namespace facet::sqlite {
namespace {

constexpr std::size_t kCachedStatements = 128;

// https://www.sqlite.org/rescode.html
Code CodeOf(int result) {
    switch (result & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return Code::kBusy;
        case SQLITE_CONSTRAINT:
            return Code::kConflict;
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return Code::kUnavailable;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Code::kCorrupt;
        default:
            return Code::kInternal;
    }
}

std::string MessageOf(int result) {
    if ((result & 0xff) == SQLITE_FULL) return "the disk is full";
    switch (CodeOf(result)) {
        case Code::kBusy:
            return "the database is busy";
        case Code::kConflict:
            return "the change conflicts with what is stored";
        case Code::kUnavailable:
            return "the database cannot be read or written";
        case Code::kCorrupt:
            return "the database file is damaged or is not a database";
        default:
            return "the database failed";
    }
}

}  // namespace

std::unexpected<Error> FailWith(sqlite3* db, int result) {
    std::string detail = "sqlite " + std::to_string(result) + ": ";
    detail += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(result);
    return Fail(CodeOf(result), MessageOf(result), std::move(detail));
}

// ---- Statement -----------------------------------------------------------------------------

Statement::Statement(sqlite3* db, sqlite3_stmt* statement, bool* in_use)
    : db_(db), statement_(statement), in_use_(in_use) {}

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(other.in_use_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
    if (statement_ == nullptr) return;
    if (in_use_ == nullptr) {
        sqlite3_finalize(statement_);
        return;
    }
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    *in_use_ = false;
}

Statement& Statement::Keep(int code) {
    if (bind_error_ == SQLITE_OK) bind_error_ = code;
    return *this;
}

Statement& Statement::BindInt(int index, std::int64_t value) {
    return Keep(sqlite3_bind_int64(statement_, index, value));
}

Statement& Statement::Bind(int index, double value) {
    return Keep(sqlite3_bind_double(statement_, index, value));
}

Statement& Statement::Bind(int index, std::string_view text) {
    // A null pointer would bind NULL instead of the empty text.
    const char* data = text.empty() ? "" : text.data();
    return Keep(
        sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::Bind(int index, std::span<const std::uint8_t> blob) {
    if (blob.empty()) return Keep(sqlite3_bind_zeroblob(statement_, index, 0));
    return Keep(sqlite3_bind_blob64(statement_, index, blob.data(), blob.size(), SQLITE_TRANSIENT));
}

Statement& Statement::BindNull(int index) { return Keep(sqlite3_bind_null(statement_, index)); }

Result<bool> Statement::Step() {
    if (bind_error_ != SQLITE_OK) return FailWith(nullptr, bind_error_);
    int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return FailWith(db_, result);
}

Result<void> Statement::Run() {
    while (true) {
        FACET_TRY(row, Step());
        if (!row) return {};
    }
}

bool Statement::IsNull(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::Real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::Text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    if (text == nullptr) return {};
    return {reinterpret_cast<const char*>(text),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::uint8_t> Statement::Blob(int column) const {
    const void* blob = sqlite3_column_blob(statement_, column);
    if (blob == nullptr) return {};
    return {static_cast<const std::uint8_t*>(blob),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

// ---- Connection ----------------------------------------------------------------------------

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

Result<Statement> Connection::Prepare(std::string_view sql) {
    auto found = state_->cache.find(sql);
    if (found != state_->cache.end() && !found->second.in_use) {
        found->second.in_use = true;
        return Statement(state_->db, found->second.statement, &found->second.in_use);
    }
    bool keep = found == state_->cache.end() && state_->cache.size() < kCachedStatements;
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    int result = sqlite3_prepare_v3(state_->db, sql.data(), static_cast<int>(sql.size()),
                                    keep ? SQLITE_PREPARE_PERSISTENT : 0, &statement, &rest);
    if (result != SQLITE_OK) return FailWith(state_->db, result);
    std::string_view tail(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
    if (statement == nullptr || tail.find_first_not_of(" \n\t;") != std::string_view::npos) {
        sqlite3_finalize(statement);
        return Fail(Code::kInternal, "the database failed",
                    "not one statement: " + std::string(sql));
    }
    if (!keep) return Statement(state_->db, statement, nullptr);
    auto& entry = state_->cache[std::string(sql)];
    entry = {.statement = statement, .in_use = true};
    return Statement(state_->db, statement, &entry.in_use);
}

Result<void> Connection::Execute(const std::string& sql) {
    int result = sqlite3_exec(state_->db, sql.c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) return FailWith(state_->db, result);
    return {};
}

std::int64_t Connection::LastInsertId() const { return sqlite3_last_insert_rowid(state_->db); }
std::int64_t Connection::Changes() const { return sqlite3_changes64(state_->db); }

}  // namespace facet::sqlite
