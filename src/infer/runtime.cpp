#include "infer/runtime.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <format>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

// The library is found at run time: nothing here may need it at link time.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

#include "infer/providers.hpp"
#include "infer/quiet_stderr.hpp"

namespace facet::infer {
namespace {

constexpr std::uint32_t kApiVersion = 21;  // ONNX Runtime 1.21, the oldest Facet works with

/// The loaded library and its environment. Never unloaded (RTLD_NODELETE): ONNX Runtime and its
/// protobuf register themselves in process-wide tables that do not survive a second load.
struct Library {
    const OrtApi* api = nullptr;
    OrtEnv* env = nullptr;
    OrtMemoryInfo* cpu = nullptr;
    std::string version;
    std::filesystem::path path;
    std::vector<std::string> available;

    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        if (cpu != nullptr) api->ReleaseMemoryInfo(cpu);
        if (env != nullptr) api->ReleaseEnv(env);
    }
};

template <class T>
using Handle = std::unique_ptr<T, std::function<void(T*)>>;

/// Takes over `status`; an empty error text means success.
struct Failure {
    OrtErrorCode code = ORT_OK;
    std::string text;
};
Failure Take(const OrtApi& api, OrtStatus* status) {
    if (status == nullptr) return {};
    const Handle<OrtStatus> owned(status, api.ReleaseStatus);
    return {api.GetErrorCode(status), api.GetErrorMessage(status)};
}

/// For calls that fail only when memory is short or we misuse the API.
Result<void> Require(const OrtApi& api, OrtStatus* status) {
    if (status == nullptr) return {};
    return Fail(Code::kInternal, "the inference runtime failed", Take(api, status).text);
}

/// What a session computes with.
struct Providers {
    std::vector<std::string> names = {"cpu"};
    int device_id = 0;
};

Result<Handle<OrtSessionOptions>> MakeOptions(const OrtApi& api, const Providers& providers,
                                              const SessionOptions& options) {
    OrtSessionOptions* raw = nullptr;
    FACET_TRY_VOID(Require(api, api.CreateSessionOptions(&raw)));
    Handle<OrtSessionOptions> owned(raw, api.ReleaseSessionOptions);
    FACET_TRY_VOID(Require(api, api.SetIntraOpNumThreads(raw, std::max(1, options.threads))));
    FACET_TRY_VOID(Require(api, api.SetInterOpNumThreads(raw, 1)));
    FACET_TRY_VOID(Require(api, api.SetSessionExecutionMode(raw, ORT_SEQUENTIAL)));
    FACET_TRY_VOID(Require(api, api.SetSessionGraphOptimizationLevel(raw, ORT_ENABLE_ALL)));
    // Models whose declared output shapes are wrong warn at every run; the results are right.
    FACET_TRY_VOID(Require(api, api.SetSessionLogSeverityLevel(raw, ORT_LOGGING_LEVEL_ERROR)));
    // Waiting threads sleep rather than spin: the cores have other work.
    FACET_TRY_VOID(
        Require(api, api.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", "0")));
    // Plain malloc: the arena never gives memory back. SCRFD-2.5GF at four sizes and MobileFaceNet
    // at batches of 1 to 12 on four threads: 200 MB resident instead of 514, in the same time.
    FACET_TRY_VOID(Require(api, api.DisableCpuMemArena(raw)));
    // Memory patterns are kept for every input shape ever seen.
    FACET_TRY_VOID(Require(api, api.DisableMemPattern(raw)));
    FACET_TRY_VOID(AppendProviders(
        api, raw, providers.names,
        {.device_id = providers.device_id, .threads = std::max(1, options.threads)}));
    return owned;
}

/// Opens and runs the smallest network (y = Relu(x), one value, written with python3-onnx): the
/// runtime registers its operators at the first one it reads, and reports on stderr while it does;
/// and providers that cannot work say so here.
Result<void> TryOut(const Library& library, const Providers& providers) {
    static constexpr std::array<std::uint8_t, 61> kRelu{
        0x08, 0x07, 0x3a, 0x33, 0x0a, 0x0c, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x22,
        0x04, 0x52, 0x65, 0x6c, 0x75, 0x12, 0x01, 0x67, 0x5a, 0x0f, 0x0a, 0x01, 0x78,
        0x12, 0x0a, 0x0a, 0x08, 0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x01, 0x62,
        0x0f, 0x0a, 0x01, 0x79, 0x12, 0x0a, 0x0a, 0x08, 0x08, 0x01, 0x12, 0x04, 0x0a,
        0x02, 0x08, 0x01, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x0d};
    const OrtApi& api = *library.api;
    const std::string names = JoinNames(providers.names);
    const auto cannot = [&](OrtStatus* status) {
        return Fail(Code::kUnavailable, std::format("models.providers = {} cannot be used: {}",
                                                    names, Take(api, status).text));
    };
    FACET_TRY(options, MakeOptions(api, providers, {}));
    OrtSession* session = nullptr;
    if (OrtStatus* status = api.CreateSessionFromArray(library.env, kRelu.data(), kRelu.size(),
                                                       options.get(), &session)) {
        return cannot(status);
    }
    const Handle<OrtSession> owned(session, api.ReleaseSession);
    for (const float given : {-1.5F, 2.5F}) {
        float value = given;
        const std::int64_t shape = 1;
        OrtValue* input = nullptr;
        FACET_TRY_VOID(Require(
            api, api.CreateTensorWithDataAsOrtValue(library.cpu, &value, sizeof(value), &shape, 1,
                                                    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input)));
        const Handle<OrtValue> owned_input(input, api.ReleaseValue);
        const char* const input_name = "x";
        const char* const output_name = "y";
        OrtValue* output = nullptr;
        if (OrtStatus* status =
                api.Run(session, nullptr, &input_name, &input, 1, &output_name, 1, &output)) {
            return cannot(status);
        }
        const Handle<OrtValue> owned_output(output, api.ReleaseValue);
        void* result = nullptr;
        FACET_TRY_VOID(Require(api, api.GetTensorMutableData(output, &result)));
        if (*static_cast<const float*>(result) != std::max(0.0F, given)) {
            return Fail(Code::kUnavailable,
                        std::format("models.providers = {} computes wrong results", names));
        }
    }
    return {};
}

Result<void> OpenLibrary(Library& library, const std::filesystem::path& path) {
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char* reason = ::dlerror();
        return Fail(Code::kUnavailable, std::format("cannot load {}", path.string()),
                    reason != nullptr ? reason : "");
    }
    using GetApiBase = const OrtApiBase* (*)();
    auto get_base = reinterpret_cast<GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
    if (get_base == nullptr) {
        return Fail(Code::kUnavailable, std::format("{} is not ONNX Runtime", path.string()));
    }
    const OrtApiBase* base = get_base();
    library.version = base->GetVersionString();
    library.api = base->GetApi(kApiVersion);
    if (library.api == nullptr) {
        return Fail(Code::kUnavailable,
                    std::format("{} is ONNX Runtime {}: version 1.{} or newer is needed",
                                path.string(), library.version, kApiVersion));
    }
    FACET_TRY_VOID(Require(*library.api,
                           library.api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "facet", &library.env)));
    FACET_TRY_VOID(Require(*library.api, library.api->CreateCpuMemoryInfo(
                                             OrtDeviceAllocator, OrtMemTypeDefault, &library.cpu)));
    Dl_info info{};
    const bool found = ::dladdr(reinterpret_cast<void*>(get_base), &info) != 0;
    library.path = found && info.dli_fname != nullptr ? info.dli_fname : path;
    library.available = AvailableProviders(*library.api);
    return {};
}

/// Errors: kUnavailable (a provider is not there).
Result<void> CheckProviders(const Library& library, const Providers& providers) {
    for (const std::string& name : providers.names) {
        if (std::ranges::find(library.available, name) != library.available.end()) continue;
        return Fail(Code::kUnavailable,
                    std::format("models.providers = {}, but ONNX Runtime {} ({}) has: {}",
                                JoinNames(providers.names), library.version, library.path.string(),
                                JoinNames(library.available)));
    }
    FACET_TRY_VOID(TryOut(library, providers));
    // Providers bring it, and are unloaded at the end of the process before its threads have gone.
    ::dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    return {};
}

std::vector<std::filesystem::path> Candidates(const std::filesystem::path& asked) {
    if (!asked.empty()) return {asked};
    if (const char* set = std::getenv("FACET_ONNXRUNTIME"); set != nullptr && *set != '\0') {
        return {set};
    }
    return {"libonnxruntime.so.1.21", "libonnxruntime.so"};
}

/// Number of values of a shape whose dimensions are all positive; nothing otherwise.
std::optional<std::size_t> Count(const Shape& shape) {
    std::size_t count = 1;
    for (const std::int64_t dimension : shape) {
        if (dimension <= 0) return std::nullopt;
        const auto size = static_cast<std::size_t>(dimension);
        if (count > std::numeric_limits<std::size_t>::max() / sizeof(float) / size) {
            return std::nullopt;
        }
        count *= size;
    }
    return count;
}

std::string ToText(const Shape& shape) {
    std::string text = "[";
    for (const std::int64_t dimension : shape) {
        if (text.size() > 1) text += ',';
        text += dimension < 0 ? "?" : std::to_string(dimension);
    }
    return text + ']';
}

bool Fits(const Shape& declared, const Shape& given) {
    return std::ranges::equal(declared, given, [](std::int64_t want, std::int64_t have) {
        return want < 0 || want == have;
    });
}

class OrtNetwork final : public Session {
public:
    OrtNetwork(std::shared_ptr<const Library> library, Handle<OrtSession> session,
               const ProviderLimits& limits)
        : library_(std::move(library)), session_(std::move(session)), limits_(limits) {}

