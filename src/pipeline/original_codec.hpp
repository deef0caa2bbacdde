#pragma once

#include <string_view>

#include "tasks/celery/codec.hpp"

namespace facet::pipeline {

/// What Celery knows kProcessMedia as.
inline constexpr std::string_view kProcessUploadedFile = "celery_tasks.process_uploaded_file";

/// The analysis of a media goes over a Celery queue as the original system's
/// `celery_tasks.process_uploaded_file(file_id, file_path, file_type)`: its producers and ours send
/// the same. The path and type it names do not matter, the media has both.
class OriginalCodec final : public tasks::celery::TaskCodec {
public:
    Result<tasks::celery::Call> Encode(std::string_view name,
                                       std::string_view payload) const override;
    Result<tasks::celery::NameAndPayload> Decode(const tasks::celery::Call& call) const override;
};

}  // namespace facet::pipeline
