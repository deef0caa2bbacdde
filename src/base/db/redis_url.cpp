#include <charconv>
#include <format>

#include "base/db/redis.hpp"

namespace facet::redis {
namespace {

std::unexpected<Error> BadUrl(std::string_view why) {
    return Fail(Code::kInvalidArgument, std::format("not a Redis URL: {}", why));
}

template <class Number>
bool ParseNumber(std::string_view text, Number& number, Number least, Number most) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number >= least &&
           number <= most;
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
Result<std::string> Decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned byte = 0;
        const char* const from = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(from, from + 2, byte, 16).ptr != from + 2) {
            return BadUrl("a % without two hexadecimal digits");
        }
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

/// Cuts `text` at the last or first `mark`; the part before it, if it is there.
std::optional<std::string_view> CutBefore(std::string_view& text, std::size_t at) {
    if (at == std::string_view::npos) return std::nullopt;
    const auto before = text.substr(0, at);
    text.remove_prefix(at + 1);
    return before;
}

Result<void> ReadCredentials(std::string_view& rest, Url& url) {
    const auto credentials = CutBefore(rest, rest.substr(0, rest.find_first_of("/?")).rfind('@'));
    if (!credentials) return {};
    std::string_view text = *credentials;
    const auto user = CutBefore(text, text.find(':'));
    FACET_TRY(name, Decode(user.value_or(text)));
    url.user = std::move(name);
    if (user) {
        FACET_TRY(password, Decode(text));
        url.password = std::move(password);
    }
    return {};
}

Result<void> ReadHost(std::string_view authority, Url& url) {
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return BadUrl("[ without ]");
        url.host = authority.substr(1, end - 1);
        authority.remove_prefix(end + 1);
    } else if (const auto colon = authority.find(':'); colon != 0) {
        if (!authority.empty()) url.host = authority.substr(0, colon);
        authority.remove_prefix(std::min(colon, authority.size()));
    }
    if (!authority.empty() &&
        (authority[0] != ':' || !ParseNumber(authority.substr(1), url.port, 1, 65'535))) {
        return BadUrl("the port is not one");
    }
    return {};
}

Result<void> ReadOption(std::string_view option, Url& url) {
    const auto name = CutBefore(option, option.find('='));
    if (!name) return BadUrl("an option without a value");
    FACET_TRY(value, Decode(option));
    if (*name == "db" || *name == "virtual_host") {
        if (!ParseNumber(value, url.database, 0, 1'000'000)) return BadUrl("bad database number");
    } else if (*name == "password") {
        url.password = value;
    } else if (*name == "ssl_ca_certs") {
        url.ca_file = value;
    } else if (*name == "ssl_certfile") {
        url.certificate_file = value;
    } else if (*name == "ssl_keyfile") {
        url.key_file = value;
    } else if (*name == "ssl_cert_reqs") {
        url.verify = value == "required" || value == "CERT_REQUIRED";
        if (!url.verify && value != "none" && value != "CERT_NONE") {
            return BadUrl("ssl_cert_reqs is required or none");
        }
    } else {
        return BadUrl(std::format("there is no option {}", *name));
    }
    return {};
}

}  // namespace

Result<Url> Url::Parse(std::string_view text) {
    Url url;
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return BadUrl("no scheme");
    const std::string_view scheme = text.substr(0, scheme_end);
    std::string_view rest = text.substr(scheme_end + 3);
    const bool socket = scheme == "unix" || scheme == "redis+socket";
    url.tls = scheme == "rediss";
    if (!socket && !url.tls && scheme != "redis") {
        return BadUrl("the scheme is redis, rediss or unix");
    }

    FACET_TRY_VOID(ReadCredentials(rest, url));
    std::string_view options;
    if (const auto query = rest.find('?'); query != std::string_view::npos) {
        options = rest.substr(query + 1);
        rest = rest.substr(0, query);
    }
    if (socket) {
        FACET_TRY(path, Decode(rest));
        if (!path.starts_with('/')) return BadUrl("the path of a socket begins with /");
        url.socket = std::move(path);
    } else {
        const auto slash = rest.find('/');
        FACET_TRY_VOID(ReadHost(rest.substr(0, slash), url));
        const auto database =
            slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
        if (!database.empty() && !ParseNumber(database, url.database, 0, 1'000'000)) {
            return BadUrl("bad database number");
        }
    }
    while (!options.empty()) {
        const auto end = options.find('&');
        FACET_TRY_VOID(ReadOption(options.substr(0, end), url));
        options.remove_prefix(end == std::string_view::npos ? options.size() : end + 1);
    }
    return url;
}

std::string Url::Redacted() const {
    std::string who = user;
    if (!password.empty()) who += ":***";
    if (!who.empty()) who += '@';
    if (!socket.empty()) return std::format("unix://{}{}?db={}", who, socket, database);
    return std::format("{}://{}{}:{}/{}", tls ? "rediss" : "redis", who, host, port, database);
}

}  // namespace facet::redis
