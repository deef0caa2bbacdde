#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/vectors.hpp"

namespace facet::index {

/// The faces of the exact index in slots 0 … size()-1, in blocks of fixed size, and a map from id
/// to slot.
///
/// Thread safety: const methods side by side, others alone.
/// Memory: 2,576 bytes per face (vector 2,048, code 512, id 8, scale 4, error 4), 5 to 6.25 in the
/// map, and at most one block that is not full.
class FaceTable {
public:
    /// The codes of a block are one huge page (2 MiB on x86-64 and most of arm64).
    static constexpr std::size_t kBlockFaces = 4096;

    /// Codes lie together because a search reads all of them and few of the rest. In huge pages,
    /// where the system gives them: in pages of 4 KiB every eighth face costs a page walk.
    struct alignas(kBlockFaces* kDimension) Codes
        : std::array<std::int8_t, kBlockFaces * kDimension> {
        static std::unique_ptr<Codes> Make();
    };

    struct Block {
        std::unique_ptr<Codes> codes = Codes::Make();
        std::array<float, kBlockFaces * kDimension> vectors;
        std::array<float, kBlockFaces> scales;
        std::array<float, kBlockFaces> errors;
        std::array<FaceId, kBlockFaces> ids;
    };

    /// Replaces the vector when the face is there already, in the same slot.
    void Put(FaceId face, const UnitVector& vector);
    /// False when the face is not there. The last face moves into the slot; the memory it leaves
    /// is overwritten with zeros.
    bool Remove(FaceId face);

    std::size_t size() const noexcept { return size_; }
    std::size_t memory_bytes() const noexcept;

    std::size_t block_count() const noexcept { return blocks_.size(); }
    const Block& block(std::size_t index) const noexcept { return *blocks_[index]; }
    /// Faces in this block: kBlockFaces but for the last.
    std::size_t block_size(std::size_t index) const noexcept;

    FaceId id(std::uint32_t slot) const noexcept;
    Vector vector(std::uint32_t slot) const noexcept;

private:
    static constexpr std::uint32_t kFree = 0xFFFFFFFF;

    std::size_t HomeCell(FaceId face) const noexcept;
    /// The cell that holds the face's slot, or the free cell where it would go.
    std::size_t FindCell(FaceId face) const noexcept;
    std::size_t NextCell(std::size_t cell) const noexcept;
    void EraseCell(std::size_t cell) noexcept;
    void Rehash();
    void Write(std::uint32_t slot, FaceId face, const UnitVector& vector) noexcept;
    void MoveSlot(std::uint32_t from, std::uint32_t to) noexcept;
    void WipeSlot(std::uint32_t slot) noexcept;

    std::vector<std::unique_ptr<Block>> blocks_;
    std::vector<std::uint32_t> cells_;  // open addressing, linear probing; slot or kFree
    std::size_t size_ = 0;
};

}  // namespace facet::index
