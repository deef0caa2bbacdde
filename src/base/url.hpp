#pragma once

#include <string>
#include <string_view>

namespace facet {

/// The address of a server as it may be shown and logged: what stands for a password, in
/// user:password@ or in a parameter such as password=, is replaced by ***.
std::string RedactedUrl(std::string_view url);

}  // namespace facet
