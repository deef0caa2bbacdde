#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/server.hpp"

namespace facet::net {

/// The web UI in memory. Immutable after Load; thread safety: any thread.
class StaticFiles {
public:
    /// Symbolic links are left out. Errors: kInvalidArgument (no such folder, more than 256 MiB).
    static Result<StaticFiles> Load(const StaticOptions& options);

    struct File {
        std::shared_ptr<const std::string> body;
        std::string etag;    // strong, quoted; differs for each coding
        std::string coding;  // "", "br" or "gzip"
    };
    struct Answer {
        const File* file = nullptr;  // null: not in the table
        std::string_view content_type;
        std::string_view cache_control;
        bool varies = false;  // other codings exist
    };
    /// `path` decoded; "/" is "/index.html".
    Answer Find(std::string_view path, std::string_view accept_encoding) const;
    /// The page for a navigation to a path that only the web UI knows.
    Answer Fallback(std::string_view accept_encoding) const;

private:
    struct Entry {
        std::string content_type;
        bool immutable = false;
        File identity;
        File brotli;
        File gzip;
    };
    static Answer Choose(const Entry& entry, std::string_view accept_encoding);

    std::map<std::string, Entry, std::less<>> entries_;
    std::string fallback_;
};

}  // namespace facet::net
