#include "base/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <format>
#include <fstream>
#include <limits>
#include <sstream>
#include <variant>

#include <toml++/toml.hpp>

extern char** environ;

namespace facet {
namespace {

using Target = std::variant<bool*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
                            log::Level*, log::Format*>;

/// Whether a value may be shown. A secret can also be given as NAME_FILE, the path of a file that
/// holds it.
enum class Kept : std::uint8_t { kOpen, kSecret };

struct Setting {
    std::string_view key;
    std::string_view standard;  // default
    Target (*target)(Settings&);
    std::string_view meaning;
    double low = 0;
    double high = 1e18;
    std::string_view alias = {};  // environment name of the original system
    Kept kept = Kept::kOpen;
};

#define FACET_SETTING(member) [](Settings& s) -> Target { return &s.member; }

constexpr double kMebi = 1024.0 * 1024.0;

const std::array kSettings = {
    Setting{"data.folder", "./data", FACET_SETTING(data.folder),
            "Where everything is kept: database, originals, crops."},
    Setting{"data.database", "", FACET_SETTING(data.database),
            "Database file; empty: facet.db in the data folder."},
    Setting{"models.folder", "./models", FACET_SETTING(models.folder), "Where model packs are."},
    Setting{"models.pack", "", FACET_SETTING(models.pack),
            "Pack to use; empty: the one chosen by `facet models use`."},
    Setting{"models.onnxruntime", "", FACET_SETTING(models.onnxruntime),
            "ONNX Runtime library to load; empty: the system's."},
    Setting{"server.address", "127.0.0.1", FACET_SETTING(server.address),
            "Address to listen on; other than loopback only with server.token."},
    Setting{"server.port", "8080", FACET_SETTING(server.port), "Port; 0: any free one.", 0, 65535},
    Setting{"server.threads", "8", FACET_SETTING(server.threads), "Requests answered at once.", 1,
            256},
    Setting{"server.max_connections", "512", FACET_SETTING(server.max_connections),
            "Open connections at most.", 8, 10000},
    Setting{"server.web_root", "", FACET_SETTING(server.web_root),
            "Folder of the web page's files; empty: ../share/facet/web from the program."},
    Setting{"server.token",
            "",
            FACET_SETTING(server.token),
            "Secret that every request must carry (Authorization: Bearer); empty: none.",
            0,
            0,
            {},
            Kept::kSecret},
    Setting{"watch.enabled", "true", FACET_SETTING(watch.enabled), "Take in files by themselves."},
    Setting{"watch.folder", "", FACET_SETTING(watch.folder),
            "Folder to watch; empty: watch in the data folder."},
    Setting{"watch.move_to", "", FACET_SETTING(watch.move_to),
            "Accepted files are moved there; empty: they stay."},
    Setting{"watch.settle_milliseconds", "500", FACET_SETTING(watch.settle_milliseconds),
            "A file is complete after this long without change.", 10, 600000},
    Setting{"watch.rescan_seconds", "60", FACET_SETTING(watch.rescan_seconds),
            "Look for files that no event told of this often.", 1, 86400},
    Setting{"upload.max_bytes", "536870912", FACET_SETTING(upload.max_bytes),
            "Size of one upload request and of one file at most.", kMebi, 1e15, "MAX_UPLOAD_SIZE"},
    Setting{"media.max_bytes", "268435456", FACET_SETTING(media.max_bytes),
            "Size of a picture file that is decoded at most.", kMebi, 1e12},
    Setting{"media.max_pixels", "100000000", FACET_SETTING(media.max_pixels),
            "Width times height of a picture at most.", 1e4, 1e10},
    Setting{"media.max_frames", "10000", FACET_SETTING(media.max_frames),
            "Frames or pages of a picture file at most.", 1, 1e6},
    Setting{"media.max_decoded_bytes", "1073741824", FACET_SETTING(media.max_decoded_bytes),
            "Memory that decoding one picture may take.", kMebi, 1e12},
    Setting{"media.analysis_max_side", "2048", FACET_SETTING(media.analysis_max_side),
            "Pictures are analysed at this longest side at most.", 320, 16384},
    Setting{"detector.min_score", "0", FACET_SETTING(detector.min_score),
            "Faces with a lower detection score are dropped; 0: the pack's own threshold.", 0, 1},
    Setting{"detector.close_up", "true", FACET_SETTING(detector.close_up),
            "A second look at small scale, for faces that fill the frame."},
    Setting{"workers.count", "0", FACET_SETTING(workers.count),
            "Pictures analysed at once; 0: one per core.", 0, 256, "CELERY_WORKER_CONCURRENCY"},
    Setting{"workers.threads_per_model", "1", FACET_SETTING(workers.threads_per_model),
            "Threads of one forward pass.", 1, 64},
    Setting{"tasks.lease_seconds", "60", FACET_SETTING(tasks.lease_seconds),
            "A worker that is silent for this long loses its task.", 3, 3600},
    Setting{"tasks.max_attempts", "5", FACET_SETTING(tasks.max_attempts),
            "Attempts before a task is given up.", 1, 100},
    Setting{"tasks.keep_days", "30", FACET_SETTING(tasks.keep_days),
            "Finished tasks are forgotten after this long.", 1, 3650},
    Setting{"search.cache_bytes", "67108864", FACET_SETTING(search.cache_bytes),
            "Memory for cached answers and thumbnails.", 0, 1e12},
    Setting{"search.cache_ttl_seconds", "3600", FACET_SETTING(search.cache_ttl_seconds),
            "Life of a cached answer.", 1, 1e7},
    Setting{"log.level", "info", FACET_SETTING(log.level), "debug, info, warn or error."},
    Setting{"log.format", "auto", FACET_SETTING(log.format),
            "text, json, or auto: json when service.environment is production."},
    Setting{"service.environment", "development", FACET_SETTING(service.environment),
            "development or production; a label in logs and metrics.", 0, 0, "ENVIRONMENT"},
};

#undef FACET_SETTING

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
                constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn",
                                                                    "error"};
                const auto at = std::ranges::find(kNames, text);
                *target = static_cast<log::Level>(at - kNames.begin());
                return at != kNames.end();
            } else if constexpr (std::is_same_v<T, log::Format>) {
                *target = text == "json" ? log::Format::kJson : log::Format::kText;
                return text == "json" || text == "text" || text == "auto";
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
    return setting != nullptr && setting->kept == Kept::kSecret ? setting : nullptr;
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
                                    setting->kept == Kept::kSecret ? "***" : value, range, key,
                                    setting->meaning));
        }
        const bool hidden = setting->kept == Kept::kSecret && !value.empty();
        loaded_.entries.insert_or_assign(std::string(key),
                                         LoadedSettings::Entry{hidden ? "***" : value, origin});
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

    /// The database and queue addresses of the original system. Servers are not built in yet; going
    /// on with SQLite would look like it worked.
    Result<void> ReadServerUrl(std::string_view name, const std::string& value) {
        constexpr std::string_view kSqlite = "sqlite:///";
        if (name == "DATABASE_URL" && value.starts_with(kSqlite)) {
            return Set("data.database", value.substr(kSqlite.size()), std::string(name));
        }
        if (value.empty()) return {};
        return Fail(Code::kInvalidArgument,
                    std::format("{}: this build has no support for {} yet; unset it to use the "
                                "built-in database and queue",
                                name, value.substr(0, value.find(':'))));
    }

    Result<void> ReadEnvironment(const std::map<std::string, std::string>& environment) {
        for (const auto& [name, value] : environment) {
            if (name == "DATABASE_URL" || name == "REDIS_URL") {
                FACET_TRY_VOID(ReadServerUrl(name, value));
                continue;
            }
            if (std::ranges::find(kIgnored, name) != kIgnored.end()) continue;
            if (const Setting* const setting = FindByEnvironment(name)) {
                FACET_TRY_VOID(Set(setting->key, value, name));
            } else if (const Setting* const secret = FindSecretByFile(name)) {
                FACET_TRY(held, ReadSecret(value, name));
                FACET_TRY_VOID(Set(secret->key, held, name));
            } else if (name.starts_with("FACET_") && name.find("__") != std::string::npos) {
                return UnknownKey(KeyOf(name), name);
            }
        }
        return {};
    }

    LoadedSettings Finish() {
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

std::string SettingsReference() {
    std::string text =
        "# Settings\n\n"
        "From weakest to strongest: the default, `facet.toml`, the environment, `--set "
        "key=value`. An unknown key stops the start.\n\n"
        "| setting | default | environment | meaning |\n| --- | --- | --- | --- |\n";
    for (const Setting& setting : kSettings) {
        std::string names = "`" + EnvironmentName(setting.key) + "`";
        if (!setting.alias.empty()) names += std::format(", `{}`", setting.alias);
        if (setting.kept == Kept::kSecret) names += ", or …`_FILE`";
        text += std::format("| `{}` | {} | {} | {} |\n", setting.key,
                            setting.standard.empty() ? std::string("(empty)")
                                                     : std::format("`{}`", setting.standard),
                            names, setting.meaning);
    }
    text +=
        "\nA secret is shown as `***`; with `_FILE` behind its environment name the value is the "
        "path "
        "of a file whose first line it is.\n\nThe original system's `DATABASE_URL=sqlite:///file` "
        "sets `data.database`; its "
        "`SECRET_KEY`, `UPLOAD_FOLDER`, `PROCESSED_FOLDER`, `EMBEDDINGS_FOLDER` and "
        "`SERVICE_VERSION` are accepted and have no effect.\n";
    return text;
}

}  // namespace facet
