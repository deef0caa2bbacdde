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

TEST(Settings, AddressesOfServersAreTakenAndNotShown) {
    const auto loaded = LoadSettings(Source(
        {{"DATABASE_URL", "postgresql://u:hush-hush@h/d"}, {"REDIS_URL", "redis://:hush-hush@h"}}));
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->settings.database.url, "postgresql://u:hush-hush@h/d");
    EXPECT_EQ(loaded->settings.redis.url, "redis://:hush-hush@h");
    EXPECT_EQ(PrintSettings(*loaded).find("hush-hush"), std::string::npos);
}

TEST(Settings, ADatabaseServerIsNamedByItsAddress) {
    for (const char* url :
         {"postgresql://u:hush-hush@h/d", "postgresql+asyncpg://u:hush-hush@h/d"}) {
        const auto loaded = LoadSettings(Source({{"DATABASE_URL", url}}));
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(loaded->settings.database.url, "postgresql://u:hush-hush@h/d");
        EXPECT_EQ(loaded->settings.data.database, "");
        const std::string printed = PrintSettings(*loaded);
        EXPECT_NE(printed.find("postgresql://u:***@h/d"), std::string::npos);
        EXPECT_EQ(printed.find("hush-hush"), std::string::npos);
    }
    for (const char* wrong :
         {"mysql://u:hush-hush@h/d", "host=h password=hush-hush", "u:hush-hush@h"}) {
        const std::string message = MessageOf(Source({{"DATABASE_URL", wrong}}));
        EXPECT_NE(message.find("postgresql://user@host:port/name"), std::string::npos) << wrong;
        EXPECT_EQ(message.find("hush-hush"), std::string::npos) << message;
        EXPECT_EQ(MessageOf(Source({}, {std::string("database.url=") + wrong})).find("hush-hush"),
                  std::string::npos);
    }
    EXPECT_TRUE(LoadSettings(Source({{"DATABASE_URL", ""}})));
}

TEST(Settings, SecretsAreTakenButNotPrinted) {
    const auto loaded = LoadSettings(Source({{"STORAGE_URL", "s3://photos"},
                                             {"AWS_ACCESS_KEY_ID", "the-key"},
                                             {"AWS_SECRET_ACCESS_KEY", "hush-1"},
                                             {"AWS_SESSION_TOKEN", "hush-2"}}));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.storage.url, "s3://photos");
    EXPECT_EQ(loaded->settings.storage.access_key_id, "the-key");
    EXPECT_EQ(loaded->settings.storage.secret_access_key, "hush-1");
    EXPECT_EQ(loaded->settings.storage.session_token, "hush-2");
    const std::string printed = PrintSettings(*loaded);
    EXPECT_EQ(printed.find("hush"), std::string::npos);
    EXPECT_NE(printed.find("***"), std::string::npos);
    EXPECT_NE(printed.find("AWS_SECRET_ACCESS_KEY"), std::string::npos);
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

TEST(Settings, RedisIsReadAndItsPasswordNeverShown) {
    const auto loaded = LoadSettings(Source(
        {{"REDIS_URL", "redis://:s3cret@queue:6380/2"}, {"FACET_REDIS__QUEUES", "faces,celery"}}));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.redis.url, "redis://:s3cret@queue:6380/2");
    EXPECT_EQ(loaded->settings.redis.queues, (std::vector<std::string>{"faces", "celery"}));
    EXPECT_EQ(PrintSettings(*loaded).find("s3cret"), std::string::npos);
    EXPECT_EQ(LoadSettings(Source())->settings.redis.queues, std::vector<std::string>{"celery"});
    EXPECT_EQ(LoadSettings(Source({{"REDIS_URL", ""}}))->settings.redis.url, "");
    const std::string wrong = MessageOf(Source({{"REDIS_URL", "http://:s3cret@queue"}}));
    EXPECT_EQ(wrong.find("s3cret"), std::string::npos);
    EXPECT_NE(wrong.find("REDIS_URL: redis.url"), std::string::npos) << wrong;
    EXPECT_NE(MessageOf(Source({}, {"redis.queues=a,,b"})).find("is not a value"),
              std::string::npos);
    EXPECT_NE(MessageOf(Source({}, {"celery.remote_control=some"})).find("off, read or full"),
              std::string::npos);
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

    std::ofstream(file) << "postgresql+psycopg2://u:horse@h/d\n";
    source.environment = {{"DATABASE_URL_FILE", file.string()}};
    loaded = LoadSettings(source);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.database.url, "postgresql://u:horse@h/d");
    EXPECT_EQ(PrintSettings(*loaded).find("horse"), std::string::npos);

    source.environment = {{"FACET_SERVER__TOKEN_FILE", (folder.path() / "absent").string()}};
    EXPECT_EQ(LoadSettings(source).error().code, Code::kNotFound);
    source.environment = {{"FACET_SERVER__PORT_FILE", file.string()}};  // not a secret
    EXPECT_EQ(LoadSettings(source).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace facet
