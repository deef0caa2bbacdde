#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/db/sqlite.hpp"
#include "net/text.hpp"
#include "store/sqlite_store.hpp"
#include "testing/testdata.hpp"

using namespace facet;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

/// A small library: lists of it turn pages.
struct Library {
    testing::TempFolder folder;
    SystemClock clock;
    std::unique_ptr<sqlite::Database> database =
        sqlite::Database::Open(folder.path() / "facet.db").value();
    std::unique_ptr<store::Store> store = store::MakeSqliteStore(*database, clock).value();

    Library() {
        constexpr std::array<std::string_view, 4> kNames{"a", "100%", "\xc3\xa4", "'; --"};
        Require(store
                    ->Transact([&](Transaction& tx) -> Result<void> {
                        for (const auto name : kNames) {
                            std::string sha256(64, name.front());
                            FACET_TRY_VOID(store->AddMedia(tx, {.sha256 = sha256,
                                                                .name = std::string(name),
                                                                .format = "jpg",
                                                                .mime = "image/jpeg",
                                                                .bytes = name.size(),
                                                                .origin = store::Origin::kUpload,
                                                                .origin_path = "/x"}));
                        }
                        return {};
                    })
                    .has_value());
    }
};

std::string Field(const net::Params& fields, std::string_view name) {
    const auto at = fields.find(name);
    return at == fields.end() ? std::string() : at->second;
}

template <class Page>
void MustBeAnswerOrRefusal(const Result<Page>& page) {
    Require(page.has_value() || page.error().code == Code::kInvalidArgument);
}

}  // namespace

/// A query string whose values go into the SQL of lists: cursor, order, and every filter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Library library;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    constexpr std::size_t kMostFields = 20;
    const auto fields = net::ParseForm(text, kMostFields);
    if (!fields) return 0;
    store::MediaQuery query{.limit = 2, .cursor = Field(*fields, "cursor")};
    const std::string sort = Field(*fields, "sort");
    query.sort = static_cast<store::MediaSort>(sort.empty() ? 0 : sort.front() % 8);
    query.filter.name_contains = Field(*fields, "q");
    query.filter.path_prefix = Field(*fields, "path");
    query.filter.kind = store::ParseMediaKind(Field(*fields, "media_type"));
    query.filter.status = store::ParseMediaStatus(Field(*fields, "status"));
    if (auto at = ParseTimestamp(Field(*fields, "taken_from"))) query.filter.taken_from = *at;
    if (auto at = ParseTimestamp(Field(*fields, "taken_to"))) query.filter.taken_before = *at;
    if (auto id = Uuid::Parse(Field(*fields, "person_id"))) query.person = *id;
    if (fields->contains("collection")) query.filter.collections = std::vector<CollectionId>{};
    auto page = library.store->ListMedia(query);
    MustBeAnswerOrRefusal(page);
    for (int turned = 0; page && !page->next_cursor.empty(); ++turned) {
        Require(turned < 4);
        query.cursor = page->next_cursor;
        page = library.store->ListMedia(query);
        Require(page.has_value());
    }
    MustBeAnswerOrRefusal(library.store->ListFaces(
        {.limit = 2, .cursor = Field(*fields, "cursor"), .filter = {.media = query.filter}}));
    MustBeAnswerOrRefusal(library.store->FindCollection(Field(*fields, "collection"))
                              .transform([](const auto&) { return 0; })
                              .or_else([](const Error& error) -> Result<int> {
                                  if (error.code == Code::kNotFound) return 0;
                                  return std::unexpected(error);
                              }));
    return 0;
}
