#include "pipeline/archive_walk.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/archive.hpp"
#include "base/hash.hpp"
#include "media/sniff.hpp"

namespace facet::pipeline {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are little-endian floats");

constexpr std::uint64_t kMaxText = 1 << 20;  // of facet.json and settings.json

std::unexpected<Error> Damaged(const std::string& where, const std::string& what) {
    return Fail(Code::kCorrupt, "the archive is damaged: " + where + ": " + what);
}

class Walk {
public:
    Walk(ArchiveReader from, ArchiveVisitor& visitor, const std::stop_token& stop)
        : from_(std::move(from)), visitor_(visitor), stop_(stop) {}

    Result<void> Run() {
        FACET_TRY_VOID(Advance());
        FACET_TRY_VOID(Names());
        for (int batch = 1; member_ && member_->name != kChecksumsMember; ++batch) {
            FACET_TRY_VOID(Batch(batch));
        }
        return Checksums();
    }

private:
    // ---- members -----------------------------------------------------------------------------

    Result<void> Advance() {
        if (stop_.stop_requested()) return Fail(Code::kCancelled, "stopped");
        const std::string before = member_ ? "after " + member_->name : "at its beginning";
        auto next = from_.Next();
        if (!next && next.error().code == Code::kCorrupt) {
            return Damaged(before, next.error().detail);
        }
        if (!next) return std::unexpected(std::move(next).error());
        if (*next && !(*next)->is_file) {
            return Damaged((*next)->name, "it is not a plain file");
        }
        member_ = std::move(*next);
        return {};
    }

    /// That the member at hand is this one.
    Result<void> Expect(std::string_view name, std::uint64_t most) {
        if (!member_) return Damaged("its end", std::string(name) + " is missing: it is cut off");
        if (member_->name != name) {
            return Damaged(member_->name,
                           "it does not belong here, " + std::string(name) + " does");
        }
        if (member_->bytes > most) return Damaged(member_->name, "it is too large");
        return {};
    }

    /// Hands over all bytes of the member, and takes its hash.
    template <class Sink>
    Result<void> ReadMember(Sink sink) {
        Sha256 hash;
        std::uint64_t total = 0;
        while (true) {
            auto got = from_.Read(buffer_);
            if (!got && got.error().code == Code::kCorrupt) {
                return Damaged(member_->name, "it is cut off, or " + got.error().detail);
            }
            if (!got) return std::unexpected(std::move(got).error());
            if (*got == 0) break;
            if (stop_.stop_requested()) return Fail(Code::kCancelled, "stopped");
            total += *got;
            if (total > member_->bytes) return Damaged(member_->name, "it is longer than it says");
            const auto bytes = std::span<const std::byte>(buffer_).first(*got);
            hash.Update(bytes);
            FACET_TRY_VOID(sink(bytes));
        }
        if (total != member_->bytes) return Damaged(member_->name, "it is cut off");
        const Sha256Digest digest = hash.Finish();
        last_hash_ = ToHex(digest);
        const std::string line = last_hash_ + "  " + member_->name + "\n";
        if (member_->name == kChecksumsMember) return {};
        lines_.Update(std::as_bytes(std::span(line)));
        // Originals have their hash in their names; of the others there are few.
        if (!member_->name.starts_with("originals/")) hashes_[member_->name] = last_hash_;
        return {};
    }

    Result<std::string> ReadText(std::string_view name) {
        FACET_TRY_VOID(Expect(name, kMaxText));
        std::string text;
        FACET_TRY_VOID(ReadMember([&](std::span<const std::byte> bytes) -> Result<void> {
            text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return {};
        }));
        return text;
    }

    /// Hands over line by line, without their ends; an error of `visit` is told with its place.
    template <class Visit>
    Result<void> ReadLines(std::string_view name, std::uint64_t most, std::size_t longest,
                           Visit visit) {
        FACET_TRY_VOID(Expect(name, most));
        std::string line;
        std::size_t number = 0;
        FACET_TRY_VOID(ReadMember([&](std::span<const std::byte> bytes) -> Result<void> {
            std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            while (!text.empty()) {
                const auto end = text.find('\n');
                line.append(text.substr(0, end));
                const std::string where =
                    std::string(name) + ", line " + std::to_string(number + 1);
                if (line.size() > longest) return Damaged(where, "it is too long");
                if (end == std::string_view::npos) break;
                text.remove_prefix(end + 1);
                auto visited = visit(line);
                if (!visited && visited.error().code == Code::kCorrupt) {
                    return Damaged(where, visited.error().message);
                }
                if (!visited) return visited;
                line.clear();
                ++number;
            }
            return {};
        }));
        if (!line.empty()) return Damaged(std::string(name), "its last line has no end");
        return {};
    }

