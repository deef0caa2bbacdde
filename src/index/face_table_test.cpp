#include "index/face_table.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "index/fair_shared_mutex.hpp"

namespace facet::index {
namespace {

/// A vector that tells its number.
UnitVector Numbered(int number) {
    UnitVector raw{};
    raw[0] = 1;
    raw[1] = static_cast<float>(number);
    return Scaled(raw, InverseLength(raw).value());
}

bool SameVector(Vector a, const UnitVector& b) { return std::ranges::equal(a, b); }

RC_GTEST_PROP(FaceTable, HoldsWhatAMapWouldHold, ()) {
    FaceTable table;
    std::map<FaceId, int> model;
    // Few ids, so that replacing, removing and removing in vain are common; and others before them,
    // so that the few are where one block ends and the next begins.
    constexpr int kBlock = FaceTable::kBlockFaces;
    const int before = *rc::gen::element(0, kBlock - 5, 2 * kBlock - 20);
    for (int i = 0; i < before; ++i) {
        const FaceId face(1'000'000 + i);
        table.Put(face, Numbered(i));
        model[face] = i;
    }
    const int ids = *rc::gen::element(3, 50, 300);
    const int steps = *rc::gen::inRange(0, 3 * ids);
    const int removals_in_ten = *rc::gen::inRange(0, 8);
    const auto dice =
        *rc::gen::container<std::vector<unsigned>>(2 * steps, rc::gen::arbitrary<unsigned>());
    for (int step = 0; step < steps; ++step) {
        const FaceId face(static_cast<int>(dice[2 * step] % ids) - 1);  // also 0 and -1
        if (static_cast<int>(dice[2 * step + 1] % 10) < removals_in_ten) {
            RC_ASSERT(table.Remove(face) == (model.erase(face) == 1));
        } else {
            table.Put(face, Numbered(step));
            model[face] = step;
        }
        RC_ASSERT(table.size() == model.size());
    }
    std::map<FaceId, std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) slots[table.id(slot)] = slot;
    RC_ASSERT(slots.size() == model.size());
    for (const auto& [face, number] : model) {
        RC_ASSERT(slots.contains(face));
        const std::uint32_t slot = slots[face];
        RC_ASSERT(SameVector(table.vector(slot), Numbered(number)));
        const auto& block = table.block(slot / FaceTable::kBlockFaces);
        const std::size_t row = slot % FaceTable::kBlockFaces;
        std::array<std::int8_t, kDimension> code;
        const Quantisation quantisation = Quantise(Numbered(number), code);
        RC_ASSERT(std::ranges::equal(
            code, std::span(*block.codes).subspan(row * kDimension, kDimension)));
        RC_ASSERT(block.scales[row] == quantisation.scale);
        RC_ASSERT(block.errors[row] == quantisation.error);
    }
}

TEST(FaceTable, RemovalLeavesZerosInTheMemory) {
    FaceTable table;
    for (int i = 1; i <= 3; ++i) table.Put(FaceId(i), Numbered(i));
    ASSERT_TRUE(table.Remove(FaceId(1)));  // 3 moves from the last slot into the first
    ASSERT_TRUE(SameVector(table.vector(0), Numbered(3)));
    const auto& block = table.block(0);
    EXPECT_TRUE(SameVector(table.vector(2), UnitVector{}));
    EXPECT_TRUE(std::ranges::all_of(std::span(*block.codes).subspan(2 * kDimension, kDimension),
                                    [](std::int8_t code) { return code == 0; }));
    EXPECT_EQ(block.scales[2], 0);
    EXPECT_EQ(block.errors[2], 0);
    EXPECT_EQ(block.ids[2], FaceId());
}

TEST(FaceTable, TakesAtMost2600BytesAFace) {
    FaceTable table;
    const UnitVector vector = Numbered(1);
    constexpr std::size_t kBlockBytes = sizeof(FaceTable::Block) + sizeof(FaceTable::Codes);
    for (int i = 0; i < 10 * static_cast<int>(FaceTable::kBlockFaces); ++i) {
        table.Put(FaceId(i), vector);
        // What the last block does not use yet is at most one block.
        ASSERT_LE(table.memory_bytes(), 2600 * table.size() + kBlockBytes + 1000);
    }
    EXPECT_LE(table.memory_bytes(), 2600 * table.size());
}

TEST(FaceTable, GivesMemoryBack) {
    FaceTable table;
    for (int i = 0; i < 5000; ++i) table.Put(FaceId(i), Numbered(i));
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(table.Remove(FaceId(i)));
    EXPECT_LE(table.memory_bytes(), 2000U);
}

TEST(FairSharedMutex, AWaitingWriterGoesBeforeNewReaders) {
    using std::chrono::steady_clock;
    FairSharedMutex mutex;
    mutex.lock_shared();
    ASSERT_TRUE(mutex.try_lock_shared());  // readers share
    mutex.unlock_shared();
    bool written = false;
    std::jthread writer([&] {
        const std::lock_guard lock(mutex);
        written = true;
    });
    // Readers come and go until one is refused: the writer waits. A lock that prefers readers
    // would let them in for ever.
    const auto give_up = steady_clock::now() + std::chrono::seconds(60);
    bool refused = false;
    while (!refused && steady_clock::now() < give_up) {
        refused = !mutex.try_lock_shared();
        if (!refused) mutex.unlock_shared();
        std::this_thread::yield();
    }
    EXPECT_TRUE(refused);
    mutex.unlock_shared();
    writer.join();
    const std::shared_lock lock(mutex);
    EXPECT_TRUE(written);
}

}  // namespace
}  // namespace facet::index
