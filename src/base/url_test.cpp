#include "base/url.hpp"

#include <gtest/gtest.h>

namespace facet {
namespace {

TEST(RedactedUrl, HidesPasswordsOnly) {
    EXPECT_EQ(RedactedUrl("postgresql://facet:s3cret@db:5432/facet?sslmode=require"),
              "postgresql://facet:***@db:5432/facet?sslmode=require");
    EXPECT_EQ(RedactedUrl("redis://:s3cret@cache:6379/0"), "redis://:***@cache:6379/0");
    EXPECT_EQ(RedactedUrl("postgresql://facet@db:5432/facet"), "postgresql://facet@db:5432/facet");
    EXPECT_EQ(RedactedUrl("postgresql://db:5432/facet"), "postgresql://db:5432/facet");
    EXPECT_EQ(RedactedUrl("postgresql:///facet?host=/run/postgresql"),
              "postgresql:///facet?host=/run/postgresql");
    EXPECT_EQ(RedactedUrl("sqlite:///data/facet.db"), "sqlite:///data/facet.db");
    EXPECT_EQ(RedactedUrl(""), "");
}

TEST(RedactedUrl, HidesPasswordsInParameters) {
    EXPECT_EQ(RedactedUrl("postgresql://db/facet?user=u&password=s3cret&sslpassword=s3cret&x=1"),
              "postgresql://db/facet?user=u&password=***&sslpassword=***&x=1");
    EXPECT_EQ(RedactedUrl("postgresql://db/facet?p%61ssword=s3cret"),
              "postgresql://db/facet?p%61ssword=***");
}

TEST(RedactedUrl, ShowsNoPartOfAPasswordThatIsNotEscaped) {
    for (const char* url :
         {"postgresql://facet:s3@cret@db/facet", "postgresql://facet:s3?cret@db/facet",
          "postgresql://facet:s3/cret@db/facet", "postgresql://facet:s3:cret@db/facet",
          "host=db password=s3cret", "facet:s3cret@db"}) {
        const std::string shown = RedactedUrl(url);
        EXPECT_FALSE(shown.contains("s3")) << shown;
        EXPECT_FALSE(shown.contains("cret")) << shown;
    }
}

}  // namespace
}  // namespace facet
