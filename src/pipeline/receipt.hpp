#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::pipeline {

/// What went, or goes, by id and hash; no names, no pictures, no vectors.
struct Receipt {
    struct ErasedMedia {
        Uuid id;
        std::string sha256;
        std::string format;
        std::int64_t faces = 0;
    };
    struct Check {
        std::string what;
        std::string how;             // to check it oneself
        std::optional<bool> passed;  // none: cannot be checked from here
    };
    std::optional<Uuid> id;  // none: of a dry run, not kept
    Timestamp created_at{};
    std::string by;
    std::string reason;
    bool dry_run = false;
    bool complete = false;  // whether all is gone, not just on its way
    std::vector<ErasedMedia> media;
    std::vector<Uuid> faces;
    std::vector<Uuid> people;
    std::vector<std::string> collections;
    std::map<std::string, std::int64_t> removed;
    std::vector<Check> checks;
};

/// As JSON, as the API answers and the store keeps it.
std::string ToText(const Receipt& receipt);

/// What `ToText` made. Errors: kCorrupt.
Result<Receipt> ParseReceipt(std::string_view text);

}  // namespace facet::pipeline
