#include "index/face_table.hpp"

#include <string.h>  // explicit_bzero
#include <sys/mman.h>

#include <algorithm>

namespace facet::index {
namespace {

/// The finaliser of MurmurHash3 (Austin Appleby, public domain): ids in sequence spread evenly.
std::uint64_t Mix(std::uint64_t key) {
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdULL;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53ULL;
    return key ^ (key >> 33);
}

struct Place {
    std::size_t block;
    std::size_t row;
};

constexpr Place PlaceOf(std::uint32_t slot) {
    return {.block = slot / FaceTable::kBlockFaces, .row = slot % FaceTable::kBlockFaces};
}

template <class Array>
auto Row(Array& array, std::size_t row) {
    return std::span(array).subspan(row * kDimension).template first<kDimension>();
}

}  // namespace

std::unique_ptr<FaceTable::Codes> FaceTable::Codes::Make() {
    std::unique_ptr<Codes> codes(new Codes);               // not zeroed: pages come when used
    ::madvise(codes.get(), sizeof(Codes), MADV_HUGEPAGE);  // a wish; without it, all works as well
    return codes;
}

void FaceTable::Put(FaceId face, const UnitVector& vector) {
    if (!cells_.empty()) {
        const std::uint32_t slot = cells_[FindCell(face)];
        if (slot != kFree) return Write(slot, face, vector);
    }
    FACET_CHECK(size_ < kFree);
    if ((size_ + 1) * 5 > cells_.size() * 4) Rehash();
    if (size_ == blocks_.size() * kBlockFaces) {
        blocks_.push_back(std::unique_ptr<Block>(new Block));
    }
    const auto slot = static_cast<std::uint32_t>(size_);
    cells_[FindCell(face)] = slot;
    ++size_;
    Write(slot, face, vector);
}

bool FaceTable::Remove(FaceId face) {
    if (size_ == 0) return false;
    const std::size_t cell = FindCell(face);
    const std::uint32_t slot = cells_[cell];
    if (slot == kFree) return false;
    EraseCell(cell);
    const auto last = static_cast<std::uint32_t>(size_ - 1);
    if (slot != last) {
        cells_[FindCell(id(last))] = slot;
        MoveSlot(last, slot);
    }
    WipeSlot(last);
    --size_;
    if (size_ % kBlockFaces == 0) blocks_.pop_back();
    if (size_ * 4 < cells_.size()) Rehash();
    return true;
}

std::size_t FaceTable::memory_bytes() const noexcept {
    return sizeof(*this) + blocks_.size() * (sizeof(Block) + sizeof(Codes)) +
           blocks_.capacity() * sizeof(blocks_[0]) + cells_.capacity() * sizeof(cells_[0]);
}

std::size_t FaceTable::block_size(std::size_t index) const noexcept {
    return std::min(kBlockFaces, size_ - index * kBlockFaces);
}

FaceId FaceTable::id(std::uint32_t slot) const noexcept {
    const Place at = PlaceOf(slot);
    return blocks_[at.block]->ids[at.row];
}

Vector FaceTable::vector(std::uint32_t slot) const noexcept {
    const Place at = PlaceOf(slot);
    return Row(std::as_const(blocks_[at.block]->vectors), at.row);
}

std::size_t FaceTable::HomeCell(FaceId face) const noexcept {
    const std::uint64_t hash = Mix(static_cast<std::uint64_t>(face.value())) >> 32;
    return static_cast<std::size_t>((hash * cells_.size()) >> 32);
}

std::size_t FaceTable::FindCell(FaceId face) const noexcept {
    std::size_t cell = HomeCell(face);
    while (cells_[cell] != kFree && id(cells_[cell]) != face) cell = NextCell(cell);
    return cell;
}

std::size_t FaceTable::NextCell(std::size_t cell) const noexcept {
    return cell + 1 == cells_.size() ? 0 : cell + 1;
}

void FaceTable::EraseCell(std::size_t cell) noexcept {
    const auto distance = [this](std::size_t from, std::size_t to) {
        return to >= from ? to - from : to + cells_.size() - from;
    };
    // Entries behind the hole move up unless that would put them before their home.
    for (std::size_t next = NextCell(cell); cells_[next] != kFree; next = NextCell(next)) {
        const std::size_t home = HomeCell(id(cells_[next]));
        if (distance(home, next) >= distance(cell, next)) {
            cells_[cell] = cells_[next];
            cell = next;
        }
    }
    cells_[cell] = kFree;
}

void FaceTable::Rehash() {
    // 64 % full now, 80 % before the next growth: short probes for 5 to 6.25 bytes a face.
    const std::size_t count = std::max<std::size_t>(16, (size_ + 1) * 25 / 16);
    cells_ = std::vector<std::uint32_t>(count, kFree);
    for (std::uint32_t slot = 0; slot < size_; ++slot) cells_[FindCell(id(slot))] = slot;
}

void FaceTable::Write(std::uint32_t slot, FaceId face, const UnitVector& vector) noexcept {
    const Place at = PlaceOf(slot);
    Block& block = *blocks_[at.block];
    std::ranges::copy(vector, Row(block.vectors, at.row).begin());
    const Quantisation quantisation = Quantise(vector, Row(*block.codes, at.row));
    block.scales[at.row] = quantisation.scale;
    block.errors[at.row] = quantisation.error;
    block.ids[at.row] = face;
}

void FaceTable::MoveSlot(std::uint32_t from, std::uint32_t to) noexcept {
    const Place source = PlaceOf(from);
    const Place target = PlaceOf(to);
    Block& read = *blocks_[source.block];
    Block& write = *blocks_[target.block];
    std::ranges::copy(Row(*read.codes, source.row), Row(*write.codes, target.row).begin());
    std::ranges::copy(Row(read.vectors, source.row), Row(write.vectors, target.row).begin());
    write.scales[target.row] = read.scales[source.row];
    write.errors[target.row] = read.errors[source.row];
    write.ids[target.row] = read.ids[source.row];
}

void FaceTable::WipeSlot(std::uint32_t slot) noexcept {
    const Place at = PlaceOf(slot);
    Block& block = *blocks_[at.block];
    const auto code = Row(*block.codes, at.row);
    const auto vector = Row(block.vectors, at.row);
    // Not std::fill: the compiler may drop writes to memory that is freed next.
    explicit_bzero(code.data(), code.size_bytes());
    explicit_bzero(vector.data(), vector.size_bytes());
    explicit_bzero(&block.scales[at.row], sizeof(float));
    explicit_bzero(&block.errors[at.row], sizeof(float));
    explicit_bzero(&block.ids[at.row], sizeof(FaceId));
}

}  // namespace facet::index
