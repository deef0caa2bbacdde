#include "api/caller.hpp"

namespace facet::api {

std::string_view KindName(Caller::Kind kind) noexcept {
    switch (kind) {
        case Caller::Kind::kLocal:
            return "local";
        case Caller::Kind::kToken:
            return "token";
        case Caller::Kind::kSession:
            return "session";
        case Caller::Kind::kKey:
            return "key";
        case Caller::Kind::kNobody:
            break;
    }
    return "nobody";
}

}  // namespace facet::api
