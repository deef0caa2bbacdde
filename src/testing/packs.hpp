#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "infer/pack.hpp"
#include "testing/testdata.hpp"

namespace facet::testing {

/// Run from the top of the checkout. Puts the pack described by tests/packs/<name>.toml into `folder`/<name>, its weights as links to
/// FACET_TESTMODELS. Returns the pack's folder.
/// Errors: kNotFound when the weights are not on this machine.
inline Result<std::filesystem::path> InstallTestPack(std::string_view name,
                                                     const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    const fs::path manifest_file =
        fs::path("tests/packs") / (std::string(name) + ".toml");
    FACET_TRY(manifest, infer::LoadManifest(manifest_file));
    const auto weights = TestModels();
    if (!weights) return Fail(Code::kNotFound, "no test models: set FACET_TESTMODELS");
    const fs::path pack = folder / name;
    fs::create_directories(pack);
    for (const auto& model : manifest.models) {
        if (!fs::exists(*weights / model.file)) {
            return Fail(Code::kNotFound, "no test model " + model.file);
        }
        fs::create_symlink(*weights / model.file, pack / model.file);
    }
    fs::copy_file(manifest_file, pack / "pack.toml");
    return pack;
}

}  // namespace facet::testing