    /// Reads names and shapes. Errors: kCorrupt (a model that is not float32 in and out).
    Result<void> Describe() {
        const OrtApi& api = *library_->api;
        std::size_t count = 0;
        FACET_TRY_VOID(Require(api, api.SessionGetInputCount(session_.get(), &count)));
        for (std::size_t i = 0; i < count; ++i) {
            FACET_TRY(info, DescribeOne(i, api.SessionGetInputName, api.SessionGetInputTypeInfo));
            if (limits_.one_picture_at_a_time && !info.shape.empty() && info.shape[0] < 0) {
                info.shape[0] = 1;
            }
            inputs_.push_back(std::move(info));
        }
        FACET_TRY_VOID(Require(api, api.SessionGetOutputCount(session_.get(), &count)));
        for (std::size_t i = 0; i < count; ++i) {
            FACET_TRY(info, DescribeOne(i, api.SessionGetOutputName, api.SessionGetOutputTypeInfo));
            outputs_.push_back(std::move(info));
        }
        return {};
    }

    const std::vector<TensorInfo>& inputs() const noexcept override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const noexcept override { return outputs_; }

    Result<std::vector<Tensor>> Run(std::span<const TensorView> inputs) const override {
        const OrtApi& api = *library_->api;
        FACET_TRY_VOID(CheckInputs(inputs));

        std::vector<Handle<OrtValue>> owned;
        std::vector<const OrtValue*> input_values;
        std::vector<const char*> input_names;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const TensorView& input = inputs[i];
            OrtValue* value = nullptr;
            // The runtime only reads inputs; its C signature has no const.
            FACET_TRY_VOID(
                Require(api, api.CreateTensorWithDataAsOrtValue(
                                 library_->cpu, const_cast<float*>(input.values.data()),
                                 input.values.size_bytes(), input.shape.data(), input.shape.size(),
                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value)));
            owned.emplace_back(value, api.ReleaseValue);
            input_values.push_back(value);
            input_names.push_back(inputs_[i].name.c_str());
        }
        std::vector<const char*> output_names;
        output_names.reserve(outputs_.size());
        for (const TensorInfo& output : outputs_) output_names.push_back(output.name.c_str());
        std::vector<OrtValue*> output_values(outputs_.size(), nullptr);

