#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace facet::infer {

/// Compares a file with what is known of it: 64 lower-case hex digits of SHA-256, or npm's
/// "sha512-<base64>". Errors: kCorrupt (detail: both values), kInvalidArgument (neither form),
/// kNotFound, kUnavailable.
Result<void> CheckIntegrity(const std::filesystem::path& file, std::string_view integrity);

}  // namespace facet::infer
