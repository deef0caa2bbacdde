#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/db/sqlite.hpp"

/// What the files of the wrapper share; for them only.
namespace facet::sqlite {

/// The error for an SQLite result code, with the text of `db` (or of the code, when null) as
/// detail.
std::unexpected<Error> FailWith(sqlite3* db, int result);

struct Connection::State {
    struct Entry {
        sqlite3_stmt* statement = nullptr;
        bool in_use = false;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view sql) const {
            return std::hash<std::string_view>{}(sql);
        }
    };

    State() = default;
    State(const State&) = delete;
    ~State() {
        for (auto& [sql, entry] : cache) sqlite3_finalize(entry.statement);
        sqlite3_close_v2(db);
    }

    sqlite3* db = nullptr;
    // Nodes stay where they are, so statements may point at their entry.
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> cache;
    bool may_commit = false;  // the answer of the commit hook, see BeginWrite
    int forgets = 0;          // calls of ForgetPages before it was lent last
};

}  // namespace facet::sqlite
