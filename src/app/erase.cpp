#include "pipeline/erase.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <format>
#include <iostream>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "app/signals.hpp"

namespace facet::app {
namespace {

/// Adds the faces of the person on the photo, and shows them.
Result<void> AddFacesLike(Instance& instance, const EraseArguments& arguments,
                          pipeline::ErasureRequest& request) {
    constexpr std::chrono::seconds kLongest{120};
    const auto least = pipeline::ParseMatchLevel(arguments.match);
    FACET_CHECK(least.has_value());
    FACET_TRY(answer, instance.searcher().Search({.image = media::Source::File(arguments.like),
                                                  .least = *least,
                                                  .limit = pipeline::kMaxResults},
                                                 Deadline::After(kLongest)));
    if (answer.faces.size() > 1) {
        return Fail(Code::kInvalidArgument,
                    std::format("there are {} faces on the photo: take one of this person alone",
                                answer.faces.size()));
    }
    for (const pipeline::SearchHit& hit : answer.hits) {
        request.faces.push_back(hit.face.uid);
        std::cerr << std::format(
            "face {}  {:.3f}  {:6}  {}\n", hit.face.uid.ToString(), hit.cosine,
            pipeline::MatchLevelName(hit.match),
            hit.media.origin_path.empty() ? hit.media.name : hit.media.origin_path);
    }
    if (answer.hits.size() == pipeline::kMaxResults) {
        std::cerr << "These are the first " << pipeline::kMaxResults
                  << "; there may be more: run the same again afterwards.\n";
    }
    return {};
}

Result<pipeline::ErasureRequest> MakeRequest(Instance& instance, const EraseArguments& arguments) {
    pipeline::ErasureRequest request{.reason = arguments.reason, .by = "command line"};
    FACET_TRY(media, pipeline::ParseUuids(arguments.media));
    FACET_TRY(faces, pipeline::ParseUuids(arguments.faces));
    FACET_TRY(people, pipeline::ParseUuids(arguments.people));
    request.media = std::move(media);
    request.faces = std::move(faces);
    request.people = std::move(people);
    for (const std::string& name : arguments.collections) {
        FACET_TRY(collection, instance.store().FindCollection(name));
        request.collections.push_back(std::move(collection));
    }
    if (!arguments.like.empty()) FACET_TRY_VOID(AddFacesLike(instance, arguments, request));
    return request;
}

void Print(const pipeline::Receipt& receipt) {
    if (receipt.id) {
        std::cout << "receipt  " << receipt.id->ToString() << "  "
                  << FormatTimestamp(receipt.created_at) << '\n';
    }
    if (!receipt.reason.empty()) std::cout << "reason   " << receipt.reason << '\n';
    for (const auto& media : receipt.media) {
        std::cout << "media    " << media.id.ToString() << "  sha256 " << media.sha256 << "  "
                  << media.faces << " faces\n";
    }
    for (const Uuid& face : receipt.faces) std::cout << "face     " << face.ToString() << '\n';
    for (const Uuid& person : receipt.people) std::cout << "person   " << person.ToString() << '\n';
    for (const auto& name : receipt.collections) std::cout << "collection  " << name << '\n';
    std::cout << (receipt.dry_run ? "would go:" : "removed: ");
    for (const auto& [what, count] : receipt.removed)
        std::cout << ' ' << count << ' ' << what << ';';
    std::cout << '\n';
    for (const auto& [what, how, passed] : receipt.checks) {
        const char* const result = !passed ? "see" : *passed ? "ok" : "NOT";
        std::cout << std::format("{:4} {}: {}\n", result, what, how);
    }
}

void Show(const pipeline::Receipt& receipt, const Output& output) {
    if (output.json) {
        Output::Json(boost::json::parse(ToText(receipt)).as_object());
    } else {
        Print(receipt);
    }
}

bool Confirmed(const pipeline::Receipt& plan) {
    std::cerr << std::format("This removes {} media and {} faces for good{}. Type yes to go on: ",
                             plan.removed.at("media"), plan.removed.at("faces"),
                             plan.collections.empty()
                                 ? ""
                                 : std::format(", and {} collections", plan.collections.size()));
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "yes";
}

int FailWith(const Error& error, const Output& output) {
    output.Fail(error);
    if (error.code == Code::kInvalidArgument) return kUsage;
    return error.code == Code::kNotFound ? kNothing : kFailed;
}

}  // namespace

int Erase(const Settings& settings, const EraseArguments& arguments, const Output& output) {
    if (!arguments.dry_run && !arguments.yes && ::isatty(STDIN_FILENO) == 0) {
        std::cerr << "nobody is there to ask: say --yes, or --dry-run to see what would go\n";
        return kUsage;
    }
    if (arguments.reason.size() > pipeline::kLongestReason) {
        std::cerr << "the reason has " << pipeline::kLongestReason << " bytes at most\n";
        return kUsage;
    }
    const SignalStop signals;
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kSearch, events);
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    auto request = MakeRequest(instance, arguments);
    if (!request) return FailWith(request.error(), output);
    if (!arguments.like.empty() && request->media.empty() && request->faces.empty() &&
        request->people.empty() && request->collections.empty()) {
        std::cerr << "no face in the library is like that\n";
        return kNothing;
    }
    request->dry_run = true;
    auto plan = instance.eraser().Erase(*request, signals.token());
    if (!plan) return FailWith(plan.error(), output);
    if (arguments.dry_run) {
        Show(*plan, output);
        return kOk;
    }
    if (!arguments.yes) {
        if (!output.json) Print(*plan);
        if (!Confirmed(*plan)) {
            std::cerr << "nothing was removed\n";
            return kFailed;
        }
    }
    request->dry_run = false;
    auto receipt = instance.eraser().Erase(*request, signals.token());
    if (!receipt) return FailWith(receipt.error(), output);
    Show(*receipt, output);
    const auto recorded =
        RecordCommand(instance, "erasure", receipt->id ? receipt->id->ToString() : "",
                      {{"media", receipt->media.size()},
                       {"faces", receipt->faces.size()},
                       {"people", receipt->people.size()},
                       {"collections", receipt->collections.size()}});
    if (!recorded) return output.Fail(recorded.error());
    if (!receipt->complete) {
        std::cerr << "something could not be done yet: a running Facet does it within minutes\n";
    }
    const bool all_gone =
        receipt->complete && std::ranges::all_of(receipt->checks, [](const auto& check) {
            return check.passed.value_or(true);
        });
    return all_gone ? kOk : kPartly;
}

}  // namespace facet::app