        std::unique_lock lock(running_, std::defer_lock);
        if (limits_.one_run_at_a_time) lock.lock();
        OrtStatus* status = api.Run(session_.get(), nullptr, input_names.data(),
                                    input_values.data(), input_values.size(), output_names.data(),
                                    output_names.size(), output_values.data());
        if (lock) lock.unlock();
        std::vector<Handle<OrtValue>> results;
        results.reserve(output_values.size());
        for (OrtValue* value : output_values) results.emplace_back(value, api.ReleaseValue);
        if (status != nullptr) {
            return Fail(Code::kInternal, "the model could not be run", Take(api, status).text);
        }
        std::vector<Tensor> tensors;
        tensors.reserve(results.size());
        for (const auto& value : results) {
            FACET_TRY(tensor, Copy(value.get()));
            tensors.push_back(std::move(tensor));
        }
        return tensors;
    }

private:
    Result<void> CheckInputs(std::span<const TensorView> inputs) const {
        if (inputs.size() != inputs_.size()) {
            return Fail(Code::kInvalidArgument, std::format("the model takes {} inputs, not {}",
                                                            inputs_.size(), inputs.size()));
        }
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const auto count = Count(inputs[i].shape);
            if (!count || !Fits(inputs_[i].shape, inputs[i].shape)) {
                return Fail(Code::kInvalidArgument,
                            std::format("input {} is {}, not {}", inputs_[i].name,
                                        ToText(inputs_[i].shape), ToText(inputs[i].shape)));
            }
            if (*count != inputs[i].values.size()) {
                return Fail(Code::kInvalidArgument,
                            std::format("input {} of shape {} has {} values", inputs_[i].name,
                                        ToText(inputs[i].shape), inputs[i].values.size()));
            }
        }
        return {};
    }

    template <class GetName, class GetType>
    Result<TensorInfo> DescribeOne(std::size_t index, GetName get_name, GetType get_type) const {
        const OrtApi& api = *library_->api;
        OrtAllocator* allocator = nullptr;
        FACET_TRY_VOID(Require(api, api.GetAllocatorWithDefaultOptions(&allocator)));
        char* name = nullptr;
        FACET_TRY_VOID(Require(api, get_name(session_.get(), index, allocator, &name)));
        TensorInfo info;
        info.name = name;
        FACET_TRY_VOID(Require(api, api.AllocatorFree(allocator, name)));

        OrtTypeInfo* type = nullptr;
        FACET_TRY_VOID(Require(api, get_type(session_.get(), index, &type)));
        const Handle<OrtTypeInfo> owned(type, api.ReleaseTypeInfo);
        const OrtTensorTypeAndShapeInfo* tensor = nullptr;  // owned by `type`
        FACET_TRY_VOID(Require(api, api.CastTypeInfoToTensorInfo(type, &tensor)));
        ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        if (tensor != nullptr) {
            FACET_TRY_VOID(Require(api, api.GetTensorElementType(tensor, &element)));
        }
        if (element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
            return Fail(Code::kCorrupt,
                        std::format("tensor {} of the model is not float32", info.name));
        }
        FACET_TRY(shape, ReadShape(*tensor));
        info.shape = std::move(shape);
        return info;
    }

    Result<Shape> ReadShape(const OrtTensorTypeAndShapeInfo& info) const {
        const OrtApi& api = *library_->api;
        std::size_t rank = 0;
        FACET_TRY_VOID(Require(api, api.GetDimensionsCount(&info, &rank)));
        Shape shape(rank);
        FACET_TRY_VOID(Require(api, api.GetDimensions(&info, shape.data(), rank)));
        return shape;
    }

    /// With the shape the tensor really has, which for some models is not the declared one.
    Result<Tensor> Copy(OrtValue* value) const {
        const OrtApi& api = *library_->api;
        if (value == nullptr) return Fail(Code::kInternal, "the model gave no output");
        OrtTensorTypeAndShapeInfo* info = nullptr;
        FACET_TRY_VOID(Require(api, api.GetTensorTypeAndShape(value, &info)));
        const Handle<OrtTensorTypeAndShapeInfo> owned(info, api.ReleaseTensorTypeAndShapeInfo);
        Tensor tensor;
        FACET_TRY(shape, ReadShape(*info));
        tensor.shape = std::move(shape);
        std::size_t count = 0;
        FACET_TRY_VOID(Require(api, api.GetTensorShapeElementCount(info, &count)));
        void* data = nullptr;
        FACET_TRY_VOID(Require(api, api.GetTensorMutableData(value, &data)));
        const auto* values = static_cast<const float*>(data);
        tensor.values.assign(values, values + count);
        return tensor;
    }

    std::shared_ptr<const Library> library_;  // outlives session_
    Handle<OrtSession> session_;
    const ProviderLimits limits_;
    mutable std::mutex running_;
    std::vector<TensorInfo> inputs_;
    std::vector<TensorInfo> outputs_;
};

