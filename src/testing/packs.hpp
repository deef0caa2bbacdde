#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "infer/pack.hpp"
#include "testing/testdata.hpp"

namespace facet::testing {

/// Puts the pack `name` into `folder`/<name>, its weights as links: "starter" is the one at
/// FACET_STARTER_PACK, which the set-up fetched (or models/starter of the checkout); any other is
/// described by tests/packs/<name>.toml and has its weights in FACET_TESTMODELS.
/// Returns the pack's folder. Errors: kNotFound when the weights are not on this machine.
inline Result<std::filesystem::path> InstallTestPack(std::string_view name,
                                                     const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    const fs::path top = fs::current_path();  // tests run from the top of the checkout
    fs::path weights = TestModels().value_or("");
    fs::path manifest_file = top / "tests/packs" / (std::string(name) + ".toml");
    if (name == "starter") {
        const char* set = std::getenv("FACET_STARTER_PACK");
        weights = set != nullptr ? fs::path(set) : top / "models/starter";
        manifest_file = weights / "pack.toml";
        if (!fs::exists(manifest_file)) {
            return Fail(Code::kNotFound, "no starter pack: set FACET_STARTER_PACK");
        }
    }
    FACET_TRY(manifest, infer::LoadManifest(manifest_file));
    const fs::path pack = folder / name;
    fs::create_directories(pack);
    for (const auto& model : manifest.models) {
        if (!fs::exists(weights / model.file)) {
            return Fail(Code::kNotFound, "no test model " + model.file + ": set FACET_TESTMODELS");
        }
        fs::create_symlink(weights / model.file, pack / model.file);
    }
    fs::copy_file(manifest_file, pack / "pack.toml");
    return pack;
}

}  // namespace facet::testing
