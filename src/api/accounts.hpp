#pragma once

#include <string_view>

#include "base/result.hpp"

/// What names and passwords may be.
namespace facet::api {

/// 1 to 100 characters, none of them a control character, no space at either end.
/// Errors: kInvalidArgument.
Result<void> CheckUserName(std::string_view name);

/// At least 10 characters, at most 1024 bytes, not the name. Errors: kInvalidArgument.
Result<void> CheckNewPassword(std::string_view name, std::string_view password);

}  // namespace facet::api
