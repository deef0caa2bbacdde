#include "pipeline/export.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>
#include <iostream>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "app/signals.hpp"
#include "base/file.hpp"

namespace facet::app {
namespace {

namespace json = boost::json;

std::string SettingsText(const Settings& settings) {
    json::object values;
    for (const SettingRow& row : DescribeSettings(settings)) values[row.key] = row.value;
    return json::serialize(values) + "\n";
}

Result<pipeline::ExportReport> Run(const Settings& settings, const ExportArguments& arguments,
                                   int fd) {
    const SignalStop signals;
    QuietEvents events;
    FACET_TRY(instance, Instance::Open(settings, Instance::Need::kStore, events));
    pipeline::ExportRequest request{.originals = !arguments.without_originals,
                                    .facet_version = FACET_VERSION,
                                    .model_pack = {},
                                    .settings = SettingsText(settings)};
    if (!arguments.collections.empty()) request.collections = arguments.collections;
    if (auto pack = ActiveManifest(settings)) request.model_pack = pack->name;
    Progress progress("media");
    FACET_TRY(report, pipeline::ExportLibrary(
                          instance->store(), instance->blobs(), instance->clock(), request, fd,
                          [&](std::int64_t done, std::int64_t total) {
                              progress.Update(static_cast<std::uint64_t>(done),
                                              static_cast<std::uint64_t>(total));
                          },
                          signals.token()));
    json::value collections;  // null: all
    if (!arguments.collections.empty()) {
        collections = json::array(arguments.collections.begin(), arguments.collections.end());
    }
    FACET_TRY_VOID(RecordCommand(*instance, "export", "",
                                 {{"collections", std::move(collections)},
                                  {"media", report.media},
                                  {"faces", report.faces},
                                  {"originals", report.originals}}));
    return report;
}

/// Under another name until it is whole and on the disk.
Result<pipeline::ExportReport> RunToFile(const Settings& settings,
                                         const ExportArguments& arguments) {
    const std::filesystem::path path = arguments.archive;
    const std::filesystem::path part = arguments.archive + ".part";
    const UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const auto failed = [&](const char* what) {
        return Fail(Code::kUnavailable, what, part.string() + ": " + ErrnoText(errno));
    };
    if (!fd) return failed("the archive cannot be made");
    auto report = Run(settings, arguments, fd.get());
    if (!report) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        return report;
    }
    if (::fsync(fd.get()) != 0) return failed("the archive cannot be written");
    if (::rename(part.c_str(), path.c_str()) != 0) return failed("the archive cannot be named");
    FACET_TRY_VOID(SyncFolder(std::filesystem::absolute(path).parent_path()));
    return report;
}

json::object ToJson(const pipeline::ExportReport& report) {
    json::array deleted;
    for (const Uuid& media : report.deleted) deleted.emplace_back(media.ToString());
    json::array unreadable;
    for (const auto& [media, why] : report.unreadable) {
        unreadable.push_back(json::object{{"media", media.ToString()}, {"error", why}});
    }
    return {{"media", report.media},
            {"faces", report.faces},
            {"people", report.people},
            {"searches", report.searches},
            {"originals", report.originals},
            {"original_bytes", report.original_bytes},
            {"deleted_meanwhile", std::move(deleted)},
            {"without_original", std::move(unreadable)}};
}

}  // namespace

int Export(const Settings& settings, const ExportArguments& arguments, const Output& output) {
    const bool to_stdout = arguments.archive == "-";
    if (to_stdout && (output.json || ::isatty(STDOUT_FILENO) != 0)) {
        std::cerr << "with - the archive goes to standard output: redirect it, without --json\n";
        return kUsage;
    }
    auto report =
        to_stdout ? Run(settings, arguments, STDOUT_FILENO) : RunToFile(settings, arguments);
    if (!report && to_stdout) return Output{}.Fail(report.error());
    if (!report) return output.Fail(report.error());
    const int code = report->unreadable.empty() ? kOk : kPartly;
    if (output.json) {
        Output::Json(ToJson(*report));
        return code;
    }
    std::ostream& out = to_stdout ? std::cerr : std::cout;
    for (const Uuid& media : report->deleted) {
        out << media.ToString() << ": left out, it was deleted meanwhile\n";
    }
    for (const auto& [media, why] : report->unreadable) {
        out << media.ToString() << ": " << why << '\n';
    }
    out << arguments.archive << ": " << report->media << " media, " << report->faces << " faces, "
        << report->people << " people, " << report->searches << " saved searches, "
        << report->originals << " originals (" << HumanBytes(report->original_bytes) << ")\n";
    return code;
}

}  // namespace facet::app
