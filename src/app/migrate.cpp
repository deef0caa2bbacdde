#include <filesystem>
#include <iostream>

#include "app/commands.hpp"
#include "app/signals.hpp"
#include "base/db/postgres.hpp"
#include "base/db/sqlite.hpp"
#include "base/file.hpp"
#include "base/url.hpp"
#include "store/transfer.hpp"

namespace facet::app {
namespace {

struct Places {
    std::filesystem::path from;  // database file
    std::string to;              // address
};

Result<Places> FindPlaces(const Settings& settings, const MigrateArguments& arguments) {
    Places places{.from = arguments.from, .to = arguments.to};
    if (arguments.from == "sqlite") {
        places.from = settings.data.database.empty() ? settings.data.folder / "facet.db"
                                                     : settings.data.database;
    }
    if (arguments.to == "postgres") places.to = settings.database.url;
    if (places.to.empty()) {
        return Fail(Code::kInvalidArgument,
                    "no target: set DATABASE_URL=postgresql://user@host:port/name, or name it with "
                    "--to");
    }
    std::error_code ignored;
    if (std::filesystem::is_directory(places.from, ignored)) places.from /= "facet.db";
    if (!std::filesystem::is_regular_file(places.from, ignored)) {
        return Fail(Code::kNotFound, "there is no database file " + places.from.string());
    }
    return places;
}

Result<store::TransferReport> Transfer(const Places& places, const std::stop_token& stop) {
    // The lock of a running instance: it must not write what was copied already.
    const auto folder = std::filesystem::absolute(places.from).parent_path();
    auto lock = LockFile(folder / "worker.lock");
    if (!lock && lock.error().code == Code::kConflict) {
        return Fail(Code::kConflict, "Facet runs on " + folder.string() + "; stop it first");
    }
    if (!lock) return std::unexpected(std::move(lock).error());
    FACET_TRY(from, sqlite::Database::Open(places.from));
    FACET_TRY(to, postgres::Database::Open(places.to));
    Progress copying("rows copied");
    Progress comparing("rows compared");
    const SystemClock clock;
    return store::CopySqliteToPostgres(
        *from, *to, clock,
        [&](std::string_view step, std::int64_t done, std::int64_t total) {
            auto& shown = step == "copy" ? copying : comparing;
            shown.Update(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
        },
        stop);
}

}  // namespace

int Migrate(const Settings& settings, const MigrateArguments& arguments, const Output& output) {
    const SignalStop signals;
    auto places = FindPlaces(settings, arguments);
    if (!places) {
        output.Fail(places.error());
        return places.error().code == Code::kInvalidArgument ? kUsage : kFailed;
    }
    auto report = Transfer(*places, signals.token());
    if (!report) return output.Fail(report.error());
    if (output.json) {
        Output::Json({{"from", places->from.string()},
                      {"to", RedactedUrl(places->to)},
                      {"already_complete", report->was_complete},
                      {"media", report->media},
                      {"waiting", report->waiting},
                      {"faces", report->faces},
                      {"watched_files", report->watched_files}});
        return kOk;
    }
    if (report->was_complete) {
        std::cout << "nothing to do: this library was moved there before\n";
        return kOk;
    }
    std::cout << places->from.string() << " to " << RedactedUrl(places->to) << ": " << report->media
              << " media, " << report->faces << " faces, " << report->watched_files
              << " watched files; both sides are the same\n";
    if (report->waiting > 0) {
        std::cout << report->waiting
                  << " media wait for their analysis; the new instance takes them up by itself\n";
    }
    std::cout << "Originals and face pictures stay in the data folder.\n";
    return kOk;
}

}  // namespace facet::app
