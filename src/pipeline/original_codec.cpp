#include "pipeline/original_codec.hpp"

#include <boost/json.hpp>

#include "pipeline/intake.hpp"

namespace facet::pipeline {

namespace json = boost::json;

Result<tasks::celery::Call> OriginalCodec::Encode(std::string_view name,
                                                  std::string_view payload) const {
    if (name != kProcessMedia) return TaskCodec::Encode(name, payload);
    FACET_TRY(media, ParseProcessMediaPayload(payload));
    return tasks::celery::Call{
        .name = std::string(kProcessUploadedFile),
        .args = json::serialize(json::array{media.value(), nullptr, "image"}),
        .kwargs = "{}"};
}

Result<tasks::celery::NameAndPayload> OriginalCodec::Decode(const tasks::celery::Call& call) const {
    if (call.name != kProcessUploadedFile) return TaskCodec::Decode(call);
    boost::system::error_code error;
    const json::value args = json::parse(call.args, error);
    const json::value kwargs = json::parse(call.kwargs, error);
    const json::value* id = nullptr;
    if (args.is_array() && !args.get_array().empty()) {
        id = &args.get_array().front();
    } else if (kwargs.is_object()) {
        id = kwargs.get_object().if_contains("file_id");
    }
    if (id == nullptr || !id->is_int64()) {
        return Fail(Code::kInvalidArgument, "process_uploaded_file needs the number of a file");
    }
    return tasks::celery::NameAndPayload{.name = std::string(kProcessMedia),
                                         .payload = ProcessMediaPayload(MediaId(id->get_int64()))};
}

}  // namespace facet::pipeline
