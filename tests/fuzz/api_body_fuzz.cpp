#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/json_body.hpp"
#include "api/search_fields.hpp"
#include "face/types.hpp"

using namespace facet;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

void ReadSearch(const net::Request& request) {
    const auto body = api::ReadSearchBody(request);
    if (!body) {
        Require(body.error().code == Code::kInvalidArgument);
        return;
    }
    for (const auto& vector : body->vectors) {
        Require(vector.size() == face::kEmbeddingDimension);
        if (const auto unit = face::Embedding::FromRaw(vector)) {
            Require(std::isfinite(unit->Cosine(*unit)));
        }
    }
    // What is kept of a search comes back, and is kept again as it is.
    const std::string kept = api::KeptFields(body->fields);
    const auto fields = api::ParseKeptFields(kept);
    Require(fields.has_value() && api::KeptFields(*fields) == kept);
}

void ReadMembers(const net::Request& request) {
    const auto body = api::JsonBody::Parse(request, {"name", "at", "n"});
    if (!body) return;
    (void)body->Text("name");
    const auto at = body->OptionalTime("at");
    if (!at || !*at) return;
    const auto again = ParseTimestamp(FormatTimestamp(**at));
    Require(!again || *again == **at);  // years above 9999 have no text of ours
}

}  // namespace

/// A JSON body, as a search and as another one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    net::Request request;
    request.body.assign(reinterpret_cast<const char*>(data), size);
    ReadSearch(request);
    ReadMembers(request);
    (void)api::ParseKeptFields(request.body);
    return 0;
}