    // ---- parts -------------------------------------------------------------------------------

    Result<void> Names() {
        FACET_TRY(text, ReadText(kHeadMember));
        auto head = ParseHead(text);
        if (!head && head.error().code == Code::kCorrupt) {
            return Damaged(std::string(kHeadMember), head.error().message);
        }
        if (!head) return std::unexpected(std::move(head).error());
        head_ = std::move(*head);
        FACET_TRY_VOID(visitor_.Head(head_));
        FACET_TRY_VOID(Advance());
        constexpr auto kAny = std::numeric_limits<std::uint64_t>::max();
        FACET_TRY_VOID(ReadLines(kCollectionsMember, kAny, kMaxLine,
                                 [&](const std::string& line) -> Result<void> {
                                     FACET_TRY(one, ParseCollection(line));
                                     collections_.insert(one.name);
                                     return visitor_.Collection(one);
                                 }));
        FACET_TRY_VOID(Advance());
        FACET_TRY_VOID(
            ReadLines(kPeopleMember, kAny, kMaxLine, [&](const std::string& line) -> Result<void> {
                FACET_TRY(one, ParsePerson(line));
                FACET_TRY_VOID(CheckCollection(one.collection_name));
                return visitor_.Person(one);
            }));
        FACET_TRY_VOID(Advance());
        FACET_TRY_VOID(ReadLines(kSearchesMember, kAny, kMaxSearchLine,
                                 [&](const std::string& line) -> Result<void> {
                                     FACET_TRY(one, ParseSearch(line));
                                     return visitor_.Search(one);
                                 }));
        FACET_TRY_VOID(Advance());
        FACET_TRY_VOID(ReadText(kSettingsMember));
        FACET_TRY_VOID(Advance());
        return visitor_.NamesEnd();
    }

    Result<void> CheckCollection(const std::string& name) const {
        if (collections_.contains(name)) return {};
        return Fail(Code::kCorrupt, "there is no collection \"" + name + "\"");
    }

    Result<void> Batch(int number) {
        std::vector<ArchivedMedia> media;
        std::map<Uuid, std::size_t> by_uid;
        FACET_TRY_VOID(ReadLines(
            MediaMember(number), kMaxRows, kMaxLine, [&](const std::string& line) -> Result<void> {
                FACET_TRY(one, ParseMedia(line));
                FACET_TRY_VOID(CheckCollection(one.rows.media.collection_name));
                if (!by_uid.emplace(one.rows.media.uid, media.size()).second) {
                    return Fail(Code::kCorrupt, "an id is there twice");
                }
                if (media.size() == kMaxBatchMedia) return Fail(Code::kCorrupt, "too many media");
                media.push_back(std::move(one));
                return {};
            }));
        FACET_TRY_VOID(Advance());
        FACET_TRY(places, Faces(number, media, by_uid));
        FACET_TRY_VOID(Vectors(number, media, places));
        std::map<std::string, store::Media> originals;
        for (const ArchivedMedia& one : media) {
            if (one.has_original) originals.emplace(OriginalMember(one.rows.media), one.rows.media);
        }
        FACET_TRY_VOID(visitor_.Batch(media));
        while (member_ && member_->name.starts_with("originals/")) {
            const auto found = originals.find(member_->name);
            if (found == originals.end()) return Damaged(member_->name, "no media wants it");
            FACET_TRY_VOID(Original(found->second));
            originals.erase(found);
            FACET_TRY_VOID(Advance());
        }
        if (!originals.empty()) {
            return Damaged(member_ ? member_->name : "its end",
                           originals.begin()->first + " is missing");
        }
        return visitor_.BatchEnds();
    }

    using Place = std::pair<std::size_t, std::size_t>;  // media, and face of it
    Result<std::vector<Place>> Faces(int number, std::vector<ArchivedMedia>& media,
                                     const std::map<Uuid, std::size_t>& by_uid) {
        std::vector<Place> places;
        std::set<Uuid> seen;
        FACET_TRY_VOID(ReadLines(
            FacesMember(number), kMaxRows, kMaxLine, [&](const std::string& line) -> Result<void> {
                FACET_TRY(made, ParseFace(line));
                if (head_.contract.empty()) {
                    return Fail(Code::kCorrupt, "facet.json names no contract for it");
                }
                const auto of = by_uid.find(made.face.media_uid);
                if (of == by_uid.end()) return Fail(Code::kCorrupt, "its media is not there");
                if (!seen.insert(made.face.uid).second) {
                    return Fail(Code::kCorrupt, "an id is there twice");
                }
                if (places.size() == kMaxBatchFaces) return Fail(Code::kCorrupt, "too many faces");
                auto& faces = media[of->second].rows.faces;
                places.emplace_back(of->second, faces.size());
                faces.push_back(std::move(made));
                return {};
            }));
        FACET_TRY_VOID(Advance());
        return places;
    }

