#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace facet::infer {

/// Shape of a tensor; -1 is a dimension the model leaves free.
using Shape = std::vector<std::int64_t>;

struct TensorInfo {
    std::string name;
    Shape shape;
};

/// A dense float32 tensor, row-major, that owns its values.
struct Tensor {
    Shape shape;
    std::vector<float> values;
};

/// A float32 tensor borrowed for one call.
struct TensorView {
    Shape shape;
    std::span<const float> values;
};

struct SessionOptions {
    int threads = 1;  // intra-op threads of one Run
};

/// One loaded network. Thread safety: `Run` may be called on any number of threads at once; with
/// the provider xnnpack they wait for each other.
class Session {
public:
    virtual ~Session() = default;
    virtual const std::vector<TensorInfo>& inputs() const noexcept = 0;
    virtual const std::vector<TensorInfo>& outputs() const noexcept = 0;

    /// One forward pass: inputs and outputs in the order the model declares them.
    /// Cost: the whole network on the caller's thread.
    /// Errors: kInvalidArgument (shape does not fit), kInternal (what the runtime says, in detail).
    virtual Result<std::vector<Tensor>> Run(std::span<const TensorView> inputs) const = 0;
};

struct RuntimeOptions {
    /// The ONNX Runtime library to load; empty: $FACET_ONNXRUNTIME, then libonnxruntime.so.1.21,
    /// then libonnxruntime.so by the loader's own path.
    std::filesystem::path library{};
    /// What computes, by preference: names of ParseProviders. Layers that one does not have go to
    /// the next, and to the CPU in the end.
    std::vector<std::string> providers = {"cpu"};
    int device_id = 0;  // of a GPU provider
};

/// ONNX Runtime, loaded at run time by dlopen and asked for C API version 21.
/// Thread safety: all methods, any thread. Sessions keep the library alive.
class Runtime {
public:
    /// Cost: about 130 ms once. Errors: kUnavailable (library missing or too old: says which; a
    /// provider that is asked for cannot be used: says what there is).
    static Result<std::shared_ptr<Runtime>> Load(const RuntimeOptions& options);
    virtual ~Runtime() = default;

    virtual std::string version() const = 0;
    /// The file that was loaded.
    virtual const std::filesystem::path& library() const noexcept = 0;
    /// Providers that the library has and Facet can ask for.
    virtual const std::vector<std::string>& available() const noexcept = 0;
    /// Those in use.
    virtual const std::vector<std::string>& providers() const noexcept = 0;
    /// The same library, computing on the CPU.
    virtual std::shared_ptr<Runtime> OnCpu() const = 0;
    /// The file must already have been checked against its manifest.
    /// Errors: kNotFound, kCorrupt (not a model this runtime reads).
    virtual Result<std::unique_ptr<Session>> Open(const std::filesystem::path& model,
                                                  const SessionOptions& options) = 0;
};

}  // namespace facet::infer
