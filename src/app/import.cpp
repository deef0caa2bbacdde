#include "pipeline/import.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "app/signals.hpp"

namespace facet::app {
namespace {

Result<pipeline::ImportReport> Run(const Settings& settings, const ImportArguments& arguments) {
    const SignalStop signals;
    std::error_code ignored;
    if (std::filesystem::exists(arguments.archive, ignored) &&
        !std::filesystem::is_regular_file(arguments.archive, ignored)) {
        return Fail(Code::kInvalidArgument, "the archive must be a file, as it is read twice");
    }
    QuietEvents events;
    FACET_TRY(instance, Instance::Open(settings, Instance::Need::kStore, events));
    pipeline::ImportRequest request{
        .into = arguments.into, .analyse = arguments.analyse, .dry_run = arguments.dry_run};
    auto pack = ActiveManifest(settings);
    if (pack) {
        if (!arguments.dry_run) FACET_TRY_VOID(instance->BindContract(*pack));
        request.contract = pack->EmbeddingContract();
    } else if (pack.error().code == Code::kNotFound) {
        FACET_TRY(bound, instance->store().Contract());
        request.contract = std::move(bound);
    } else {
        return std::unexpected(std::move(pack).error());
    }
    Progress progress("media");
    return pipeline::ImportArchive(
        instance->store(), instance->blobs(), instance->intake(), arguments.archive, request,
        [&](std::int64_t done, std::int64_t total) {
            progress.Update(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
        },
        signals.token());
}

}  // namespace

int Import(const Settings& settings, const ImportArguments& arguments, const Output& output) {
    auto report = Run(settings, arguments);
    if (!report) {
        output.Fail(report.error());
        return report.error().code == Code::kInvalidArgument ? kUsage : kFailed;
    }
    const int code = report->left_out == 0 ? kOk : kPartly;
    if (output.json) {
        Output::Json({{"dry_run", arguments.dry_run},
                      {"made_at", FormatTimestamp(report->head.made_at)},
                      {"media", report->media},
                      {"known", report->known},
                      {"faces", report->faces},
                      {"people", report->people},
                      {"searches", report->searches},
                      {"queued", report->queued},
                      {"without_original", report->without_original},
                      {"left_out", report->left_out}});
        return code;
    }
    if (arguments.dry_run) std::cout << "A trial, nothing was changed. It would be:\n";
    std::cout << arguments.archive << " of " << FormatTimestamp(report->head.made_at) << ": "
              << report->media << " new media with " << report->faces << " faces, " << report->known
              << " known already, " << report->people << " new people, " << report->searches
              << " new saved searches\n";
    if (report->queued > 0) {
        std::cout << report->queued << " media wait for their analysis: facet serve does it\n";
    }
    if (report->without_original > 0) {
        std::cout << report->without_original << " media have no original here\n";
    }
    if (report->left_out > 0) {
        std::cout << report->left_out
                  << " media were left out: they are to be analysed and have no original\n";
    }
    return code;
}

}  // namespace facet::app
