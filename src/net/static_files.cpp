#include "net/static_files.hpp"

#include <array>
#include <filesystem>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "net/representation.hpp"

namespace facet::net {
namespace {

constexpr std::size_t kMaxTotal = 256 * 1024 * 1024;

std::string ContentType(const std::filesystem::path& name) {
    constexpr auto kTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
        {".avif", "image/avif"},
        {".css", "text/css; charset=utf-8"},
        {".gif", "image/gif"},
        {".html", "text/html; charset=utf-8"},
        {".ico", "image/vnd.microsoft.icon"},
        {".jpeg", "image/jpeg"},
        {".jpg", "image/jpeg"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
        {".webmanifest", "application/manifest+json"},
        {".webp", "image/webp"},
        {".woff2", "font/woff2"},
        {".yaml", "application/yaml"},
    });
    const std::string extension = name.extension().string();
    for (const auto& [known, type] : kTypes) {
        if (extension == known) return std::string(type);
    }
    return "application/octet-stream";
}

}  // namespace

Result<StaticFiles> StaticFiles::Load(const StaticOptions& options) {
    namespace fs = std::filesystem;
    StaticFiles out;
    if (options.root.empty()) return out;
    out.fallback_ = "/" + options.fallback;
    std::map<std::string, std::shared_ptr<const std::string>> bodies;
    std::size_t total = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator it(options.root, error), end; !error && it != end;
         it.increment(error)) {
        if (it->is_symlink(error) || !it->is_regular_file(error)) continue;
        FACET_TRY(bytes, ReadFile(it->path(), kMaxTotal - total));
        total += bytes.size();
        const std::string name = "/" + it->path().lexically_relative(options.root).generic_string();
        bodies[name] = std::make_shared<const std::string>(
            reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (error) {
        return Fail(Code::kInvalidArgument, "cannot read the static files",
                    options.root.string() + ": " + error.message());
    }
    auto twin = [&](const std::string& name, const File& file, std::string coding) {
        auto found = bodies.find(name);
        if (found == bodies.end()) return File{};
        std::string etag = file.etag.substr(0, file.etag.size() - 1) + "-" + coding + "\"";
        return File{found->second, std::move(etag), std::move(coding)};
    };
    for (const auto& [name, body] : bodies) {
        const bool is_twin = (name.ends_with(".br") || name.ends_with(".gz")) &&
                             bodies.contains(name.substr(0, name.size() - 3));
        if (is_twin) continue;
        Entry entry;
        entry.content_type = ContentType(name);
        entry.immutable = name.starts_with("/assets/");
        entry.identity = {body, "\"" + Sha256Hex(*body).substr(0, 32) + "\"", ""};
        entry.brotli = twin(name + ".br", entry.identity, "br");
        entry.gzip = twin(name + ".gz", entry.identity, "gzip");
        out.entries_.emplace(name, std::move(entry));
    }
    return out;
}

StaticFiles::Answer StaticFiles::Choose(const Entry& entry, std::string_view accept_encoding) {
    Answer answer;
    answer.content_type = entry.content_type;
    answer.cache_control = entry.immutable ? "public, max-age=31536000, immutable" : "no-cache";
    answer.varies = entry.brotli.body != nullptr || entry.gzip.body != nullptr;
    answer.file = &entry.identity;
    if (entry.brotli.body != nullptr && AcceptsCoding(accept_encoding, "br")) {
        answer.file = &entry.brotli;
    } else if (entry.gzip.body != nullptr && AcceptsCoding(accept_encoding, "gzip")) {
        answer.file = &entry.gzip;
    }
    return answer;
}

StaticFiles::Answer StaticFiles::Find(std::string_view path,
                                      std::string_view accept_encoding) const {
    auto found = entries_.find(path == "/" ? std::string_view("/index.html") : path);
    return found == entries_.end() ? Answer{} : Choose(found->second, accept_encoding);
}

StaticFiles::Answer StaticFiles::Fallback(std::string_view accept_encoding) const {
    return Find(fallback_, accept_encoding);
}

}  // namespace facet::net
