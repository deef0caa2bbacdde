#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace facet {

std::string_view CodeName(Code code) noexcept {
    switch (code) {
        case Code::kInvalidArgument:
            return "invalid_argument";
        case Code::kNotFound:
            return "not_found";
        case Code::kConflict:
            return "conflict";
        case Code::kUnauthorized:
            return "unauthorized";
        case Code::kForbidden:
            return "forbidden";
        case Code::kTooLarge:
            return "too_large";
        case Code::kUnsupportedMedia:
            return "unsupported_media";
        case Code::kCorrupt:
            return "corrupt";
        case Code::kRateLimited:
            return "too_many_requests";
        case Code::kBusy:
            return "busy";
        case Code::kDeadline:
            return "deadline";
        case Code::kCancelled:
            return "cancelled";
        case Code::kUnavailable:
            return "unavailable";
        case Code::kInternal:
            return "internal";
    }
    return "internal";
}

void CheckFailed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, condition);
    std::abort();
}

}  // namespace facet
