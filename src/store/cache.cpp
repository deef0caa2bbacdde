#include "store/cache.hpp"

#include <cstring>
#include <list>
#include <string>
#include <unordered_map>

#include "base/guarded.hpp"

namespace facet::store {
namespace {

class MemoryCache final : public Cache {
public:
    MemoryCache(std::uint64_t max_bytes, const Clock& clock)
        : max_bytes_(max_bytes), clock_(clock) {}

    std::string_view engine() const noexcept override { return "memory"; }

    Result<std::optional<std::string>> Get(std::string_view key) override {
        auto data = data_.Lock();
        const auto found = data->by_key.find(key);
        if (found != data->by_key.end()) {
            const auto entry = found->second;
            if (clock_.Now() < entry->expires) {
                data->entries.splice(data->entries.begin(), data->entries, entry);
                ++data->stats.hits;
                return entry->value;
            }
            data->Erase(entry);
        }
        ++data->stats.misses;
        return std::nullopt;
    }

    Result<void> Put(std::string_view key, std::string_view value,
                     std::chrono::milliseconds ttl) override {
        auto data = data_.Lock();
        if (const auto found = data->by_key.find(key); found != data->by_key.end()) {
            data->Erase(found->second);
        }
        const std::uint64_t size = key.size() + value.size();
        if (size > max_bytes_ || ttl <= std::chrono::milliseconds::zero()) return {};
        while (data->stats.bytes + size > max_bytes_) {
            data->Erase(std::prev(data->entries.end()));
            ++data->stats.evictions;
        }
        data->entries.push_front(
            {.key = std::string(key), .value = std::string(value), .expires = clock_.Now() + ttl});
        data->by_key.emplace(data->entries.front().key, data->entries.begin());
        data->stats.bytes += size;
        return {};
    }

    Result<void> Clear() override {
        auto data = data_.Lock();
        for (Entry& entry : data->entries) Wipe(entry);
        data->by_key.clear();
        data->entries.clear();
        data->stats.bytes = 0;
        return {};
    }

    Result<CacheStats> Stats() override {
        auto data = data_.Lock();
        CacheStats stats = data->stats;
        stats.entries = data->entries.size();
        return stats;
    }

private:
    struct Entry {
        std::string key;
        std::string value;
        Timestamp expires;
    };
    /// What is thrown away is not to stay in memory that is free.
    static void Wipe(Entry& entry) { ::explicit_bzero(entry.value.data(), entry.value.size()); }
    struct Data {
        void Erase(std::list<Entry>::iterator entry) {
            stats.bytes -= entry->key.size() + entry->value.size();
            Wipe(*entry);
            by_key.erase(entry->key);
            entries.erase(entry);
        }

        std::list<Entry> entries;  // most recently used first
        std::unordered_map<std::string_view, std::list<Entry>::iterator>
            by_key;  // views of entries
        CacheStats stats;
    };

    const std::uint64_t max_bytes_;
    const Clock& clock_;
    Guarded<Data> data_;
};

}  // namespace

std::unique_ptr<Cache> MakeMemoryCache(std::uint64_t max_bytes, const Clock& clock) {
    return std::make_unique<MemoryCache>(max_bytes, clock);
}

}  // namespace facet::store
