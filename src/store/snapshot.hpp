#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "store/types.hpp"

namespace facet::store {

/// All rows as they were at one moment, whatever is written meanwhile; texts are UTF-8, and media
/// that were being analysed are pending. It holds a connection, keeps PostgreSQL from tidying up
/// and SQLite from emptying its log (Store::Scrub is kBusy): let it go soon.
/// Thread safety: one thread at a time. Errors of every method: as the store's.
class Snapshot {
public:
    virtual ~Snapshot() = default;

    /// The embedding contract; empty when none is bound.
    virtual Result<std::string> Contract() = 0;
    /// All, the oldest first.
    virtual Result<std::vector<Collection>> Collections() = 0;

    using CollectionIds = std::optional<std::vector<CollectionId>>;  // none: all
    /// Of these collections, after the id, the oldest first, at most `limit`.
    virtual Result<std::vector<Person>> PeopleAfter(PersonId id, const CollectionIds& collections,
                                                    int limit) = 0;
    virtual Result<std::vector<Media>> MediaAfter(MediaId id, const CollectionIds& collections,
                                                  int limit) = 0;
    /// After the id, by id, with their vectors.
    virtual Result<std::vector<SavedSearch>> SearchesAfter(const Uuid& id, int limit) = 0;
    /// All faces of these media, by media, then as they were found. Errors: kCorrupt.
    virtual Result<std::vector<NewFace>> FacesOf(std::span<const MediaId> media) = 0;
    /// Those of these media whose bytes an older one of the collections has too.
    virtual Result<std::vector<MediaId>> Repeats(std::span<const MediaId> media,
                                                 const CollectionIds& collections) = 0;
};

}  // namespace facet::store
