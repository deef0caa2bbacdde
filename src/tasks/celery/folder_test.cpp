#include "tasks/celery/folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "base/clock.hpp"
#include "testing/testdata.hpp"

namespace facet::tasks::celery {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kNode = "facet@here";
const Envelope kEvent{.body = R"({"type":"worker-online"})"};

bool Eventually(const std::function<bool()>& condition) {
    const Deadline deadline = Deadline::After(std::chrono::seconds(20));
    while (!condition()) {
        if (deadline.Passed()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

std::string ReadText(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void WriteText(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

std::int64_t Now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

class CeleryFolder : public ::testing::Test {
protected:
    CeleryFolder() { Open(); }

    void Open() { folder_ = Folder::Open(path_, std::string(kNode)).value(); }
    void Close() { folder_.reset(); }

    std::vector<std::string> NamesIn(std::string_view part) const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(path_ / part)) {
            names.push_back(entry.path().filename().string());
        }
        std::ranges::sort(names);
        return names;
    }
    /// Messages of one queue.
    std::vector<std::string> In(std::string_view queue) const {
        auto names = NamesIn("messages");
        std::erase_if(names, [&](const std::string& name) {
            return !name.contains("." + std::string(queue) + ".msg");
        });
        return names;
    }
    std::string Table(std::string_view exchange) const {
        return ReadText(path_ / "tables" / (std::string(exchange) + ".exchange"));
    }
    void SetTable(std::string_view exchange, std::string_view rows) const {
        WriteText(path_ / "tables" / (std::string(exchange) + ".exchange"), rows);
    }
    fs::path MessagePath(std::string_view queue, std::int64_t age_ms = 0) const {
        return path_ / "messages" /
               (std::to_string(Now() - age_ms) + "_" + Uuid::Generate().ToString() + "." +
                std::string(queue) + ".msg");
    }
    /// What the other side sends.
    fs::path Send(std::string_view queue, std::string_view text, std::int64_t age_ms = 0) const {
        auto path = MessagePath(queue, age_ms);
        WriteText(path, text);
        return path;
    }

    testing::TempFolder root_;
    const fs::path path_ = root_.path() / "celery";
    std::unique_ptr<Folder> folder_;
};

/// What is taken from a queue, on a thread.
class Taker {
public:
    using Answer = std::function<Result<void>(std::string_view)>;
    Taker(Folder& folder, const std::string& queue, Answer answer = {})
        : thread_([this, &folder, queue, answer](const std::stop_token& stop) {
              folder.Consume(queue, stop, [&](std::string_view text) -> Result<void> {
                  {
                      const std::lock_guard lock(mutex_);
                      seen_.emplace_back(text);
                  }
                  return answer ? answer(text) : Result<void>();
              });
          }) {}

    std::vector<std::string> seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    bool Sees(std::size_t count) const {
        return Eventually([&] { return seen().size() >= count; });
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> seen_;
    std::jthread thread_;
};

// ---- the folder ------------------------------------------------------------------------------

TEST_F(CeleryFolder, IsForItsOwnerAloneAndOneProcess) {
    EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_all);
    EXPECT_EQ(Folder::Open(path_, "other@here").error().code, Code::kConflict);
    EXPECT_THAT(ReadText(path_ / "celeryconfig.py"), HasSubstr("broker_transport_options"));
}

TEST_F(CeleryFolder, OneThatAnyoneMayWriteIntoIsRefused) {
    Close();
    fs::permissions(path_, fs::perms::others_write, fs::perm_options::add);
    EXPECT_EQ(Folder::Open(path_, std::string(kNode)).error().code, Code::kForbidden);
}

TEST_F(CeleryFolder, ANodeIsPartOfFileNames) {
    Close();
    for (const std::string& node : {std::string("../x"), std::string(300, 'n'), std::string()}) {
        EXPECT_EQ(Folder::Open(path_, node).error().code, Code::kInvalidArgument) << node;
    }
}

// ---- events ----------------------------------------------------------------------------------

TEST_F(CeleryFolder, WithoutListenersNothingIsWritten) {
    ASSERT_TRUE(folder_->Publish(kEvent, "worker.online"));
    EXPECT_THAT(NamesIn("messages"), IsEmpty());
    EXPECT_THAT(NamesIn("unfinished"), IsEmpty());
}

TEST_F(CeleryFolder, EachListenerHasItsCopyOfWhatItAskedFor) {
    SetTable("celeryev", R"([["#", "^.*?$", "celeryev.all"], ["task.#", "", "celeryev.tasks"]])");
    ASSERT_TRUE(folder_->Publish(kEvent, "worker.online"));
    ASSERT_TRUE(folder_->Publish(kEvent, "task.multi"));
    EXPECT_THAT(In("celeryev.all"), SizeIs(2));
    ASSERT_THAT(In("celeryev.tasks"), SizeIs(1));
    const auto text = ReadText(path_ / "messages" / In("celeryev.tasks").front());
    EXPECT_EQ(DecodeEnvelope(text)->body, kEvent.body);
    EXPECT_THAT(NamesIn("unfinished"), IsEmpty());
}

TEST_F(CeleryFolder, NamesSortInTheOrderOfWriting) {
    SetTable("celeryev", R"([["#", "", "celeryev.all"]])");
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(folder_->Publish({.body = std::to_string(i)}, "task.multi"));
    }
    const auto names = In("celeryev.all");
    ASSERT_THAT(names, SizeIs(50));
    for (int i = 0; i < 50; ++i) {
        const auto text = ReadText(path_ / "messages" / names[static_cast<std::size_t>(i)]);
        EXPECT_EQ(DecodeEnvelope(text)->body, std::to_string(i));
    }
}

TEST_F(CeleryFolder, NoTableLeadsOutOfTheFolder) {
    SetTable("celeryev", R"([["#", "", "../../stolen"], ["#", "", ""], [1, 2, 3], 4])");
    ASSERT_TRUE(folder_->Publish(kEvent, "worker.online"));
    EXPECT_THAT(NamesIn("messages"), IsEmpty());
    EXPECT_EQ(folder_->Reply(kEvent, "../messages/x", "key").error().code, Code::kInvalidArgument);
    EXPECT_EQ(std::distance(fs::directory_iterator(root_.path()), {}), 1);
}

TEST_F(CeleryFolder, ABrokenTableIsMadeAnew) {
    SetTable("celery.pidbox", R"([["", "", "half)");
    std::jthread listener([&](const std::stop_token& stop) { folder_->Listen(stop, [](auto) {}); });
    EXPECT_TRUE(Eventually(
        [&] { return Table("celery.pidbox") == R"([["","","facet@here.celery.pidbox"]])"; }));
}

TEST_F(CeleryFolder, ATableThatIsLockedForGoodHoldsNobodyUp) {
    SetTable("celeryev", R"([["#", "", "celeryev.all"]])");
    const UniqueFd held(::open((path_ / "tables/celeryev.exchange").c_str(), O_RDWR));
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    EXPECT_EQ(folder_->Publish(kEvent, "worker.online").error().code, Code::kBusy);
}

// ---- requests and replies --------------------------------------------------------------------

TEST_F(CeleryFolder, ARequestIsHandledAndItsAnswerGoesToTheCaller) {
    Send("facet@here.celery.pidbox", "from before");
    SetTable("reply.celery.pidbox", R"([["other", "", "other.q"], ["me", "", "me.q"]])");
    std::atomic<int> handled = 0;
    {
        std::jthread listener([&](const std::stop_token& stop) {
            folder_->Listen(stop, [&](std::string_view request) {
                if (request == "hello") ++handled;
                if (request != "hello") handled += 100;
            });
        });
        const std::string row = R"(["","","facet@here.celery.pidbox"])";
        ASSERT_TRUE(Eventually([&] { return Table("celery.pidbox").contains(row); }));
        Send("other@here.celery.pidbox", "not ours");
        Send("facet@here.celery.pidbox", "hello");
        EXPECT_TRUE(Eventually([&] { return handled == 1; }));
    }
    EXPECT_EQ(handled, 1);
    EXPECT_EQ(Table("celery.pidbox"), "[]");
    ASSERT_TRUE(folder_->Reply(kEvent, "reply.celery.pidbox", "me"));
    ASSERT_TRUE(folder_->Reply(kEvent, "reply.celery.pidbox", "gone"));
    EXPECT_THAT(In("me.q"), SizeIs(1));
    EXPECT_THAT(In("other.q"), IsEmpty());
}

TEST_F(CeleryFolder, CallersThatComeAndGoDoNotPushOutOneThatStays) {
    std::vector<std::string> rows = {R"(["stays", "", "stays.q"])"};
    const auto write = [&] {
        std::string table;
        for (const auto& row : rows) table += (table.empty() ? "[" : ",") + row;
        SetTable("reply.celery.pidbox", table + "]");
    };
    for (int i = 0; i < 80; ++i) {  // as kombu does: new ones first
        rows.insert(rows.begin(), R"(["c)" + std::to_string(i) + R"(", "", "q"])");
    }
    write();
    ASSERT_TRUE(folder_->Reply(kEvent, "reply.celery.pidbox", "stays"));
    EXPECT_TRUE(Table("reply.celery.pidbox").starts_with(R"([["stays")"));
    for (int i = 0; i < 60; ++i) rows.push_back(R"(["d)" + std::to_string(i) + R"(", "", "q"])");
    write();
    folder_->Tidy();
    const std::string table = Table("reply.celery.pidbox");
    EXPECT_EQ(std::ranges::count(table, '['), 101);
    EXPECT_THAT(table, HasSubstr("stays"));
}

// ---- messages --------------------------------------------------------------------------------

TEST_F(CeleryFolder, MessagesComeInTheirOrderAndOnlyThoseOfTheQueue) {
    Send("celery", "second", 10);
    Send("celery", "first", 20);
    Send("x.celery", "another queue's");
    Taker taker(*folder_, "celery");
    ASSERT_TRUE(taker.Sees(2));
    Send("celery", "third");
    ASSERT_TRUE(taker.Sees(3));
    EXPECT_THAT(taker.seen(), ElementsAre("first", "second", "third"));
    EXPECT_TRUE(Eventually([&] { return NamesIn("taken").empty(); }));
    EXPECT_THAT(NamesIn("messages"), SizeIs(1));
}

TEST_F(CeleryFolder, AMessageIsTakenOnceItsWriterLetsGoOfIt) {
    const auto path = MessagePath("celery");
    const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CREAT, 0644));
    Taker taker(*folder_, "celery");
    Send("celery", "later");
    ASSERT_TRUE(taker.Sees(1));  // so it has seen the empty one, and left it
    EXPECT_THAT(taker.seen(), ElementsAre("later"));
    ASSERT_EQ(::flock(writer.get(), LOCK_EX), 0);
    ASSERT_EQ(::write(writer.get(), "half", 4), 4);
    Send("celery", "later still");
    ASSERT_TRUE(taker.Sees(2));
    ASSERT_EQ(::write(writer.get(), " and half", 9), 9);
    ASSERT_EQ(::flock(writer.get(), LOCK_UN), 0);
    ASSERT_TRUE(taker.Sees(3));
    EXPECT_EQ(taker.seen().back(), "half and half");
}

TEST_F(CeleryFolder, WhatCouldNotBeTakenOverIsOfferedAgainAlsoToALaterProcess) {
    Send("celery", "task");
    std::atomic<int> offers = 0;
    {
        Taker taker(*folder_, "celery", [&](auto) -> Result<void> {
            ++offers;
            return Fail(Code::kUnavailable, "the disk is full");
        });
        ASSERT_TRUE(Eventually([&] { return offers >= 2; }));
    }
    EXPECT_THAT(NamesIn("taken"), SizeIs(1));
    Close();
    Open();
    Taker taker(*folder_, "celery");
    ASSERT_TRUE(taker.Sees(1));
    EXPECT_TRUE(Eventually([&] { return NamesIn("taken").empty(); }));
    EXPECT_THAT(NamesIn("rejected"), IsEmpty());
}

TEST_F(CeleryFolder, WhatIsNoMessageIsSetAside) {
    const auto secret = root_.path() / "secret";
    WriteText(secret, "secret");
    fs::create_symlink(secret, MessagePath("celery"));
    fs::create_directory(MessagePath("celery"));
    ASSERT_EQ(::mkfifo(MessagePath("celery").c_str(), 0600), 0);
    Send("celery", "", 120'000);  // its writer died before it wrote
    const auto large = Send("celery", "x");
    fs::resize_file(large, kMostMessageBytes + 1);
    Send("celery", "garbage");
    Taker taker(*folder_, "celery",
                [](auto) -> Result<void> { return Fail(Code::kInvalidArgument, "no JSON"); });
    ASSERT_TRUE(Eventually([&] { return NamesIn("rejected").size() == 6; }));
    EXPECT_THAT(taker.seen(), ElementsAre("garbage"));
    EXPECT_EQ(ReadText(secret), "secret");
    EXPECT_THAT(NamesIn("messages"), IsEmpty());
    EXPECT_THAT(NamesIn("taken"), IsEmpty());
}

TEST_F(CeleryFolder, OnlySoManyAreKeptAside) {
    for (int i = 0; i < 110; ++i) Send("celery", "garbage", 110 - i);
    Taker taker(*folder_, "celery",
                [](auto) -> Result<void> { return Fail(Code::kInvalidArgument, "no JSON"); });
    ASSERT_TRUE(taker.Sees(110));
    EXPECT_TRUE(Eventually([&] { return NamesIn("rejected").size() == 100; }));
}

// ---- order -----------------------------------------------------------------------------------

TEST_F(CeleryFolder, AQueueThatNobodyReadsIsForgotten) {
    SetTable("celeryev", R"([["#", "", "celeryev.dead"], ["#", "", "celeryev.slow"],
                             ["#", "", "celeryev.full"], ["#", "", "mine.alive"]])");
    // The old one last: the folder tidies by itself, too, at its start.
    Send("celeryev.dead", "{}");
    Send("celeryev.dead", "{}", 61'000);
    Send("celeryev.slow", "{}", 30'000);
    Send("celeryev.orphan", "{}", 61'000);
    Send("gone@here.celery.pidbox", "{}", 61'000);
    Send("mine.alive", "{}", 30'000);
    for (int i = 0; i < 1'001; ++i) Send("celeryev.full", "{}");
    const auto task = Send("celery", "a task that waits for a worker", 3'600'000);
    folder_->Tidy();
    EXPECT_EQ(Table("celeryev"), R"([["#","","celeryev.slow"],["#","","mine.alive"]])");
    EXPECT_THAT(NamesIn("messages"), SizeIs(3));
    EXPECT_TRUE(fs::exists(task));
    EXPECT_THAT(In("celeryev.slow"), SizeIs(1));
}

TEST_F(CeleryFolder, FilesFromBeforeTheMachineStartedAreOld) {
    SetTable("celeryev", R"([["#", "", "celeryev.dead"]])");
    Send("celeryev.dead", "{}", -3'600'000);
    folder_->Tidy();
    EXPECT_EQ(Table("celeryev"), "[]");
}

TEST_F(CeleryFolder, ResultsAreKeptOfTasksFromWhichTheyAreExpected) {
    folder_->PutResult("nobody-asks", R"({"status": "SUCCESS"})");
    folder_->ExpectResult("one");
    const auto path = path_ / "results/celery-task-meta-one";
    EXPECT_THAT(ReadText(path), HasSubstr(R"("status": "PENDING")"));
    folder_->PutResult("one", R"({"status": "SUCCESS"})");
    folder_->ExpectResult("one");
    EXPECT_EQ(ReadText(path), R"({"status": "SUCCESS"})");
    EXPECT_THAT(NamesIn("results"), ElementsAre("celery-task-meta-one"));
}

TEST_F(CeleryFolder, ResultsOfYesterdayAreForgotten) {
    folder_->ExpectResult("old");
    folder_->ExpectResult("new");
    Close();
    fs::last_write_time(path_ / "results/celery-task-meta-old",
                        fs::file_time_type::clock::now() - std::chrono::hours(25));
    Open();
    EXPECT_TRUE(Eventually([&] { return NamesIn("results").size() == 1; }));
    EXPECT_THAT(NamesIn("results"), ElementsAre("celery-task-meta-new"));
}

}  // namespace
}  // namespace facet::tasks::celery
