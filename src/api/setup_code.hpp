#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet::api {

/// The secret by which the first administrator is made on a server that others reach: in a file of
/// mode 0600, so that who can read it may use the machine anyway. Processes with the same data
/// folder share it.
/// Thread safety: all methods, any thread.
class SetupCode {
public:
    explicit SetupCode(std::filesystem::path file) : file_(std::move(file)) {}

    /// The code that is there already, or a new one. Errors: kUnavailable.
    Result<std::string> Make() const;
    /// False also when there is none.
    bool Fits(std::string_view code) const;
    /// That there is none is no error.
    void Remove() const;

    const std::filesystem::path& file() const noexcept { return file_; }

private:
    Result<std::string> Read() const;
    const std::filesystem::path file_;
};

}  // namespace facet::api
