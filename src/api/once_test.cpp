#include "api/once.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

#include "api/errors.hpp"
#include "api/test_access.hpp"

namespace facet::api {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class OnceTest : public ::testing::Test {
protected:
    net::Response Ask(const net::Request& request, const std::string& content = "{}") {
        return AnswerOnce(*under_.access, {.request = request, .caller = caller_}, content, [&] {
            ++done_;
            return JsonResponse(status_, {{"done", done_}});
        });
    }

    static net::Request Keyed(const std::string& key) {
        net::Request request = MakeRequest("POST");
        request.headers["idempotency-key"] = key;
        return request;
    }

    static auto IsReplayed() {
        return Contains(Pair(std::string("Idempotency-Replayed"), std::string("true")));
    }

    AccessUnderTest under_;
    Caller caller_{.kind = Caller::Kind::kKey, .id = "1"};
    int done_ = 0;
    int status_ = 202;
};

TEST_F(OnceTest, WithoutTheHeaderEachRequestIsDone) {
    Ask(MakeRequest("POST"));
    const auto second = Ask(MakeRequest("POST"));
    EXPECT_EQ(second.body, R"({"done":2})");
    EXPECT_THAT(second.headers, Not(IsReplayed()));
}

TEST_F(OnceTest, ARepetitionGetsTheFirstAnswerAndIsNotDone) {
    const auto first = Ask(Keyed("k"));
    const auto second = Ask(Keyed("k"));
    EXPECT_EQ(done_, 1);
    EXPECT_EQ(second.status, 202);
    EXPECT_EQ(second.body, first.body);
    EXPECT_THAT(second.headers, IsReplayed());
    EXPECT_THAT(second.headers,
                Contains(Pair(std::string("Content-Type"), std::string("application/json"))));
    EXPECT_THAT(first.headers, Not(IsReplayed()));
}

TEST_F(OnceTest, AnErrorOfTheClientIsAnAnswerToo) {
    status_ = 415;
    Ask(Keyed("k"));
    EXPECT_EQ(Ask(Keyed("k")).status, 415);
    EXPECT_EQ(done_, 1);
}

TEST_F(OnceTest, AfterAnErrorOfTheServerTheRequestIsDoneAgain) {
    status_ = 503;
    EXPECT_EQ(Ask(Keyed("k")).status, 503);
    status_ = 202;
    EXPECT_EQ(Ask(Keyed("k")).status, 202);
    EXPECT_EQ(done_, 2);
}

TEST_F(OnceTest, TheSameKeyForAnotherRequestIsRefused) {
    Ask(Keyed("k"));
    const auto other_body = Ask(Keyed("k"), R"({"other":1})");
    EXPECT_EQ(other_body.status, 422);
    EXPECT_THAT(other_body.body, HasSubstr("idempotency_mismatch"));
    net::Request other_query = Keyed("k");
    other_query.query["collection"] = "family";
    EXPECT_EQ(Ask(other_query).status, 422);
    EXPECT_EQ(done_, 1);
}

TEST_F(OnceTest, TheKeysOfCallersAreTheirOwn) {
    Ask(Keyed("k"));
    caller_.id = "2";
    EXPECT_EQ(Ask(Keyed("k"), R"({"other":1})").status, 202);
    EXPECT_EQ(done_, 2);
}

TEST_F(OnceTest, WhileTheFirstIsUnderWayTheSecondIsRefused) {
    const net::Request request = Keyed("k");
    const Call call{.request = request, .caller = caller_};
    int inner = 0;
    const auto outer = AnswerOnce(*under_.access, call, "{}", [&] {
        inner = Ask(request).status;
        return JsonResponse(201, {});
    });
    EXPECT_EQ(inner, 409);
    EXPECT_EQ(outer.status, 201);
    EXPECT_EQ(done_, 0);
}

TEST_F(OnceTest, ARequestThatThrewMayBeRepeated) {
    const net::Request request = Keyed("k");
    const Call call{.request = request, .caller = caller_};
    EXPECT_THROW(AnswerOnce(*under_.access, call, "{}",
                            []() -> net::Response { throw std::runtime_error("broken"); }),
                 std::runtime_error);
    EXPECT_EQ(Ask(request).status, 202);
}

TEST_F(OnceTest, AKeyIsShortAndPlain) {
    for (const std::string& key :
         {std::string(), std::string(256, 'a'), std::string("a b"), std::string("\xc3\xa4")}) {
        EXPECT_EQ(Ask(Keyed(key)).status, 400) << key;
    }
    EXPECT_EQ(Ask(Keyed(std::string(255, 'a'))).status, 202);
}

TEST(UploadContent, DependsOnTheFilesTheirOrderAndTheFields) {
    const auto of = [](const std::vector<std::string>& files, const net::Params& fields) {
        UploadContent content;
        for (const std::string& file : files) content.AddFile(file);
        return content.Finish(fields);
    };
    EXPECT_EQ(of({"a", "b"}, {{"x", "1"}}), of({"a", "b"}, {{"x", "1"}}));
    EXPECT_NE(of({"a", "b"}, {}), of({"b", "a"}, {}));
    EXPECT_NE(of({"a", "b"}, {}), of({"ab"}, {}));
    EXPECT_NE(of({"a"}, {{"x", "1"}}), of({"a"}, {{"x", "2"}}));
    EXPECT_NE(of({"a"}, {{"x", "1"}}), of({"a", "x", "1"}, {}));
}

}  // namespace
}  // namespace facet::api
