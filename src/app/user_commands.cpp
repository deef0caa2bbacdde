#include <pwd.h>
#include <termios.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <format>
#include <fstream>
#include <iostream>
#include <vector>

#include "api/accounts.hpp"
#include "api/setup_code.hpp"
#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "base/password.hpp"

/// facet users: for who can read the data folder, or reach the database, and so needs no login.
namespace facet::app {
namespace {

namespace json = boost::json;

/// The terminal does not show what is typed while this lives.
class NoEcho {
public:
    NoEcho() {
        known_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!known_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    NoEcho(const NoEcho&) = delete;
    ~NoEcho() {
        if (known_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }

private:
    termios before_{};
    bool known_ = false;
};

Result<std::string> ReadLine(std::istream& in) {
    std::string line;
    if (std::getline(in, line)) return line;
    return Fail(Code::kInvalidArgument, "no password was given");
}

Result<std::string> AskPassword() {
    const NoEcho no_echo;
    std::cerr << "Password: " << std::flush;
    FACET_TRY(first, ReadLine(std::cin));
    std::cerr << "\nOnce more: " << std::flush;
    FACET_TRY(second, ReadLine(std::cin));
    std::cerr << '\n';
    if (first != second) return Fail(Code::kInvalidArgument, "the two are not the same");
    return first;
}

/// The first line of a file ("-": of stdin), or what is typed at the terminal.
Result<std::string> ReadPassword(const std::string& file) {
    if (file == "-") return ReadLine(std::cin);
    if (!file.empty()) {
        std::ifstream in(file);
        if (!in) return Fail(Code::kNotFound, "the file " + file + " cannot be read");
        return ReadLine(in);
    }
    if (::isatty(STDIN_FILENO) == 0) {
        return Fail(Code::kInvalidArgument,
                    "there is no terminal to type the password at; use --password-file FILE, or - "
                    "for standard input");
    }
    return AskPassword();
}

Result<std::string> NewHash(const std::string& name, const std::string& file) {
    FACET_TRY(password, ReadPassword(file));
    FACET_TRY_VOID(api::CheckNewPassword(name, password));
    return Passwords().Hash(password);
}

Result<void> Add(Instance& instance, const UserArguments& arguments) {
    const auto scope = store::ParseScope(arguments.scope);
    if (!scope) return Fail(Code::kInvalidArgument, "--scope is read, write or admin");
    FACET_TRY_VOID(api::CheckUserName(arguments.name));
    FACET_TRY(there_are, instance.access().HasUsers());
    if (!there_are && *scope != store::Scope::kAdmin) {
        return Fail(Code::kConflict, "the first user must have the scope admin");
    }
    FACET_TRY(hash, NewHash(arguments.name, arguments.password_file));
    FACET_TRY(user, instance.access().AddUser(
                        {.name = arguments.name, .password = hash, .scope = *scope}));
    api::SetupCode(instance.settings().data.folder / "setup-code").Remove();
    return RecordCommand(instance, "user.create", user.name, {{"scope", arguments.scope}});
}

Result<void> SetPassword(Instance& instance, const UserArguments& arguments) {
    FACET_TRY(user, instance.access().FindUserByName(arguments.name));
    FACET_TRY(hash, NewHash(user.name, arguments.password_file));
    FACET_TRY_VOID(instance.access().SetPassword(user.uid, hash));
    return RecordCommand(instance, "user.change", user.name, {{"password", true}});
}

/// Who runs this program; the number where there is no name.
std::string OsUser() {
    constexpr std::size_t kRoom = 16'384;  // for what goes with a name
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    const uid_t uid = ::getuid();
    ::getpwuid_r(uid, &entry, room.data(), room.size(), &found);
    return found == nullptr ? std::to_string(uid) : std::string(entry.pw_name);
}

Result<void> Remove(Instance& instance, const UserArguments& arguments) {
    FACET_TRY(user, instance.access().FindUserByName(arguments.name));
    FACET_TRY_VOID(instance.access().DeleteUser(user.uid));
    return RecordCommand(instance, "user.delete", user.name, {});
}

int Run(const Settings& settings, const UserArguments& arguments, const Output& output,
        Result<void> (*command)(Instance&, const UserArguments&)) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    const auto done = command(**opened, arguments);
    if (!done) return output.Fail(done.error());
    if (output.json) Output::Json({{"user", arguments.name}});
    return kOk;
}

}  // namespace

Result<void> RecordCommand(Instance& instance, std::string_view action, std::string_view object,
                           json::object detail) {
    detail["os_user"] = OsUser();
    return instance.access().Record({.id = {},
                                     .at = {},
                                     .actor_kind = "local",
                                     .actor_id = {},
                                     .actor_name = "command line",
                                     .action = std::string(action),
                                     .object = std::string(object),
                                     .detail = json::serialize(detail),
                                     .address = {},
                                     .request_id = {}});
}

int UsersAdd(const Settings& settings, const UserArguments& arguments, const Output& output) {
    return Run(settings, arguments, output, Add);
}

int UsersPassword(const Settings& settings, const UserArguments& arguments, const Output& output) {
    return Run(settings, arguments, output, SetPassword);
}

int UsersRemove(const Settings& settings, const UserArguments& arguments, const Output& output) {
    return Run(settings, arguments, output, Remove);
}

int UsersList(const Settings& settings, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    const auto users = (*opened)->access().ListUsers();
    if (!users) return output.Fail(users.error());
    json::array items;
    for (const store::User& user : *users) {
        const std::string seen =
            user.last_login_at ? FormatTimestamp(*user.last_login_at) : std::string("never");
        if (output.json) {
            items.push_back(json::object{
                {"id", user.uid.ToString()},
                {"name", user.name},
                {"scope", store::ScopeName(user.scope)},
                {"last_login_at", user.last_login_at ? json::value(seen) : json::value()}});
        } else {
            std::cout << std::format("{:5}  {:24}  {}\n", store::ScopeName(user.scope), user.name,
                                     seen);
        }
    }
    if (output.json) Output::Json({{"users", std::move(items)}});
    return users->empty() ? kNothing : kOk;
}

}  // namespace facet::app
