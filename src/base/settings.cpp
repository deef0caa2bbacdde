#include "base/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <format>
#include <fstream>
#include <limits>
#include <ranges>
#include <sstream>

#include <toml++/toml.hpp>

#include "base/db/redis.hpp"
#include "base/settings_table.hpp"
#include "base/url.hpp"

extern char** environ;

namespace facet {
namespace {

/// Names of the original system that mean nothing here: accepted, so that its .env files work.
constexpr std::array<std::string_view, 5> kIgnored = {
    "SECRET_KEY", "PROCESSED_FOLDER", "EMBEDDINGS_FOLDER", "SERVICE_VERSION", "UPLOAD_FOLDER"};

const Setting* FindSetting(std::string_view key) {
    const auto at = std::ranges::find(kSettings, key, &Setting::key);
    return at == kSettings.end() ? nullptr : &*at;
}

std::string EnvironmentName(std::string_view key) {
    std::string name = "FACET_";
    for (const char c : key) {
        if (c == '.')
            name += "__";
        else
            name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

/// Levenshtein distance, to name the key that was probably meant.
std::size_t Distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

std::unexpected<Error> UnknownKey(std::string_view key, std::string_view origin) {
    const auto& nearest = *std::ranges::min_element(
        kSettings, {}, [&](const Setting& one) { return Distance(one.key, key); });
    return Fail(Code::kInvalidArgument, std::format("{}: there is no setting {}; did you mean {}?",
                                                    origin, key, nearest.key));
}

template <class Number>
bool ParseNumber(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

/// Writes `text` into the setting; false: it does not fit the type or the range.
bool Assign(const Setting& setting, Settings& settings, const std::string& text) {
    const auto in_range = [&](double value) {
        return value >= setting.low && value <= setting.high;
    };
    return std::visit(
        [&](auto* target) {
            using T = std::remove_pointer_t<decltype(target)>;
            if constexpr (std::is_same_v<T, bool>) {
                *target = text == "true" || text == "1" || text == "yes";
                return *target || text == "false" || text == "0" || text == "no";
            } else if constexpr (std::is_arithmetic_v<T>) {
                T number{};
                if (!ParseNumber(text, number) || !in_range(static_cast<double>(number))) {
                    return false;
                }
                *target = number;
                return true;
            } else if constexpr (std::is_same_v<T, log::Level>) {
                const auto at = std::ranges::find(kLevelNames, text);
                *target = static_cast<log::Level>(at - kLevelNames.begin());
                return at != kLevelNames.end();
            } else if constexpr (std::is_same_v<T, log::Format>) {
                *target = text == "json" ? log::Format::kJson : log::Format::kText;
                return text == "json" || text == "text" || text == "auto";
            } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
                target->clear();
                for (const auto part : std::views::split(text, ',')) {
                    target->emplace_back(part.begin(), part.end());
                }
                return std::ranges::none_of(*target, &std::string::empty) && !target->empty();
            } else {
                *target = text;
                return true;
            }
        },
        setting.target(settings));
}

const Setting* FindByEnvironment(std::string_view name) {
    const auto at = std::ranges::find_if(kSettings, [&](const Setting& one) {
        return (!one.alias.empty() && one.alias == name) || EnvironmentName(one.key) == name;
    });
    return at == kSettings.end() ? nullptr : &*at;
}

/// The secret whose NAME_FILE `name` is.
const Setting* FindSecretByFile(std::string_view name) {
    constexpr std::string_view kSuffix = "_FILE";
    if (!name.ends_with(kSuffix)) return nullptr;
    name.remove_suffix(kSuffix.size());
    const Setting* const setting = FindByEnvironment(name);
    return setting != nullptr && setting->kept != Kept::kOpen ? setting : nullptr;
}

/// The first line of a file.
Result<std::string> ReadSecret(const std::filesystem::path& file, std::string_view origin) {
    std::ifstream in(file);
    std::string line;
    if (!in || !std::getline(in, line)) {
        return Fail(Code::kNotFound,
                    std::format("{}: {} cannot be read or is empty", origin, file.string()));
    }
    return line;
}

std::string Shown(const Setting& setting, const std::string& value) {
    switch (setting.kept) {
        case Kept::kOpen:
            break;
        case Kept::kSecret:
            return value.empty() ? value : "***";
        case Kept::kAddress:
            return RedactedUrl(value);
    }
    return value;
}

/// A value as it is written in a file or variable.
struct ToText {
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
    std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
    std::string operator()(const double* value) const { return std::format("{}", *value); }
    std::string operator()(const std::string* value) const { return *value; }
    std::string operator()(const std::filesystem::path* value) const { return value->string(); }
    std::string operator()(const log::Level* value) const {
        return std::string(kLevelNames.at(static_cast<std::size_t>(*value)));
    }
    std::string operator()(const log::Format* value) const {
        return *value == log::Format::kJson ? "json" : "text";
    }
    std::string operator()(const std::vector<std::string>* value) const {
        std::string text;
        for (const std::string& one : *value) text += (text.empty() ? "" : ",") + one;
        return text;
    }
};

class Loader {
public:
    Result<void> Set(std::string_view key, const std::string& value, const std::string& origin) {
        const Setting* const setting = FindSetting(key);
        if (setting == nullptr) return UnknownKey(key, origin);
        if (!Assign(*setting, loaded_.settings, value)) {
            std::string range;
            if (setting->high < 1e18 && setting->high > 0) {
                range = std::format(" between {} and {}", setting->low, setting->high);
            }
            return Fail(Code::kInvalidArgument,
                        std::format("{}: \"{}\" is not a value{} for {} ({})", origin,
                                    Shown(*setting, value), range, key, setting->meaning));
        }
        loaded_.entries.insert_or_assign(std::string(key),
                                         LoadedSettings::Entry{Shown(*setting, value), origin});
        return {};
    }

    Result<void> ReadFile(const std::filesystem::path& file) {
        toml::table table;
        try {
            table = toml::parse_file(file.string());
        } catch (const toml::parse_error& error) {
            return Fail(Code::kInvalidArgument,
                        std::format("{}:{}: {}", file.string(), error.source().begin.line,
                                    error.description()));
        }
        return ReadTable(table, "", file.string());
    }

    /// The database address of the original system: a file, or a server with the name of a Python
    /// driver in it (postgresql+asyncpg://).
    Result<void> ReadDatabaseUrl(const std::string& value, const std::string& origin) {
        constexpr std::string_view kSqlite = "sqlite:///";
        if (value.starts_with(kSqlite)) {
            return Set("data.database", value.substr(kSqlite.size()), origin);
        }
        std::string url = value;
        const auto scheme = url.find("://");
        if (url.starts_with("postgresql+") && scheme != std::string::npos) {
            url.replace(0, scheme, "postgresql");
        }
        return Set("database.url", url, origin);
    }

    Result<void> ReadEnvironment(const std::map<std::string, std::string>& environment) {
        for (const auto& [name, value] : environment) {
            if (name == "DATABASE_URL") {
                FACET_TRY_VOID(ReadDatabaseUrl(value, name));
                continue;
            }
            if (std::ranges::find(kIgnored, name) != kIgnored.end()) continue;
            if (const Setting* const setting = FindByEnvironment(name)) {
                FACET_TRY_VOID(Set(setting->key, value, name));
            } else if (const Setting* const secret = FindSecretByFile(name)) {
                FACET_TRY(held, ReadSecret(value, name));
                FACET_TRY_VOID(secret->alias == "DATABASE_URL" ? ReadDatabaseUrl(held, name)
                                                               : Set(secret->key, held, name));
            } else if (name.starts_with("FACET_") && name.find("__") != std::string::npos) {
                return UnknownKey(KeyOf(name), name);
            }
        }
        return {};
    }

    /// What the types alone do not say of the settings of Redis and Celery.
    Result<void> CheckRedis() const {
        const Settings& settings = loaded_.settings;
        const auto wrong = [&](const char* key, const std::string& why) {
            return Fail(Code::kInvalidArgument,
                        std::format("{}: {}: {}", loaded_.entries.at(key).origin, key, why));
        };
        if (!settings.redis.url.empty()) {
            if (auto url = redis::Url::Parse(settings.redis.url); !url) {
                return wrong("redis.url", url.error().message);
            }
        }
        constexpr std::array<std::string_view, 3> kModes = {"off", "read", "full"};
        if (std::ranges::find(kModes, settings.celery.remote_control) == kModes.end()) {
            return wrong("celery.remote_control", "it is off, read or full");
        }
        return {};
    }

    Result<LoadedSettings> Finish() {
        const std::string& database = loaded_.settings.database.url;
        if (!database.empty() && !database.starts_with("postgresql://") &&
            !database.starts_with("postgres://")) {
            return Fail(Code::kInvalidArgument,
                        loaded_.entries.at("database.url").origin +
                            ": database.url is not of the form postgresql://user@host:port/name");
        }
        if (loaded_.entries.at("log.format").value == "auto" &&
            loaded_.settings.service.environment == "production") {
            loaded_.settings.log.format = log::Format::kJson;
        }
        return std::move(loaded_);
    }

private:
    Result<void> ReadTable(const toml::table& table, const std::string& prefix,
                           const std::string& file) {
        for (const auto& [name, node] : table) {
            const std::string key = prefix + std::string(name.str());
            if (const toml::table* inner = node.as_table()) {
                FACET_TRY_VOID(ReadTable(*inner, key + ".", file));
                continue;
            }
            std::string value;
            if (const auto* text = node.as_string()) {
                value = text->get();
            } else {
                std::ostringstream out;
                node.visit([&](const auto& any) { out << any; });
                value = out.str();
            }
            FACET_TRY_VOID(Set(key, value, std::format("{}:{}", file, node.source().begin.line)));
        }
        return {};
    }

    static std::string KeyOf(std::string name) {
        name.erase(0, std::string_view("FACET_").size());
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (const auto at = name.find("__"); at != std::string::npos) name.replace(at, 2, ".");
        return name;
    }

    LoadedSettings loaded_;
};

std::map<std::string, std::string> ProcessEnvironment() {
    std::map<std::string, std::string> environment;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view entry = *at;
        if (const auto split = entry.find('='); split != std::string_view::npos) {
            environment.emplace(entry.substr(0, split), entry.substr(split + 1));
        }
    }
    return environment;
}

}  // namespace

Result<LoadedSettings> LoadSettings(const SettingsSource& source) {
    Loader loader;
    for (const Setting& setting : kSettings) {
        FACET_TRY_VOID(loader.Set(setting.key, std::string(setting.standard), "default"));
    }
    std::error_code ignored;
    if (!source.file.empty()) {
        if (!std::filesystem::exists(source.file, ignored)) {
            return Fail(Code::kNotFound, "there is no settings file " + source.file.string());
        }
        FACET_TRY_VOID(loader.ReadFile(source.file));
    } else if (std::filesystem::exists("facet.toml", ignored)) {
        FACET_TRY_VOID(loader.ReadFile("facet.toml"));
    }
    FACET_TRY_VOID(loader.ReadEnvironment(source.use_process_environment ? ProcessEnvironment()
                                                                         : source.environment));
    for (const std::string& one : source.overrides) {
        const auto split = one.find('=');
        if (split == std::string::npos) {
            return Fail(Code::kInvalidArgument, "--set wants key=value, not " + one);
        }
        FACET_TRY_VOID(loader.Set(one.substr(0, split), one.substr(split + 1), "command line"));
    }
    FACET_TRY_VOID(loader.CheckRedis());
    return loader.Finish();
}

std::string PrintSettings(const LoadedSettings& loaded) {
    std::string text;
    for (const Setting& setting : kSettings) {
        const auto& entry = loaded.entries.at(std::string(setting.key));
        text += std::format("{:28} {:32} {}\n", setting.key, entry.value, entry.origin);
    }
    return text;
}

std::vector<SettingRow> DescribeSettings(const Settings& settings) {
    Settings now = settings;
    Settings defaults;
    std::vector<SettingRow> rows;
    for (const Setting& setting : kSettings) {
        Assign(setting, defaults, std::string(setting.standard));
        const std::string value = std::visit(ToText{}, setting.target(now));
        rows.push_back({.key = setting.key,
                        .value = Shown(setting, value),
                        .standard = setting.standard,
                        .meaning = setting.meaning,
                        .changed = value != std::visit(ToText{}, setting.target(defaults))});
    }
    return rows;
}

std::string SettingsReference() {
    std::string text =
        "# Settings\n\n"
        "From weakest to strongest: the default, `facet.toml`, the environment, `--set "
        "key=value`. An unknown key stops the start.\n\n"
        "| setting | default | environment | meaning |\n| --- | --- | --- | --- |\n";
    for (const Setting& setting : kSettings) {
        std::string names = "`" + EnvironmentName(setting.key) + "`";
        if (!setting.alias.empty()) names += std::format(", `{}`", setting.alias);
        if (setting.kept != Kept::kOpen) names += ", or …`_FILE`";
        text += std::format("| `{}` | {} | {} | {} |\n", setting.key,
                            setting.standard.empty() ? std::string("(empty)")
                                                     : std::format("`{}`", setting.standard),
                            names, setting.meaning);
    }
    text +=
        "\nSecrets are shown as `***`; with `_FILE` behind its environment name the value is the "
        "path "
        "of a file whose first line it is.\n\nThe original system's `DATABASE_URL=sqlite:///file` "
        "sets `data.database`; its "
        "`SECRET_KEY`, `UPLOAD_FOLDER`, `PROCESSED_FOLDER`, `EMBEDDINGS_FOLDER` and "
        "`SERVICE_VERSION` are accepted and have no effect.\n";
    return text;
}

}  // namespace facet
