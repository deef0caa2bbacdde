#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/db/postgres.hpp"

namespace facet::postgres {
namespace {

// Numbers of built-in types: src/include/catalog/pg_type.dat of PostgreSQL 17.
enum TypeNumber : std::uint32_t {
    kBool = 16,
    kBytea = 17,
    kInt8 = 20,
    kInt2 = 21,
    kInt4 = 23,
    kText = 25,
    kFloat4 = 700,
    kFloat8 = 701,
    kInt8Array = 1016,
    kVarchar = 1043,
    kTimestamptz = 1184,
    kUuid = 2950,
};

/// 2000-01-01 00:00 UTC, where PostgreSQL counts microseconds from.
constexpr std::chrono::sys_time<std::chrono::microseconds> kEpoch{
    std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};

template <class T>
T BigEndian(T number) {
    if constexpr (std::endian::native == std::endian::little) return std::byteswap(number);
    return number;
}

template <class T>
void Append(std::string& bytes, T number) {
    const T big = BigEndian(number);
    bytes.append(reinterpret_cast<const char*>(&big), sizeof big);
}

/// The number that `bytes` begin with.
template <class T>
T ReadNumber(std::span<const char> bytes) {
    FACET_CHECK(bytes.size() >= sizeof(T));
    T big{};
    std::memcpy(&big, bytes.data(), sizeof big);
    return BigEndian(big);
}

template <class T>
T Exactly(std::string_view bytes) {
    FACET_CHECK(bytes.size() == sizeof(T));
    return ReadNumber<T>(bytes);
}

}  // namespace

// ---- Value -----------------------------------------------------------------------------------

Value::Value(Number number) : type_(kInt8), null_(false) { Append(bytes_, number.value); }

Value::Value(float value) : type_(kFloat4), null_(false) {
    Append(bytes_, std::bit_cast<std::uint32_t>(value));
}

Value::Value(double value) : type_(kFloat8), null_(false) {
    Append(bytes_, std::bit_cast<std::uint64_t>(value));
}

Value::Value(std::string_view text) : type_(kText), null_(false), bytes_(text) {}

Value::Value(std::span<const std::uint8_t> bytes)
    : type_(kBytea), null_(false), bytes_(bytes.begin(), bytes.end()) {}

Value::Value(const Uuid& uuid)
    : type_(kUuid), null_(false), bytes_(uuid.bytes().begin(), uuid.bytes().end()) {}

Value::Value(Timestamp at) : type_(kTimestamptz), null_(false) {
    const std::chrono::microseconds since = at - kEpoch;
    Append(bytes_, static_cast<std::int64_t>(since.count()));
}

// array_recv: dimensions, "has nulls", element type; length and lower bound; then the elements.
Value Value::Array(std::span<const std::int64_t> numbers) {
    Value value(std::nullopt);
    value.type_ = kInt8Array;
    value.null_ = false;
    Append(value.bytes_, std::int32_t{numbers.empty() ? 0 : 1});
    Append(value.bytes_, std::int32_t{0});
    Append(value.bytes_, std::uint32_t{kInt8});
    if (numbers.empty()) return value;
    Append(value.bytes_, static_cast<std::int32_t>(numbers.size()));
    Append(value.bytes_, std::int32_t{1});
    for (const std::int64_t number : numbers) {
        Append(value.bytes_, std::int32_t{sizeof number});
        Append(value.bytes_, number);
    }
    return value;
}

// vector_recv in pgvector's src/vector.c: int16 dimensions, int16 zero, float4 each.
Value Value::Vector(std::span<const float> numbers) {
    Value value(std::nullopt);
    value.null_ = false;
    value.bytes_.reserve(4 + numbers.size_bytes());
    Append(value.bytes_, static_cast<std::int16_t>(numbers.size()));
    Append(value.bytes_, std::int16_t{0});
    for (const float number : numbers) {
        Append(value.bytes_, std::bit_cast<std::uint32_t>(number));
    }
    return value;
}

// ---- Row -------------------------------------------------------------------------------------

std::string_view Row::Bytes(int column) const {
    return {PQgetvalue(result_, row_, column),
            static_cast<std::size_t>(PQgetlength(result_, row_, column))};
}

bool Row::IsNull(int column) const { return PQgetisnull(result_, row_, column) != 0; }

std::int64_t Row::Int(int column) const {
    switch (PQftype(result_, column)) {
        case kBool:
            return Exactly<std::int8_t>(Bytes(column));
        case kInt2:
            return Exactly<std::int16_t>(Bytes(column));
        case kInt4:
            return Exactly<std::int32_t>(Bytes(column));
        default:
            FACET_CHECK(PQftype(result_, column) == kInt8);
            return Exactly<std::int64_t>(Bytes(column));
    }
}

float Row::Float(int column) const {
    FACET_CHECK(PQftype(result_, column) == kFloat4);
    return std::bit_cast<float>(Exactly<std::uint32_t>(Bytes(column)));
}

double Row::Real(int column) const {
    if (PQftype(result_, column) == kFloat4) return Float(column);
    FACET_CHECK(PQftype(result_, column) == kFloat8);
    return std::bit_cast<double>(Exactly<std::uint64_t>(Bytes(column)));
}

std::string Row::Text(int column) const {
    FACET_CHECK(PQftype(result_, column) == kText || PQftype(result_, column) == kVarchar);
    return std::string(Bytes(column));
}

std::span<const std::uint8_t> Row::Blob(int column) const {
    FACET_CHECK(PQftype(result_, column) == kBytea);
    const std::string_view bytes = Bytes(column);
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Uuid Row::Id(int column) const {
    FACET_CHECK(PQftype(result_, column) == kUuid);
    std::array<std::uint8_t, 16> bytes{};
    const std::string_view raw = Bytes(column);
    FACET_CHECK(raw.size() == bytes.size());
    std::ranges::copy(raw, bytes.begin());
    return Uuid::FromBytes(bytes);
}

Timestamp Row::Time(int column) const {
    FACET_CHECK(PQftype(result_, column) == kTimestamptz);
    const std::chrono::microseconds since{Exactly<std::int64_t>(Bytes(column))};
    return std::chrono::floor<std::chrono::milliseconds>(kEpoch + since);
}

Result<void> Row::Vector(int column, std::span<float> out) const {
    const std::string_view bytes = Bytes(column);
    if (bytes.size() != 4 + out.size_bytes() ||
        ReadNumber<std::int16_t>(bytes) != static_cast<std::int16_t>(out.size())) {
        return Fail(Code::kCorrupt, "a stored vector is damaged",
                    "vector of " + std::to_string(bytes.size()) + " bytes");
    }
    std::size_t at = 4;
    for (float& number : out) {
        number = std::bit_cast<float>(ReadNumber<std::uint32_t>(bytes.substr(at)));
        at += sizeof(float);
    }
    return {};
}

// ---- Rows ------------------------------------------------------------------------------------

Rows::Rows(Rows&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
Rows& Rows::operator=(Rows&& other) noexcept {
    std::swap(result_, other.result_);
    return *this;
}
Rows::~Rows() { PQclear(result_); }

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(result_)); }

std::int64_t Rows::affected() const {
    const std::string_view text = PQcmdTuples(result_);
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

std::string_view Rows::command() const { return PQcmdStatus(result_); }

}  // namespace facet::postgres
