#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "net/multipart.hpp"
#include "net/policy.hpp"
#include "net/representation.hpp"
#include "net/router.hpp"
#include "net/server.hpp"
#include "net/text.hpp"

using namespace facet;
using namespace facet::net;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

/// Cuts the next line off `text`.
std::string_view NextLine(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

RequestHead ReadHead(std::string_view text) {
    RequestHead head;
    head.method = NextLine(text);
    head.target = NextLine(text);
    head.version = NextLine(text);
    while (!text.empty()) {
        const std::string_view line = NextLine(text);
        const auto colon = std::min(line.find(':'), line.size());
        head.headers.emplace_back(line.substr(0, colon),
                                  Trim(line.substr(std::min(colon + 1, line.size()))));
    }
    return head;
}

const Router& Routes() {
    static const Router routes = [] {
        const Handler handler = [](const Request&) { return Response{}; };
        return Router::Create({{.method = "GET", .path = "/", .target = handler},
                               {.method = "GET", .path = "/media/{id}", .target = handler},
                               {.method = "POST", .path = "/media", .target = handler},
                               {.method = "GET", .path = "/media/{id}/faces", .target = handler}})
            .value();
    }();
    return routes;
}

void ReadText(std::string_view text) {
    const std::string clean = CleanUtf8(text);
    Require(IsUtf8(clean) && CleanUtf8(clean) == clean);
    Require(Lower(Lower(text)) == Lower(text) && EqualsIgnoringCase(text, Lower(text)));
    Require(Trim(Trim(text)) == Trim(text));
    for (const Plus plus : {Plus::kLiteral, Plus::kSpace}) {
        if (const auto decoded = PercentDecode(text, plus)) Require(decoded->size() <= text.size());
    }
    constexpr std::size_t kMaxPairs = 4;
    if (const auto form = ParseForm(text, kMaxPairs)) Require(form->size() <= kMaxPairs);
    if (const auto value = ParseValueWithParams(text)) {
        for (const auto& [name, ignored] : value->params) Require(value->Find(name) != nullptr);
    }
    (void)DecodeExtendedValue(text);
    (void)MultipartReader::Create(text, {});
    Require(SaneRequestId(text).empty() || SaneRequestId(text) == text);
}

void ReadRepresentation(std::string_view value) {
    constexpr std::uint64_t kSizes[] = {0, 1, 1000, UINT64_MAX};
    for (const std::uint64_t total : kSizes) {
        const RangeAnswer answer = ParseRange(value, total);
        if (answer.kind != RangeKind::kOne) continue;
        Require(answer.range.size > 0 && answer.range.size <= total);
        Require(answer.range.offset <= total - answer.range.size);
    }
    (void)EtagMatches(value, "\"a\"");
    (void)AcceptsCoding(value, "gzip");
    (void)AcceptsHtml(value);
}

void ReadRequest(const RequestHead& head) {
    (void)CheckFraming(head);
    (void)CheckOrigin(head, {.allowed_hosts = {"localhost"}, .allowed_origins = {"http://a"}});
    const auto target = SplitTarget(head);
    if (!target) return;
    Require(target->path.starts_with('/') || target->path == "*");
    Require(target->path.find('?') == std::string_view::npos);
    const auto match = Routes().Find(head.method, target->path);
    if (match && match->route != nullptr) Require(!match->allow.empty());
}

}  // namespace

/// Method, target, version and headers, a line each; every value also goes to the parsers of single
/// values, and so does the whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    ReadText(text);
    ReadRepresentation(text);
    const RequestHead head = ReadHead(text);
    ReadRequest(head);
    for (const auto& [name, value] : head.headers) {
        ReadText(value);
        ReadRepresentation(value);
    }
    return 0;
}
