#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/output.hpp"
#include "base/settings.hpp"

/// The commands, one file each. All return an ExitCode.
namespace facet::app {

int Serve(const Settings& settings, const Output& output);
/// The parts of Serve one by one, for processes that share PostgreSQL and Redis.
int Web(const Settings& settings, const Output& output);
int Worker(const Settings& settings, const Output& output);
int Watch(const Settings& settings, const Output& output);

/// Asks the process that the same settings configure whether it is ready, or alive.
struct HealthArguments {
    bool live = false;
};
int Health(const Settings& settings, const HealthArguments& arguments, const Output& output);

struct IngestArguments {
    std::vector<std::filesystem::path> paths;  // files and folders
};
int Ingest(const Settings& settings, const IngestArguments& arguments, const Output& output);

struct SearchArguments {
    std::filesystem::path picture;
    std::string face = "largest";  // or "all", or a number
    std::optional<float> threshold;
    std::size_t limit = 20;
};
int Search(const Settings& settings, const SearchArguments& arguments, const Output& output);

struct FacesArguments {
    std::filesystem::path picture;  // of a picture outside the library …
    std::string media;              // … or of a media by id
};
int Faces(const Settings& settings, const FacesArguments& arguments, const Output& output);

int Stats(const Settings& settings, const Output& output);
int Doctor(const Settings& settings, const Output& output);

struct UserArguments {
    std::string name;
    std::string scope = "read";
    std::string password_file;  // "-": standard input; empty: typed at the terminal
};
int UsersAdd(const Settings& settings, const UserArguments& arguments, const Output& output);
int UsersList(const Settings& settings, const Output& output);
/// Also ends the user's sessions.
int UsersPassword(const Settings& settings, const UserArguments& arguments, const Output& output);
int UsersRemove(const Settings& settings, const UserArguments& arguments, const Output& output);

struct KeyArguments {
    std::string name;
    std::string scope = "read";
    std::vector<std::string> collections;  // names; none: all of them
    std::optional<int> days;               // that it is valid for
};
int KeysCreate(const Settings& settings, const KeyArguments& arguments, const Output& output);
int KeysList(const Settings& settings, const Output& output);
int KeysRevoke(const Settings& settings, const std::string& id, const Output& output);

class Instance;
/// An entry in the audit log for what was done at the command line, and by whom.
Result<void> RecordCommand(Instance& instance, std::string_view action, std::string_view object,
                           boost::json::object detail);

struct MigrateArguments {
    std::string from = "sqlite";  // the configured one; or a data folder, or a database file
    std::string to = "postgres";  // the configured one; or an address
};
/// Moves a library from SQLite to PostgreSQL.
int Migrate(const Settings& settings, const MigrateArguments& arguments, const Output& output);

struct ExportArguments {
    std::string archive;                   // a file, or "-"
    std::vector<std::string> collections;  // empty: all
    bool without_originals = false;
};
int Export(const Settings& settings, const ExportArguments& arguments, const Output& output);

struct ImportArguments {
    std::string archive;
    std::string into;  // a collection
    bool analyse = false;
    bool dry_run = false;
};
int Import(const Settings& settings, const ImportArguments& arguments, const Output& output);

struct EraseArguments {
    std::vector<std::string> media;  // ids
    std::vector<std::string> faces;
    std::vector<std::string> people;
    std::vector<std::string> collections;  // names
    std::filesystem::path like;            // a photo of the person
    std::string match = "match";           // or "likely": how alike at least
    std::string reason;
    bool dry_run = false;
    bool yes = false;  // without asking
};
/// Removes people and pictures, and prints the receipt.
int Erase(const Settings& settings, const EraseArguments& arguments, const Output& output);

struct BenchArguments {
    std::size_t queries = 200;
    std::size_t k = 10;
};
/// Measures the search engines on the library itself: time, and recall of the approximate one
/// against the exact one.
int Bench(const Settings& settings, const BenchArguments& arguments, const Output& output);

struct EvaluateArguments {
    std::filesystem::path data;      // a folder with identities.csv
    std::vector<std::string> sets;   // names in its column "set"
    std::vector<std::string> packs;  // folders of packs; empty: the active one
};
int Evaluate(const Settings& settings, const EvaluateArguments& arguments, const Output& output);

struct FetchArguments {
    std::string pack;
    bool accept_licence = false;
    std::string url;  // replaces the catalogue's
};
int ModelsList(const Settings& settings, const Output& output);
int ModelsFetch(const Settings& settings, const FetchArguments& arguments, const Output& output);
int ModelsVerify(const Settings& settings, const std::string& pack, const Output& output);
int ModelsUse(const Settings& settings, const std::string& pack, const Output& output);
/// Makes sure that a pack is there and active: keeps an intact one, else gets the best it can.
int ModelsEnsure(const Settings& settings, bool accept_licence, const Output& output);

}  // namespace facet::app
