#include "pipeline/original_codec.hpp"

#include <gtest/gtest.h>

#include "pipeline/intake.hpp"

namespace facet::pipeline {
namespace {

using tasks::celery::Call;

TEST(OriginalCodec, AnAnalysisIsTheOriginalsTaskAndComesBack) {
    const OriginalCodec codec;
    const std::string payload = ProcessMediaPayload(MediaId(12));
    const auto call = codec.Encode(kProcessMedia, payload);
    ASSERT_TRUE(call) << call.error().message;
    EXPECT_EQ(call->name, "celery_tasks.process_uploaded_file");
    EXPECT_EQ(call->args, R"([12,null,"image"])");
    const auto back = codec.Decode(*call);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->name, kProcessMedia);
    EXPECT_EQ(back->payload, payload);
}

TEST(OriginalCodec, WhatPythonProducersSendIsUnderstood) {
    const OriginalCodec codec;
    const std::string name = "celery_tasks.process_uploaded_file";
    for (const Call& call :
         {Call{name, R"([7, "/data/raw/a.jpg", "image"])", "{}"},
          Call{name, "[]", R"({"file_id": 7, "file_path": "a.jpg", "file_type": "image"})"}}) {
        const auto task = codec.Decode(call);
        ASSERT_TRUE(task) << task.error().message;
        EXPECT_EQ(ParseProcessMediaPayload(task->payload).value(), MediaId(7));
    }
    for (const Call& call : {Call{name, "[]", "{}"}, Call{name, R"(["7"])", "{}"},
                             Call{name, "{", "["}, Call{name, "[null]", "{}"}}) {
        EXPECT_EQ(codec.Decode(call).error().code, Code::kInvalidArgument) << call.args;
    }
}

TEST(OriginalCodec, OtherTasksStayAsTheyAre) {
    const OriginalCodec codec;
    const auto task = codec.Decode({"celery_tasks.cluster_faces", "[3]", "{}"});
    ASSERT_TRUE(task);
    EXPECT_EQ(task->name, "celery_tasks.cluster_faces");
    const auto call = codec.Encode(task->name, task->payload);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->args, "[3]");
}

}  // namespace
}  // namespace facet::pipeline