    Result<void> Vectors(int number, std::vector<ArchivedMedia>& media,
                         const std::vector<Place>& places) {
        const std::string name = VectorsMember(number);
        constexpr std::size_t kLength = 512;
        const std::uint64_t bytes = places.size() * kLength * sizeof(float);
        FACET_TRY_VOID(Expect(name, bytes));
        std::vector<float> numbers(places.size() * kLength);
        const auto into = std::as_writable_bytes(std::span(numbers));
        std::size_t at = 0;
        FACET_TRY_VOID(ReadMember([&](std::span<const std::byte> some) -> Result<void> {
            std::ranges::copy(some, into.begin() + static_cast<std::ptrdiff_t>(at));
            at += some.size();
            return {};
        }));
        if (at != bytes) return Damaged(name, "it has not one vector for each face");
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto vector = std::span(numbers).subspan(i * kLength, kLength);
            if (auto good = CheckVector(vector); !good) {
                return Damaged(name + ", vector " + std::to_string(i + 1), good.error().message);
            }
            media[places[i].first].rows.faces[places[i].second].embedding.assign(vector.begin(),
                                                                                 vector.end());
        }
        return Advance();
    }

    Result<void> Original(const store::Media& media) {
        if (member_->bytes != media.bytes) {
            return Damaged(member_->name, "it has not the size that its media says");
        }
        FACET_TRY_VOID(visitor_.OriginalBegins(media));
        std::vector<std::byte> start;
        FACET_TRY_VOID(ReadMember([&](std::span<const std::byte> bytes) {
            const auto more = std::min(bytes.size(), media::kSniffBytes - start.size());
            start.insert(start.end(), bytes.begin(),
                         bytes.begin() + static_cast<std::ptrdiff_t>(more));
            return visitor_.OriginalBytes(bytes);
        }));
        if (last_hash_ != media.sha256) {
            return Damaged(member_->name, "its bytes do not have the hash that its name says");
        }
        if (media::Extension(media::Sniff(start)) != media.format) {
            return Damaged(member_->name, "its bytes are not of its type");
        }
        return visitor_.OriginalEnds();
    }

    Result<void> Checksums() {
        constexpr auto kAny = std::numeric_limits<std::uint64_t>::max();
        std::string differs;
        Sha256 found;
        FACET_TRY_VOID(ReadLines(
            kChecksumsMember, kAny, kMaxLine, [&](const std::string& line) -> Result<void> {
                const std::string whole = line + "\n";
                found.Update(std::as_bytes(std::span(whole)));
                const auto end = line.find("  ");
                if (end == std::string::npos) return {};
                const auto known = hashes_.find(line.substr(end + 2));
                const bool same = known == hashes_.end() || line.starts_with(known->second);
                if (!same && differs.empty()) differs = known->first;
                return {};
            }));
        if (!differs.empty()) return Damaged(differs, "its bytes do not have their checksum");
        if (found.Finish() != lines_.Finish()) {
            return Damaged(std::string(kChecksumsMember), "it does not list what is there");
        }
        FACET_TRY_VOID(Advance());
        if (member_) return Damaged(member_->name, "it comes after the end");
        return {};
    }

    ArchiveReader from_;
    ArchiveVisitor& visitor_;
    const std::stop_token& stop_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(1 << 18);
    std::optional<ArchiveReader::Member> member_;
    ArchiveHead head_;
    std::set<std::string> collections_;
    std::string last_hash_;                                // of the member read last
    Sha256 lines_;                                         // of checksums.sha256 as it should be
    std::unordered_map<std::string, std::string> hashes_;  // of all members but originals
};

}  // namespace

Result<void> WalkArchive(const std::filesystem::path& file, ArchiveVisitor& visitor,
                         const std::stop_token& stop) {
    auto from = ArchiveReader::Open(file, ArchiveReader::Kind::kTar);
    if (!from) return std::unexpected(std::move(from).error());
    return Walk(std::move(*from), visitor, stop).Run();
}

}  // namespace facet::pipeline