class OrtRuntime final : public Runtime {
public:
    OrtRuntime(std::shared_ptr<const Library> library, Providers providers)
        : library_(std::move(library)), providers_(std::move(providers)) {}

    std::string version() const override { return library_->version; }
    const std::filesystem::path& library() const noexcept override { return library_->path; }
    const std::vector<std::string>& available() const noexcept override {
        return library_->available;
    }
    const std::vector<std::string>& providers() const noexcept override { return providers_.names; }
    std::shared_ptr<Runtime> OnCpu() const override {
        return std::make_shared<OrtRuntime>(library_, Providers{});
    }

    Result<std::unique_ptr<Session>> Open(const std::filesystem::path& model,
                                          const SessionOptions& options) override {
        std::error_code ignored;
        if (!std::filesystem::is_regular_file(model, ignored)) {
            return Fail(Code::kNotFound, std::format("no model file {}", model.string()));
        }
        const OrtApi& api = *library_->api;
        FACET_TRY(settings, MakeOptions(api, providers_, options));
        OrtSession* session = nullptr;
        OrtStatus* status = nullptr;
        {
            const SayOnTerminate last_words(std::format("models.providers = {}, model {}",
                                                        JoinNames(providers_.names),
                                                        model.filename().string()));
            status = api.CreateSession(library_->env, model.c_str(), settings.get(), &session);
        }
        if (status != nullptr) {
            const Failure failure = Take(api, status);
            if (failure.code == ORT_NO_SUCHFILE) {
                return Fail(Code::kNotFound, std::format("no model file {}", model.string()));
            }
            return Fail(
                Code::kCorrupt,
                std::format("{} is not a model this runtime reads", model.filename().string()),
                failure.text);
        }
        auto network = std::make_unique<OrtNetwork>(
            library_, Handle<OrtSession>(session, api.ReleaseSession), LimitsOf(providers_.names));
        FACET_TRY_VOID(network->Describe());
        return network;
    }

private:
    std::shared_ptr<const Library> library_;
    const Providers providers_;
};

}  // namespace

Result<std::shared_ptr<Runtime>> Runtime::Load(const RuntimeOptions& options) {
    const QuietStderr quiet;
    std::string tried;
    for (const std::filesystem::path& path : Candidates(options.library)) {
        auto library = std::make_shared<Library>();
        const auto opened = OpenLibrary(*library, path);
        if (opened) {
            Providers providers{.names = options.providers, .device_id = options.device_id};
            FACET_TRY_VOID(CheckProviders(*library, providers));
            return std::make_shared<OrtRuntime>(std::move(library), std::move(providers));
        }
        if (opened.error().code != Code::kUnavailable) return std::unexpected(opened.error());
        if (!tried.empty()) tried += "; ";
        tried += opened.error().message;
        if (!opened.error().detail.empty()) tried += " (" + opened.error().detail + ")";
    }
    return Fail(Code::kUnavailable, "ONNX Runtime is not available: " + tried);
}

}  // namespace facet::infer
