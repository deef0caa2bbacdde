#include "store/filters.hpp"

#include <array>
#include <charconv>

#include "store/rows.hpp"

namespace facet::store {
namespace {

enum class Key : std::uint8_t { kId, kTakenAt, kName, kBytes };

struct Order {
    Key key;
    bool descending;
    char letter;  // in cursors
};

Order OrderOf(MediaSort sort) {
    switch (sort) {
        case MediaSort::kNewest:
            return {Key::kId, true, 'm'};
        case MediaSort::kOldest:
            return {Key::kId, false, 'o'};
        case MediaSort::kTakenLast:
            return {Key::kTakenAt, true, 'T'};
        case MediaSort::kTakenFirst:
            return {Key::kTakenAt, false, 't'};
        case MediaSort::kNameUp:
            return {Key::kName, false, 'n'};
        case MediaSort::kNameDown:
            return {Key::kName, true, 'N'};
        case MediaSort::kSmallest:
            return {Key::kBytes, false, 'b'};
        case MediaSort::kLargest:
            break;
    }
    return {Key::kBytes, true, 'B'};
}

std::string ColumnOf(Key key, Dialect dialect) {
    switch (key) {
        case Key::kId:
            return "m.id";
        case Key::kTakenAt:
            return "m.taken_at";
        case Key::kName:
            return dialect == Dialect::kPostgres ? "m.name COLLATE \"C\"" : "m.name";
        case Key::kBytes:
            break;
    }
    return "m.bytes";
}

std::string Hex(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        hex += kDigits[byte >> 4U];
        hex += kDigits[byte & 15U];
    }
    return hex;
}

std::optional<std::string> FromHex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string text;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        unsigned byte = 0;
        const char* const end = hex.data() + at + 2;
        if (std::from_chars(hex.data() + at, end, byte, 16).ptr != end) return std::nullopt;
        text += static_cast<char>(byte);
    }
    return text;
}

/// Where a page ended: "<letter><id>" or "<letter><id>.<key>", numbers in hexadecimal, text as hex.
std::string CursorAfter(const Media& media, const Order& order) {
    std::string id = MakeCursor(order.letter, media.id.value());
    switch (order.key) {
        case Key::kId:
            return id;
        case Key::kTakenAt:
            return id + MakeCursor('.', media.taken_at.time_since_epoch().count());
        case Key::kName:
            return id + "." + Hex(media.name);
        case Key::kBytes:
            break;
    }
    return id + MakeCursor('.', static_cast<std::int64_t>(media.bytes));
}

struct Position {
    std::int64_t id = 0;
    FilterValue key;
};

Result<Position> ParsePosition(std::string_view cursor, const Order& order) {
    const auto dot = std::min(cursor.find('.'), cursor.size());
    const std::string_view key = cursor.substr(std::min(dot + 1, cursor.size()));
    FACET_TRY(id, ParseCursor(order.letter, cursor.substr(0, dot)));
    Position position{.id = id, .key = {}};
    const bool wants_key = order.key != Key::kId;
    bool fits = wants_key == (dot < cursor.size());
    if (fits && order.key == Key::kName) {
        auto text = FromHex(key);
        fits = text.has_value();
        if (fits) position.key = std::move(*text);
    } else if (fits && wants_key) {
        std::int64_t number = 0;
        const char* const begin = key.data();
        const char* const end = begin + key.size();
        const auto parsed = std::from_chars(begin, end, number, 16);
        fits = parsed.ec == std::errc() && parsed.ptr == end;
        if (order.key == Key::kTakenAt) {
            position.key = Timestamp(std::chrono::milliseconds(number));
        } else {
            position.key = number;
        }
    }
    if (!fits) return Fail(Code::kInvalidArgument, "the cursor is not one of this list");
    return position;
}

}  // namespace

std::string Conditions::Bind(FilterValue value) {
    values_.push_back(std::move(value));
    return (dialect_ == Dialect::kSqlite ? "?" : "$") + std::to_string(values_.size());
}

