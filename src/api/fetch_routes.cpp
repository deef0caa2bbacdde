#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <semaphore>

#include "api/answer.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/routes.hpp"
#include "api/uploads.hpp"
#include "base/http.hpp"
#include "base/utf8.hpp"
#include "net/text.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostUrls = 20;
constexpr std::size_t kMostUrlBytes = 2000;
constexpr int kMostRedirects = 3;
constexpr std::chrono::seconds kDeadline{120};  // for all files of a request
/// Requests that may wait for other servers at once; the others' threads are for those who ask us.
constexpr std::ptrdiff_t kMostAtOnce = 3;
constexpr std::size_t kMostNameBytes = 255;

/// The last part of a path, as a name to show.
std::string NameIn(std::string_view path) {
    path.remove_prefix(path.find_last_of("/\\") + 1);
    std::string name = net::CleanUtf8(path);
    if (name.size() > kMostNameBytes) {
        name.resize(kMostNameBytes);
        while (!IsUtf8(name)) name.pop_back();
    }
    return name;
}

std::string NameInUrl(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const auto path = url.find('/', url.find("://") + 3);
    const std::string_view raw = path == std::string_view::npos ? "" : url.substr(path);
    return NameIn(net::PercentDecode(raw, net::Plus::kLiteral).value_or(std::string(raw)));
}

/// RFC 6266.
std::string NameInHeader(const http::Answer& answer) {
    const auto header = answer.headers.find("content-disposition");
    if (header == answer.headers.end()) return {};
    const auto parsed = net::ParseValueWithParams(header->second);
    if (!parsed) return {};
    if (const std::string* extended = parsed->Find("filename*")) {
        if (const auto name = net::DecodeExtendedValue(*extended)) return NameIn(*name);
    }
    const std::string* const plain = parsed->Find("filename");
    return plain == nullptr ? std::string() : NameIn(*plain);
}

struct Fetch {
    Services& services;
    CollectionId collection;
    Deadline deadline;
    const std::stop_token& stop;

    ReceivedFile One(const std::string& url) const {
        ReceivedFile file{.file_name = NameInUrl(url), .outcome = Fail(Code::kInternal, "")};
        file.outcome = Get(url, file);
        return file;
    }

private:
    /// Sets `file.failure` when it is the other server's fault.
    Result<pipeline::Accepted> Get(const std::string& url, ReceivedFile& file) const {
        FACET_TRY_VOID(http::CheckUrl(url));
        FACET_TRY(incoming, services.intake.Begin());
        bool our_fault = false;
        const auto got = http::Perform(
            {.url = url,
             .guard = http::Guard{.private_addresses = services.private_addresses,
                                  .max_bytes = services.max_upload_bytes},
             .max_redirects = kMostRedirects,
             .deadline = deadline,
             .on_answer = [&](const http::Answer& answer) -> Result<void> {
                 if (answer.status != 200) {
                     return Fail(Code::kUnavailable,
                                 "the server answered " + std::to_string(answer.status));
                 }
                 if (std::string name = NameInHeader(answer); !name.empty()) {
                     file.file_name = std::move(name);
                 }
                 return {};
             },
             .on_data =
                 [&](std::span<const std::byte> bytes) {
                     auto written = incoming->Write(bytes);
                     our_fault = !written;
                     return written;
                 }},
            stop);
        if (!got && !our_fault) {
            const Code code = got.error().code;
            if (code == Code::kForbidden) {
                file.refusal = {.code = "address_refused", .status = 403};
            } else if (code != Code::kTooLarge && code != Code::kCancelled) {
                file.refusal = {.code = "fetch_failed", .status = 422};
            }
        }
        if (!got) return std::unexpected(got.error());
        return services.intake.Accept(std::move(incoming), file.file_name,
                                      {.collection = collection}, stop);
    }
};

Result<std::vector<std::string>> UrlsIn(const JsonBody& body) {
    FACET_TRY(urls, body.Texts("urls", kMostUrls));
    const auto too_long = [](const std::string& url) { return url.size() > kMostUrlBytes; };
    if (urls.empty() || std::ranges::any_of(urls, too_long)) {
        return Fail(Code::kInvalidArgument,
                    "urls must be a list of 1 to 20 addresses of 2000 bytes at most");
    }
    return urls;
}

Result<net::Response> FetchMedia(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"urls", "collection"}));
    FACET_TRY(urls, UrlsIn(body));
    FACET_TRY(name, body.OptionalText("collection"));
    FACET_TRY(collection, FindCollection(services, call.caller, name.value_or("")));

    static std::counting_semaphore<kMostAtOnce> free_places(kMostAtOnce);
    if (!free_places.try_acquire()) {
        return Fail(Code::kBusy, "other files are being fetched; try again later");
    }
    const std::unique_ptr<void, void (*)(void*)> place(&free_places,
                                                       [](void*) { free_places.release(); });
    const Fetch fetch{.services = services,
                      .collection = collection.id,
                      .deadline = Deadline::After(kDeadline),
                      .stop = call.request.stop};
    std::vector<ReceivedFile> files;
    for (const std::string& url : urls) files.push_back(fetch.One(url));
    return UploadAnswer(files, call.request);
}

}  // namespace

std::vector<net::Route> FetchRoutes(Services& services) {
    return {Answer(Scope::kWrite, "POST", "/v1/media/fetch", services, FetchMedia)};
}

}  // namespace facet::api
