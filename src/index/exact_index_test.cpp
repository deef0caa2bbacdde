#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <thread>

#include "index/face_index.hpp"
#include "index/kernels.hpp"
#include "index/vectors.hpp"

namespace facet::index {
namespace {

using Faces = std::map<FaceId, UnitVector>;

UnitVector Unit(const UnitVector& raw) { return Scaled(raw, InverseLength(raw).value()); }

UnitVector RandomUnit(std::mt19937& random) {
    UnitVector raw;  // in a cube: the shape does not matter here, the time does
    for (float& x : raw) x = static_cast<float>(random()) - 0x1p31F;
    return Unit(raw);
}

/// `centre` with noise: two of one centre have a cosine near 1 / (1 + spread^2).
UnitVector Near(const UnitVector& centre, float spread, std::mt19937& random) {
    UnitVector raw = RandomUnit(random);
    for (int d = 0; d < kDimension; ++d) raw[d] = centre[d] + spread * raw[d];
    return Unit(raw);
}

/// The answer by definition: the fp32 cosine of every face, sorted.
std::vector<Neighbour> FullScan(const Faces& faces, const Query& query) {
    const UnitVector probe =
        Scaled(query.vector.first<kDimension>(), InverseLength(query.vector).value());
    std::vector<Neighbour> answer;
    for (const auto& [face, vector] : faces) {
        const float cosine = std::clamp(Dot(probe, vector), -1.0F, 1.0F);
        if (cosine < query.min_cosine || (query.accept && !query.accept(face))) continue;
        answer.push_back({.face = face, .cosine = cosine});
    }
    std::ranges::stable_sort(answer, std::greater(), &Neighbour::cosine);  // the map is by id
    answer.resize(std::min(answer.size(), query.k));
    return answer;
}

void AddAll(FaceIndex& index, const Faces& faces) {
    for (const auto& [face, vector] : faces) ASSERT_TRUE(index.Add(face, vector));
}

std::unique_ptr<FaceIndex> IndexOf(const Faces& faces) {
    auto index = MakeExactIndex();
    AddAll(*index, faces);
    return index;
}

std::vector<std::int64_t> IdsOf(const std::vector<Neighbour>& neighbours) {
    std::vector<std::int64_t> ids;
    for (const Neighbour& n : neighbours) ids.push_back(n.face.value());
    return ids;
}

enum class Kind { kRandom, kPeople, kNearlyEqual, kEqual, kAscending, kFewDirections };

/// What a library can look like, kind and worst case.
Faces MakeFaces(Kind kind, int count, const UnitVector& probe, std::mt19937& random) {
    Faces faces;
    std::vector<UnitVector> people;
    for (int i = 0; i < 1 + count / 20; ++i) people.push_back(Near(probe, 2, random));
    for (int i = 0; i < count; ++i) {
        UnitVector& vector = faces[FaceId(1 + i)];
        switch (kind) {
            case Kind::kRandom:
                vector = RandomUnit(random);
                break;
            case Kind::kPeople:
                vector = Near(people[random() % people.size()], 0.8F, random);
                break;
            case Kind::kNearlyEqual:  // far closer to each other than the codes can tell
                vector = Near(people[0], 1e-4F, random);
                break;
            case Kind::kEqual:
                vector = people[0];
                break;
            case Kind::kAscending:  // each better than all before
                vector = Near(probe, 10 / (1 + static_cast<float>(i)), random);
                break;
            case Kind::kFewDirections:  // many ties, cosines of 0, 1 and -1 among them
                vector = UnitVector{};
                vector[random() % 4] = random() % 2 == 0 ? 1.0F : -1.0F;
                break;
        }
    }
    return faces;
}

RC_GTEST_PROP(ExactIndex, AnswersAsAFullScanDoes, ()) {
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    const auto kind = *rc::gen::element(Kind::kRandom, Kind::kPeople, Kind::kNearlyEqual,
                                        Kind::kEqual, Kind::kAscending, Kind::kFewDirections);
    UnitVector probe = RandomUnit(random);
    if (kind == Kind::kFewDirections) {
        probe = UnitVector{};
        probe[0] = 1;
    }
    const Faces faces = MakeFaces(kind, *rc::gen::inRange(0, 700), probe, random);
    const auto index = IndexOf(faces);

    Query query{.vector = probe};
    query.k = *rc::gen::element<std::size_t>(1, 2, 10, 100, 699, 10'000);
    query.min_cosine = *rc::gen::element(-1.0F, 0.0F, 0.1F, 0.4F, 1.0F);
    if (const int modulus = *rc::gen::inRange(0, 4); modulus != 0) {
        query.accept = [modulus](FaceId face) { return face.value() % modulus == 0; };
    }
    RC_ASSERT(index->Search(query).value() == FullScan(faces, query));
}

RC_GTEST_PROP(ExactIndex, AnswersAsAFullScanDoesAfterRemovalsAndReplacements, ()) {
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    const UnitVector probe = RandomUnit(random);
    Faces faces = MakeFaces(Kind::kPeople, *rc::gen::inRange(1, 600), probe, random);
    const auto index = IndexOf(faces);
    const int steps = *rc::gen::inRange(0, 600);
    for (int step = 0; step < steps; ++step) {
        const FaceId face(random() % 650);
        if (random() % 3 == 0) {
            faces[face] = Near(probe, 2, random);
            RC_ASSERT(index->Add(face, faces[face]).has_value());
        } else {
            RC_ASSERT(index->Remove(face) == (faces.erase(face) == 1));
        }
    }
    RC_ASSERT(index->size() == faces.size());
    const Query query{.vector = probe, .k = 20};
    RC_ASSERT(index->Search(query).value() == FullScan(faces, query));
}

RC_GTEST_PROP(ExactIndex, DoesNotDependOnTheOrderOfInsertion, ()) {
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    const UnitVector probe = RandomUnit(random);
    // Each vector under three ids: the cut at k falls among equals.
    std::vector<std::pair<FaceId, UnitVector>> faces;
    for (int i = 0; i < 120; ++i) {
        const UnitVector vector = i % 3 == 0 ? Near(probe, 2, random) : faces.back().second;
        faces.emplace_back(FaceId(1 + (i * 7) % 120), vector);
    }
    const Query query{.vector = probe, .k = 10};
    const auto answer_of = [&] {
        const auto index = MakeExactIndex();
        for (const auto& [face, vector] : faces) RC_ASSERT(index->Add(face, vector).has_value());
        return index->Search(query).value();
    };
    const auto first = answer_of();
    std::ranges::shuffle(faces, random);
    RC_ASSERT(answer_of() == first);
    RC_ASSERT(std::ranges::is_sorted(first, [](const Neighbour& a, const Neighbour& b) {
        return a.cosine > b.cosine || (a.cosine == b.cosine && a.face < b.face);
    }));
}

TEST(ExactIndex, EqualVectorsComeByIdWithTheLowestIdsKept) {
    std::mt19937 random(1);
    const UnitVector vector = RandomUnit(random);
    const auto index = MakeExactIndex();
    for (int id = 9000; id > 0; --id) ASSERT_TRUE(index->Add(FaceId(id), vector));
    EXPECT_EQ(IdsOf(index->Search({.vector = vector, .k = 3}).value()),
              (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(ExactIndex, TheThresholdIsInclusive) {
    std::mt19937 random(2);
    const UnitVector probe = RandomUnit(random);
    const auto index = IndexOf(MakeFaces(Kind::kPeople, 200, probe, random));
    const auto all = index->Search({.vector = probe, .k = 200}).value();
    ASSERT_EQ(all.size(), 200U);
    for (const std::size_t last : {0, 7, 100}) {
        const float cosine = all[last].cosine;
        Query query{.vector = probe, .k = 200, .min_cosine = cosine};
        EXPECT_EQ(index->Search(query).value().back(), all[last]);
        query.min_cosine = std::nextafter(cosine, 2.0F);
        const auto above = index->Search(query).value();
        EXPECT_TRUE(std::ranges::none_of(above, [&](auto& n) { return n.cosine <= cosine; }));
        EXPECT_EQ(above.size(), last);
    }
}

TEST(ExactIndex, MoreAskedThanThereAreGivesAll) {
    std::mt19937 random(3);
    const UnitVector probe = RandomUnit(random);
    const auto index = MakeExactIndex();
    EXPECT_TRUE(index->Search({.vector = probe}).value().empty());
    ASSERT_TRUE(index->Add(FaceId(1), probe));
    UnitVector opposite = probe;
    for (float& x : opposite) x = -x;
    ASSERT_TRUE(index->Add(FaceId(2), opposite));
    const auto both = index->Search({.vector = probe, .k = 10'000}).value();
    ASSERT_EQ(IdsOf(both), (std::vector<std::int64_t>{1, 2}));
    EXPECT_NEAR(both[0].cosine, 1, 1e-6);
    EXPECT_NEAR(both[1].cosine, -1, 1e-6);
}

TEST(ExactIndex, NormalisesWhatItIsGiven) {
    const auto index = MakeExactIndex();
    UnitVector raw{};
    raw[3] = 3e30F;
    raw[4] = 4e30F;
    ASSERT_TRUE(index->Add(FaceId(1), raw));
    UnitVector probe{};
    probe[4] = 1e-30F;
    EXPECT_NEAR(index->Search({.vector = probe}).value().at(0).cosine, 0.8F, 1e-6);
}

TEST(ExactIndex, AddReplaces) {
    std::mt19937 random(4);
    const UnitVector before = RandomUnit(random);
    const UnitVector after = RandomUnit(random);
    const auto index = MakeExactIndex();
    ASSERT_TRUE(index->Add(FaceId(5), before));
    ASSERT_TRUE(index->Add(FaceId(5), after));
    EXPECT_EQ(index->size(), 1U);
    EXPECT_GT(index->Search({.vector = after}).value().at(0).cosine, 0.999F);
    const std::array twice{FaceId(6), FaceId(6)};
    std::vector<float> vectors(before.begin(), before.end());
    vectors.insert(vectors.end(), after.begin(), after.end());
    ASSERT_TRUE(index->AddMany(twice, vectors));
    EXPECT_EQ(index->size(), 2U);
    EXPECT_TRUE(index->Search({.vector = before, .min_cosine = 0.9F}).value().empty());
}

TEST(ExactIndex, AcceptIsAskedForFewFaces) {
    std::mt19937 random(5);
    const UnitVector probe = RandomUnit(random);
    const auto index = IndexOf(MakeFaces(Kind::kPeople, 5000, probe, random));
    int asked = 0;
    Query query{.vector = probe};
    query.accept = [&](FaceId) { return ++asked, true; };
    ASSERT_EQ(index->Search(query).value().size(), 10U);
    EXPECT_LT(asked, 500);
    query.accept = [](FaceId) { return false; };
    EXPECT_TRUE(index->Search(query).value().empty());
}

TEST(ExactIndex, RefusesWhatIsNoUnitVector) {
    std::mt19937 random(6);
    const UnitVector good = RandomUnit(random);
    std::vector<std::vector<float>> wrong = {
        {}, std::vector<float>(511, 1.0F), std::vector<float>(513, 1.0F), std::vector<float>(512)};
    for (const float x : {std::nanf(""), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
        wrong.emplace_back(512, 1.0F).back() = x;
    }
    const auto index = MakeExactIndex();
    ASSERT_TRUE(index->Add(FaceId(1), good));
    for (const auto& vector : wrong) {
        EXPECT_EQ(index->Add(FaceId(2), vector).error().code, Code::kInvalidArgument);
        EXPECT_EQ(index->Search({.vector = vector}).error().code, Code::kInvalidArgument);
        std::vector<float> both(good.begin(), good.end());
        both.insert(both.end(), vector.begin(), vector.end());
        const std::array ids{FaceId(3), FaceId(4)};
        EXPECT_EQ(index->AddMany(ids, both).error().code, Code::kInvalidArgument);
    }
    EXPECT_EQ(index->size(), 1U);  // of a refused AddMany, not even the good part
    for (const std::size_t k : {0, 10'001}) {
        EXPECT_EQ(index->Search({.vector = good, .k = k}).error().code, Code::kInvalidArgument);
    }
    EXPECT_EQ(index->Search({.vector = good, .min_cosine = std::nanf("")}).error().code,
              Code::kInvalidArgument);
    EXPECT_TRUE(index->AddMany({}, {}));
}

TEST(ExactIndex, ReadersAndWritersSideBySideSeeWholeFaces) {
    // Each writer owns some ids and puts and removes them; the faces of odd ids stay throughout.
    // Readers check that those are always found, and that whatever else is found is a vector
    // somebody wrote: the probe itself or its opposite, never a mixture.
    constexpr int kFaces = 600;
    constexpr int kRounds = 300;
    std::mt19937 random(7);
    const UnitVector probe = RandomUnit(random);
    UnitVector opposite = probe;
    for (float& x : opposite) x = -x;
    const auto index = MakeExactIndex();
    for (int id = 1; id < kFaces; id += 2) ASSERT_TRUE(index->Add(FaceId(id), probe));

    std::atomic<bool> stop = false;
    std::atomic<int> torn = 0;
    std::atomic<int> lost = 0;
    {
        std::vector<std::jthread> readers;
        for (int r = 0; r < 2; ++r) {
            readers.emplace_back([&] {
                while (!stop) {
                    const auto found = index->Search({.vector = probe, .k = 10'000}).value();
                    int odd = 0;
                    for (const Neighbour& n : found) {
                        torn += std::abs(std::abs(n.cosine) - 1) > 1e-5F;
                        odd += n.face.value() % 2;
                    }
                    lost += odd != kFaces / 2;
                }
            });
        }
        std::vector<std::jthread> writers;
        for (int w = 0; w < 2; ++w) {
            writers.emplace_back([&, w] {
                std::mt19937 dice(w);
                for (int round = 0; round < kRounds; ++round) {
                    const FaceId face(4 * (dice() % (kFaces / 4)) + 2 * w);
                    if (dice() % 2 == 0) {
                        EXPECT_TRUE(index->Add(face, dice() % 2 == 0 ? probe : opposite));
                    } else {
                        index->Remove(face);
                    }
                }
            });
        }
        writers.clear();  // joins them; they come to an end although the readers never pause
        stop = true;
    }
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace facet::index