void Conditions::Add(const std::string& condition) {
    if (sql_ == "true") {
        sql_ = condition;
    } else {
        sql_ += " AND " + condition;
    }
}

void Conditions::AddCollections(const std::string& column,
                                const std::vector<CollectionId>& collections) {
    std::string list;
    for (const CollectionId one : collections) {
        list += (list.empty() ? "" : ", ") + std::to_string(one.value());
    }
    Add(list.empty() ? "false" : column + " IN (" + list + ")");
}

void Conditions::Add(const MediaFilter& filter) {
    if (filter.collections) AddCollections("m.collection", *filter.collections);
    if (filter.status) {
        Add("m.status = " + Bind(static_cast<std::int64_t>(*filter.status)));
    }
    if (filter.kind) {
        Add(*filter.kind == MediaKind::kVideo ? "m.mime LIKE 'video/%'"
                                              : "m.mime NOT LIKE 'video/%'");
    }
    if (!filter.name_contains.empty()) {
        const std::string pattern = Bind(Containing(filter.name_contains));
        // Collation C: lower() then changes the letters of ASCII only, as LIKE does in SQLite.
        Add(dialect_ == Dialect::kSqlite
                ? "m.name LIKE " + pattern + " ESCAPE '\\'"
                : "lower(m.name COLLATE \"C\") LIKE lower(" + pattern + " COLLATE \"C\")");
    }
    if (!filter.path_prefix.empty()) {
        const std::string prefix = Bind(RawBytes{filter.path_prefix});
        const std::string length = std::to_string(filter.path_prefix.size());
        Add(dialect_ == Dialect::kSqlite
                ? "substr(CAST(m.origin_path AS BLOB), 1, " + length + ") = " + prefix
                : "substring(m.origin_path FROM 1 FOR " + length + ") = " + prefix);
    }
    if (filter.taken_from) Add("m.taken_at >= " + Bind(*filter.taken_from));
    if (filter.taken_before) Add("m.taken_at < " + Bind(*filter.taken_before));
}

void Conditions::Add(const FaceFilter& filter) {
    Add(filter.media);
    if (filter.person) {
        Add("f.person = (SELECT id FROM people WHERE uid = " + Bind(*filter.person) + ")");
    }
    if (filter.min_quality > 0) {
        Add("f.quality >= " + Bind(static_cast<double>(filter.min_quality)));
    }
}

Result<void> Conditions::Add(const MediaQuery& query) {
    Add(query.filter);
    if (query.person) {
        Add("EXISTS (SELECT 1 FROM faces f JOIN people p ON p.id = f.person WHERE f.media = m.id"
            " AND p.uid = " +
            Bind(*query.person) + ")");
    }
    if (query.cursor.empty()) return {};
    const Order order = OrderOf(query.sort);
    FACET_TRY(position, ParsePosition(query.cursor, order));
    const std::string beyond = order.descending ? " < " : " > ";
    if (order.key == Key::kId) {
        Add("m.id" + beyond + Bind(position.id));
        return {};
    }
    const std::string key = Bind(std::move(position.key));
    Add("(" + ColumnOf(order.key, dialect_) + ", m.id)" + beyond + "(" + key + ", " +
        Bind(position.id) + ")");
    return {};
}

std::string OrderBy(MediaSort sort, Dialect dialect) {
    const Order order = OrderOf(sort);
    const std::string way = order.descending ? " DESC" : "";
    std::string by_id = " ORDER BY m.id" + way;
    if (order.key == Key::kId) return by_id;
    return " ORDER BY " + ColumnOf(order.key, dialect) + way + ", m.id" + way;
}

void FinishMediaPage(MediaPage& page, const MediaQuery& query) {
    if (page.items.size() <= static_cast<std::size_t>(query.limit)) return;
    page.items.pop_back();
    page.next_cursor = CursorAfter(page.items.back(), OrderOf(query.sort));
}

}  // namespace facet::store
