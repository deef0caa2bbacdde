#include "base/settings.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "testing/testdata.hpp"

namespace facet {
namespace {

SettingsSource Source(std::map<std::string, std::string> environment = {},
                      std::vector<std::string> overrides = {}) {
    return {.file = {},
            .overrides = std::move(overrides),
            .environment = std::move(environment),
            .use_process_environment = false};
}

std::string MessageOf(const SettingsSource& source) {
    const auto loaded = LoadSettings(source);
    return loaded ? std::string("(loaded)") : loaded.error().message;
}

TEST(Settings, StrongerSourcesWin) {
    testing::TempFolder folder;
    const auto file = folder.path() / "facet.toml";
    std::ofstream(file) << "[server]\nport = 1001\nthreads = 3\nmax_connections = 20\n";
    SettingsSource source = Source({{"FACET_SERVER__PORT", "1002"}, {"FACET_SERVER__THREADS", "4"}},
                                   {"server.port=1003"});
    source.file = file;
    const auto loaded = LoadSettings(source);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.server.port, 1003U);
    EXPECT_EQ(loaded->settings.server.threads, 4U);
    EXPECT_EQ(loaded->settings.server.max_connections, 20U);
    EXPECT_EQ(loaded->settings.server.address, "127.0.0.1");
    EXPECT_EQ(loaded->entries.at("server.port").origin, "command line");
    EXPECT_EQ(loaded->entries.at("server.threads").origin, "FACET_SERVER__THREADS");
    EXPECT_EQ(loaded->entries.at("server.max_connections").origin, file.string() + ":4");
    EXPECT_EQ(loaded->entries.at("server.address").origin, "default");
}

TEST(Settings, AnUnknownKeyStopsTheStartAndNamesTheNearest) {
    testing::TempFolder folder;
    const auto file = folder.path() / "facet.toml";
    std::ofstream(file) << "[server]\nprot = 1\n";
    SettingsSource source = Source();
    source.file = file;
    EXPECT_EQ(MessageOf(source),
              file.string() + ":2: there is no setting server.prot; did you mean server.port?");
    EXPECT_NE(MessageOf(Source({{"FACET_WATCH__ENABLE", "1"}})).find("watch.enabled"),
              std::string::npos);
    EXPECT_NE(MessageOf(Source({}, {"upload.max=1"})).find("upload.max_bytes"), std::string::npos);
    EXPECT_EQ(MessageOf(Source({{"FACET_TESTDATA", "x"}})), "(loaded)");
}

TEST(Settings, ValuesOutsideTypeOrRangeAreRefused) {
    for (const char* wrong : {"server.port=70000", "server.port=-1", "server.port=x",
                              "server.port=", "detector.min_score=nan", "detector.min_score=2",
                              "watch.enabled=maybe", "log.level=loud", "log.format=xml"}) {
        EXPECT_NE(MessageOf(Source({}, {wrong})).find("is not a value"), std::string::npos)
            << wrong;
    }
    EXPECT_NE(MessageOf(Source({}, {"server.port"})).find("key=value"), std::string::npos);
    SettingsSource missing = Source();
    missing.file = "/nowhere/facet.toml";
    EXPECT_EQ(LoadSettings(missing).error().code, Code::kNotFound);
}

TEST(Settings, NamesOfTheOriginalSystemWork) {
    const auto loaded = LoadSettings(Source({{"MAX_UPLOAD_SIZE", "104857600"},
                                             {"CELERY_WORKER_CONCURRENCY", "4"},
                                             {"ENVIRONMENT", "production"},
                                             {"SECRET_KEY", "x"},
                                             {"DATABASE_URL", "sqlite:///var/facet.db"}}));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.upload.max_bytes, 104857600U);
    EXPECT_EQ(loaded->settings.workers.count, 4U);
    EXPECT_EQ(loaded->settings.log.format, log::Format::kJson);
    EXPECT_EQ(loaded->settings.data.database, "var/facet.db");
}

TEST(Settings, AServerThatThisBuildCannotUseIsNotIgnored) {
    EXPECT_NE(MessageOf(Source({{"DATABASE_URL", "postgresql://u:secret@h/d"}})).find("postgresql"),
              std::string::npos);
    EXPECT_EQ(MessageOf(Source({{"REDIS_URL", "redis://:secret@h"}})).find("secret"),
              std::string::npos);
}

TEST(Settings, TheReferenceListsEverySettingOnce) {
    const auto loaded = LoadSettings(Source());
    ASSERT_TRUE(loaded);
    const std::string reference = SettingsReference();
    for (const auto& [key, entry] : loaded->entries) {
        EXPECT_NE(reference.find("| `" + key + "` |"), std::string::npos) << key;
        EXPECT_NE(PrintSettings(*loaded).find(key), std::string::npos) << key;
    }
}

TEST(Settings, SecretsComeFromFilesAndAreNeverShown) {
    testing::TempFolder folder;
    const auto file = folder.path() / "token";
    std::ofstream(file) << "correct horse\n";
    SettingsSource source;
    source.use_process_environment = false;
    source.environment = {{"FACET_SERVER__TOKEN_FILE", file.string()}};
    auto loaded = LoadSettings(source);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.server.token, "correct horse");
    EXPECT_EQ(PrintSettings(*loaded).find("horse"), std::string::npos);
    EXPECT_NE(PrintSettings(*loaded).find("***"), std::string::npos);

    source.environment = {{"FACET_SERVER__TOKEN_FILE", (folder.path() / "absent").string()}};
    EXPECT_EQ(LoadSettings(source).error().code, Code::kNotFound);
    source.environment = {{"FACET_SERVER__PORT_FILE", file.string()}};  // not a secret
    EXPECT_EQ(LoadSettings(source).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace facet
