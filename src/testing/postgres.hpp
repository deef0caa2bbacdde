#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/db/postgres.hpp"
#include "base/file.hpp"
#include "testing/testdata.hpp"

namespace facet::testing {

/// A PostgreSQL server of this process alone, on a socket in a folder of its own, without fsync.
/// It ends with the object, and with the thread that started it. Root runs it as user postgres.
class PostgresServer {
public:
    /// The programs of the newest version there is, Debian's place for them.
    static std::optional<std::filesystem::path> Programs() {
        std::optional<std::filesystem::path> newest;
        std::error_code ignored;
        for (const auto& version :
             std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
            const auto programs = version.path() / "bin";
            if (std::filesystem::exists(programs / "postgres") && (!newest || programs > *newest)) {
                newest = programs;
            }
        }
        return newest;
    }

    PostgresServer() {
        FACET_CHECK(::chown(folder_.path().c_str(), User().uid, User().gid) == 0);
        Copy();
        Start();
    }
    PostgresServer(const PostgresServer&) = delete;
    ~PostgresServer() { Stop(SIGQUIT); }

    void Start() {
        std::filesystem::remove(data_ / "postmaster.pid");
        process_ =
            Spawn({"postgres", "-D", data_, "-k", folder_.path(), "-c", "listen_addresses=", "-c",
                   "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off", "-c",
                   "shared_buffers=16MB", "-c", "max_connections=60"},
                  "server.log");
        const auto deadline = Deadline::After(std::chrono::seconds(60));
        while (!IsReady()) {
            FACET_CHECK(!deadline.Passed() && ::waitpid(process_, nullptr, WNOHANG) == 0);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    /// SIGINT: disconnects everyone and ends in order; SIGQUIT: as after a crash.
    void Stop(int how) {
        if (process_ <= 0) return;
        ::kill(process_, how);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }

    std::string Url(const std::string& database, const std::string& user = "postgres") const {
        return "postgresql://" + user + "@/" + database + "?host=" + folder_.path().string();
    }

    /// A new, empty database; its URL.
    std::string MakeDatabase() {
        static std::atomic<int> number = 0;
        const std::string name = "test_" + std::to_string(++number);
        auto server = postgres::Database::Open(Url("postgres"));
        EXPECT_TRUE(server) << server.error().detail;
        auto made = (*server)->Run("CREATE DATABASE " + name);
        EXPECT_TRUE(made) << made.error().detail;
        return Url(name);
    }

private:
    struct Account {
        uid_t uid;
        gid_t gid;
    };
    static Account User() {
        if (::geteuid() != 0) return {::geteuid(), ::getegid()};
        const passwd* found = ::getpwnam("postgres");
        if (found == nullptr) found = ::getpwnam("nobody");
        FACET_CHECK(found != nullptr);
        return {found->pw_uid, found->pw_gid};
    }

    /// One of PostgreSQL's programs, or any by its path, as a child that ends with this thread.
    pid_t Spawn(std::vector<std::string> arguments, const char* log) const {
        if (!arguments[0].starts_with('/')) arguments[0] = *Programs() / arguments[0];
        const std::string output = (folder_.path() / log).string();
        std::vector<char*> argv;
        argv.reserve(arguments.size() + 1);
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        const auto user = User();
        const pid_t child = ::fork();
        FACET_CHECK(child >= 0);
        if (child != 0) return child;
        const bool root = ::geteuid() == 0;
        if (root &&
            (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)) {
            ::_exit(127);
        }
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which would clear it
        const int fd = ::open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
        ::dup2(fd, STDOUT_FILENO);
        ::dup2(fd, STDERR_FILENO);
        ::close_range(3, ~0U, 0);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }

    void RunToEnd(const std::vector<std::string>& arguments, const char* log) const {
        int status = 0;
        const pid_t child = Spawn(arguments, log);
        FACET_CHECK(::waitpid(child, &status, 0) == child && status == 0);
    }

    /// initdb takes a second, a copy of its result a tenth: the first test program makes it, in the
    /// folder for temporary files, and it stays there.
    void Copy() const {
        namespace fs = std::filesystem;
        const std::string version = Programs()->parent_path().filename().string();
        const fs::path made = fs::temp_directory_path() /
                              ("facet-initdb-" + version + "-" + std::to_string(::geteuid()));
        const UniqueFd lock(::open((made.string() + ".lock").c_str(), O_CREAT | O_RDWR, 0600));
        FACET_CHECK(lock && ::flock(lock.get(), LOCK_EX) == 0);
        if (!fs::exists(made)) {
            RunToEnd({"initdb", "-D", data_, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "--no-sync", "--no-instructions", "--wal-segsize=1"},
                     "initdb.log");
            RunToEnd({"/bin/cp", "-r", data_, made.string() + ".new"}, "initdb.log");
            fs::rename(made.string() + ".new", made);
        } else {
            RunToEnd({"/bin/cp", "-r", made, data_}, "initdb.log");
        }
    }

    bool IsReady() const {
        // The eighth line is the state: src/include/utils/pidfile.h.
        std::ifstream file(data_ / "postmaster.pid");
        std::string line;
        for (int i = 0; i < 8; ++i) {
            if (!std::getline(file, line)) return false;
        }
        return line.starts_with("ready");
    }

    TempFolder folder_;
    const std::filesystem::path data_ = folder_.path() / "data";
    pid_t process_ = 0;
};

/// The server of this test program, started at its first use.
inline PostgresServer& Postgres() {
    static PostgresServer server;
    return server;
}

}  // namespace facet::testing

#define FACET_REQUIRE_POSTGRES()                       \
    if (!::facet::testing::PostgresServer::Programs()) \
    GTEST_SKIP() << "no PostgreSQL: install the packages of scripts/packages.txt"
