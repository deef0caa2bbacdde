#include "store/store_contract_collections.hpp"
#include "store/store_contract_faces.hpp"
#include "store/store_contract_media.hpp"
#include "store/store_contract_moving.hpp"
#include "store/store_contract_video.hpp"
#include "store/test_backends.hpp"

namespace facet::store {
namespace {

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, ::testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

INSTANTIATE_TEST_SUITE_P(Backends, CollectionsContract, ::testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

INSTANTIATE_TEST_SUITE_P(Backends, MovingContract, ::testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

INSTANTIATE_TEST_SUITE_P(Backends, VideoContract, ::testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

TEST(StoreContractOnPostgres, IsRun) { FACET_REQUIRE_POSTGRES(); }

}  // namespace
}  // namespace facet::store
