#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "base/log.hpp"
#include "base/settings.hpp"

namespace {

using namespace facet;
using namespace facet::app;

void ConfigureLog(const Settings& settings, bool quiet) {
    log::Options options;
    options.level = quiet ? log::Level::kWarn : settings.log.level;
    options.format = settings.log.format;
    options.version = FACET_VERSION;
    log::Configure(options);
}

int Run(int argc, char** argv) {
    CLI::App app("Facet finds every appearance of a face in your photos.", "facet");
    app.set_version_flag("--version", FACET_VERSION);
    app.require_subcommand(1);
    app.fallthrough();

    std::string config;
    std::vector<std::string> overrides;
    std::string data;
    std::string models;
    Output output;
    app.add_option("-c,--config", config, "Settings file (TOML); default ./facet.toml if there");
    app.add_option("-s,--set", overrides, "A setting, key=value; may be repeated");
    app.add_option("--data", data, "Data folder (setting data.folder)");
    app.add_option("--models", models, "Folder of model packs (setting models.folder)");
    app.add_flag("--json", output.json, "Write JSON for machines");

    auto* serve =
        app.add_subcommand("serve", "Run everything: web page, API, workers, watch folder");
    int port = -1;
    serve->add_option("--port", port, "Port (setting server.port)")->check(CLI::Range(0, 65535));

    auto* web = app.add_subcommand("web", "Run the web page and the API (PostgreSQL and Redis)");
    web->add_option("--port", port, "Port (setting server.port)")->check(CLI::Range(0, 65535));
    auto* worker = app.add_subcommand("worker", "Analyse what is queued (PostgreSQL and Redis)");
    int concurrency = -1;
    worker
        ->add_option("--concurrency", concurrency,
                     "Pictures analysed at once (setting workers.count)")
        ->check(CLI::Range(1, 256));
    auto* watch = app.add_subcommand("watch", "Run the watch folder (PostgreSQL and Redis)");
    HealthArguments health_arguments;
    auto* health = app.add_subcommand("health", "Ask a running process whether it is ready");
    health->add_flag("--live", health_arguments.live, "Only whether it answers");

    IngestArguments ingest_arguments;
    auto* ingest = app.add_subcommand("ingest", "Take in files and folders and analyse them");
    ingest->add_option("paths", ingest_arguments.paths, "Files and folders")->required();

    SearchArguments search_arguments;
    auto* search = app.add_subcommand("search", "Find the person of a picture in the library");
    search->add_option("picture", search_arguments.picture, "A picture of the person")->required();
    search->add_option("--face", search_arguments.face, "largest, all, or a number from 0");
    search->add_option("--threshold", search_arguments.threshold, "Lowest cosine, -1 to 1");
    search->add_option("--limit", search_arguments.limit, "At most so many results");

    FacesArguments faces_arguments;
    auto* faces = app.add_subcommand("faces", "List the faces of a picture or of a media");
    auto* picture = faces->add_option("picture", faces_arguments.picture, "A picture");
    faces->add_option("--media", faces_arguments.media, "Id of a media")->excludes(picture);

    auto* stats = app.add_subcommand("stats", "Count what is in the library");
    auto* doctor = app.add_subcommand("doctor", "Check that every part works");

    auto* users = app.add_subcommand("users", "Who may log in");
    users->require_subcommand(1);
    UserArguments user_arguments;
    const auto with_user = [&](const char* name, const char* text, bool password) {
        auto* command = users->add_subcommand(name, text);
        command->add_option("name", user_arguments.name, "Name of the user")->required();
        if (password) {
            command->add_option("--password-file", user_arguments.password_file,
                                "File whose first line is the password; -: standard input");
        }
        return command;
    };
    auto* users_add = with_user("add", "Add a user", true);
    users_add->add_option("--scope", user_arguments.scope, "read, write or admin");
    auto* users_list = users->add_subcommand("list", "List the users");
    auto* users_passwd = with_user("passwd", "Set a password; ends the user's logins", true);
    auto* users_remove = with_user("remove", "Remove a user", false);

    auto* keys = app.add_subcommand("keys", "API keys of programs");
    keys->require_subcommand(1);
    KeyArguments key_arguments;
    auto* keys_create = keys->add_subcommand("create", "Make a key and show it, once");
    keys_create->add_option("name", key_arguments.name, "What it is for")->required();
    keys_create->add_option("--scope", key_arguments.scope, "read, write or admin");
    keys_create->add_option("--collection", key_arguments.collections,
                            "What it may see; may be repeated; without it, everything");
    keys_create->add_option("--days", key_arguments.days, "It is valid for so many days")
        ->check(CLI::Range(1, 36'500));
    auto* keys_list = keys->add_subcommand("list", "List the keys");
    std::string key_id;
    auto* keys_revoke = keys->add_subcommand("revoke", "Revoke a key, at once");
    keys_revoke->add_option("id", key_id, "Id of the key")->required();

    MigrateArguments migrate_arguments;
    auto* migrate = app.add_subcommand("migrate", "Move a library from SQLite to PostgreSQL");
    migrate->add_option("--from", migrate_arguments.from,
                        "sqlite (the configured one), a data folder or a database file");
    migrate->add_option("--to", migrate_arguments.to,
                        "postgres (setting database.url) or an address");

    ExportArguments export_arguments;
    auto* export_command = app.add_subcommand("export", "Write the library to one archive file");
    export_command
        ->add_option("archive", export_arguments.archive, "File to write; - for standard output")
        ->required();
    export_command
        ->add_option("--collection", export_arguments.collections,
                     "Only this collection; may be repeated")
        ->allow_extra_args(false);
    export_command->add_flag("--without-originals", export_arguments.without_originals,
                             "Leave the pictures themselves out");

    ImportArguments import_arguments;
    auto* import_command = app.add_subcommand("import", "Take an archive into the library");
    import_command->add_option("archive", import_arguments.archive, "File that export wrote")
        ->required();
    import_command->add_option("--into", import_arguments.into, "All into this collection");
    import_command->add_flag("--analyse,--analyze", import_arguments.analyse,
                             "Take the originals only and queue their analysis");
    import_command->add_flag("--dry-run", import_arguments.dry_run, "Check and count only");

    EraseArguments erase_arguments;
    auto* erase = app.add_subcommand("erase", "Remove people and pictures, with a receipt");
    erase->add_option("--media", erase_arguments.media, "Id of a media; may be repeated")
        ->allow_extra_args(false);
    erase->add_option("--face", erase_arguments.faces, "Id of a face; may be repeated")
        ->allow_extra_args(false);
    erase
        ->add_option("--person", erase_arguments.people,
                     "Id of a person, with all their faces; may be repeated")
        ->allow_extra_args(false);
    erase
        ->add_option("--collection", erase_arguments.collections,
                     "Name of a collection, with all it holds; may be repeated")
        ->allow_extra_args(false);
    erase->add_option("--like", erase_arguments.like,
                      "A photo of one person: all faces that are theirs");
    erase
        ->add_option("--match", erase_arguments.match,
                     "How alike at least, with --like: match or likely")
        ->check(CLI::IsMember({"match", "likely"}));
    erase->add_option("--reason", erase_arguments.reason, "For the receipt");
    erase->add_flag("--dry-run", erase_arguments.dry_run, "Say what would go, remove nothing");
    erase->add_flag("--yes", erase_arguments.yes, "Do not ask");

    EvaluateArguments evaluate_arguments{.data = {}, .sets = {"lfw", "celebs"}, .packs = {}};
    auto* evaluate = app.add_subcommand("evaluate", "Measure verification accuracy");
    evaluate->add_option("--data-set", evaluate_arguments.data, "Folder with identities.csv")
        ->required();
    evaluate->add_option("--sets", evaluate_arguments.sets, "Sets to use");
    evaluate->add_option("--packs", evaluate_arguments.packs, "Folders of model packs");

    BenchArguments bench_arguments;
    auto* bench = app.add_subcommand("bench", "Measure search: time, recall, loading");
    bench->add_option("--queries", bench_arguments.queries, "How many searches")
        ->check(CLI::Range(1, 100'000));
    bench->add_option("--k", bench_arguments.k, "Faces that each finds")
        ->check(CLI::Range(1, 1'000));

    auto* model = app.add_subcommand("models", "List, fetch, check and choose model packs");
    model->require_subcommand(1);
    auto* list = model->add_subcommand("list", "Installed and available packs");
    FetchArguments fetch_arguments;
    auto* fetch = model->add_subcommand("fetch", "Download a pack, check it and use it");
    fetch->add_option("pack", fetch_arguments.pack, "Name of the pack")->required();
    fetch->add_flag("--accept-license,--accept-licence", fetch_arguments.accept_licence,
                    "Accept the licence of the weights");
    fetch->add_option("--url", fetch_arguments.url, "Download from a mirror");
    std::string pack;
    auto* verify =
        model->add_subcommand("verify", "Check the files of a pack against their hashes");
    verify->add_option("pack", pack, "Name of the pack")->required();
    auto* use = model->add_subcommand("use", "Choose the pack to use");
    use->add_option("pack", pack, "Name of the pack")->required();
    auto* ensure =
        model->add_subcommand("ensure", "Get the best pack there is, unless one is there");
    ensure->add_flag("--accept-license,--accept-licence", fetch_arguments.accept_licence,
                     "Accept the licence of the weights");

    auto* show_config = app.add_subcommand("config", "Print all settings and where they come from");
    bool reference = false;
    show_config->add_flag("--reference", reference, "Print the reference page instead");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;
    }

    if (!data.empty()) overrides.push_back("data.folder=" + data);
    if (!models.empty()) overrides.push_back("models.folder=" + models);
    if (port >= 0) overrides.push_back("server.port=" + std::to_string(port));
    if (concurrency > 0) overrides.push_back("workers.count=" + std::to_string(concurrency));
    SettingsSource source;
    source.file = config;
    source.overrides = overrides;
    auto loaded = LoadSettings(source);
    if (!loaded) {
        output.Fail(loaded.error());
        return kUsage;
    }
    const Settings& settings = loaded->settings;
    const bool stays = serve->parsed() || web->parsed() || worker->parsed() || watch->parsed();
    ConfigureLog(settings, !stays);

    if (serve->parsed()) return Serve(settings, output);
    if (web->parsed()) return Web(settings, output);
    if (worker->parsed()) return Worker(settings, output);
    if (watch->parsed()) return Watch(settings, output);
    if (health->parsed()) return Health(settings, health_arguments, output);
    if (ingest->parsed()) return Ingest(settings, ingest_arguments, output);
    if (search->parsed()) return Search(settings, search_arguments, output);
    if (faces->parsed()) {
        if (faces_arguments.picture.empty() == faces_arguments.media.empty()) {
            std::cerr << "name a picture or --media\n";
            return kUsage;
        }
        return Faces(settings, faces_arguments, output);
    }
    if (stats->parsed()) return Stats(settings, output);
    if (doctor->parsed()) return Doctor(settings, output);
    if (users_add->parsed()) return UsersAdd(settings, user_arguments, output);
    if (users_list->parsed()) return UsersList(settings, output);
    if (users_passwd->parsed()) return UsersPassword(settings, user_arguments, output);
    if (users_remove->parsed()) return UsersRemove(settings, user_arguments, output);
    if (keys_create->parsed()) return KeysCreate(settings, key_arguments, output);
    if (keys_list->parsed()) return KeysList(settings, output);
    if (keys_revoke->parsed()) return KeysRevoke(settings, key_id, output);
    if (migrate->parsed()) return Migrate(settings, migrate_arguments, output);
    if (export_command->parsed()) return Export(settings, export_arguments, output);
    if (import_command->parsed()) return Import(settings, import_arguments, output);
    if (erase->parsed()) return Erase(settings, erase_arguments, output);
    if (bench->parsed()) return Bench(settings, bench_arguments, output);
    if (evaluate->parsed()) return Evaluate(settings, evaluate_arguments, output);
    if (show_config->parsed()) {
        std::cout << (reference ? SettingsReference() : PrintSettings(*loaded));
        return kOk;
    }
    if (list->parsed()) return ModelsList(settings, output);
    if (fetch->parsed()) return ModelsFetch(settings, fetch_arguments, output);
    if (verify->parsed()) return ModelsVerify(settings, pack, output);
    if (use->parsed()) return ModelsUse(settings, pack, output);
    if (ensure->parsed()) return ModelsEnsure(settings, fetch_arguments.accept_licence, output);
    return kUsage;
}

}  // namespace

int main(int argc, char** argv) { return Run(argc, argv); }
