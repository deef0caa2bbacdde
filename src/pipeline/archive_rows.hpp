#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/types.hpp"

/// The lines of an archive; docs/format/archive.md is the reference. For export and import only.
namespace facet::pipeline {

inline constexpr int kArchiveVersion = 1;

// What readers take, and writers therefore keep to.
inline constexpr std::size_t kMaxLine = 1 << 20;
inline constexpr std::size_t kMaxSearchLine = 16 << 20;  // it has vectors
inline constexpr std::uint64_t kMaxRows = 64 << 20;      // bytes of one file of media or of faces
inline constexpr std::size_t kMaxBatchMedia = 1'000;
inline constexpr std::size_t kMaxBatchFaces = 20'000;

inline constexpr std::string_view kHeadMember = "facet.json";
inline constexpr std::string_view kCollectionsMember = "collections.jsonl";
inline constexpr std::string_view kPeopleMember = "people.jsonl";
inline constexpr std::string_view kSearchesMember = "searches.jsonl";
inline constexpr std::string_view kSettingsMember = "settings.json";
inline constexpr std::string_view kChecksumsMember = "checksums.sha256";

/// "media/000001.jsonl", "faces/000001.jsonl", "vectors/000001.f32"
std::string MediaMember(int batch);
std::string FacesMember(int batch);
std::string VectorsMember(int batch);
/// "originals/<sha256>.jpg"
std::string OriginalMember(const store::Media& media);

struct ArchiveHead {
    int version = kArchiveVersion;
    Timestamp made_at{};
    std::string facet;     // the version that wrote it
    std::string contract;  // of all vectors; empty when there are none
    std::string pack;      // the model pack in use, as far as known
    bool originals = true;
    std::int64_t media = 0;  // counts, of the snapshot
    std::int64_t faces = 0;
};
struct ArchivedMedia {
    store::MediaWithFaces rows;
    bool has_original = false;
};

std::string ToText(const ArchiveHead& head);
/// One line each, with its end.
std::string ToLine(const store::Collection& collection);
std::string ToLine(const store::Person& person);
std::string ToLine(const store::SavedSearch& search);
std::string ToLine(const store::Media& media, bool has_original);
std::string ToLine(const store::NewFace& face);

/// Errors of all: kCorrupt, saying what is wrong with the line; ParseHead also kConflict (written
/// by a newer Facet). What is returned is fit for the store: texts are UTF-8, numbers are finite,
/// types are known ones.
Result<ArchiveHead> ParseHead(std::string_view text);
Result<store::Collection> ParseCollection(std::string_view line);
/// Its collection by name only.
Result<store::Person> ParsePerson(std::string_view line);
Result<store::SavedSearch> ParseSearch(std::string_view line);
/// Its collection by name only, without faces.
Result<ArchivedMedia> ParseMedia(std::string_view line);
/// Its media by uid only, without its vector.
Result<store::NewFace> ParseFace(std::string_view line);
/// That it is 512 finite numbers of unit length. Errors: kCorrupt.
Result<void> CheckVector(std::span<const float> vector);

}  // namespace facet::pipeline
