#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "infer/pack.hpp"

using namespace facet;
using namespace facet::infer;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

bool IsPlainName(const std::string& name) {
    const std::string terminated(name.c_str());  // as the system reads it
    return !name.empty() && terminated == name && name != "." && name != ".." &&
           name.find('/') == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const UniqueFd file(::memfd_create("pack.toml", MFD_CLOEXEC));
    Require(file && ::write(file.get(), data, size) == static_cast<ssize_t>(size));
    const auto pack = LoadManifest("/proc/self/fd/" + std::to_string(file.get()));
    if (!pack) {
        Require(pack.error().code == Code::kCorrupt && !pack.error().message.empty());
        return 0;
    }
    Require(IsPlainName(pack->name));
    for (const ModelFile& model : pack->models) {
        Require(IsPlainName(model.file) && model.sha256.size() == 64 && model.input.size() == 4);
    }
    Require(pack->Find(Role::kDetector) != nullptr && pack->Find(Role::kEmbedder) != nullptr);
    Require(pack->EmbeddingContract().size() == 32);
    return 0;
}
