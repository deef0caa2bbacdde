#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "infer/pack.hpp"
#include "testing/testdata.hpp"

namespace facet::testing {

/// Puts the pack described by tests/packs/<name>.toml into `folder`/<name>, its weights as links to
/// FACET_TESTMODELS ("starter": to FACET_STARTER_PACK, an installed pack, or models/starter of the
/// checkout). Returns the pack's folder.
/// Errors: kNotFound when the weights are not on this machine.
inline Result<std::filesystem::path> InstallTestPack(std::string_view name,
                                                     const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    const fs::path top = fs::current_path();  // tests run from the top of the checkout
    const fs::path manifest_file = top / "tests/packs" / (std::string(name) + ".toml");
    FACET_TRY(manifest, infer::LoadManifest(manifest_file));
    fs::path weights;
    if (name == "starter") {
        const char* set = std::getenv("FACET_STARTER_PACK");
        weights = set != nullptr ? fs::path(set) : top / "models/starter";
    } else {
        weights = TestModels().value_or("");
    }
    const fs::path pack = folder / name;
    fs::create_directories(pack);
    for (const auto& model : manifest.models) {
        if (!fs::exists(weights / model.file)) {
            return Fail(Code::kNotFound,
                        "no test model " + model.file + ": set " +
                            (name == "starter" ? "FACET_STARTER_PACK" : "FACET_TESTMODELS"));
        }
        fs::create_symlink(weights / model.file, pack / model.file);
    }
    fs::copy_file(manifest_file, pack / "pack.toml");
    return pack;
}

}  // namespace facet::testing
