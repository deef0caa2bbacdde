#include <unistd.h>

#include <algorithm>
#include <format>
#include <iostream>
#include <string>

#include "app/commands.hpp"
#include "app/signals.hpp"
#include "infer/fetch.hpp"
#include "infer/pack.hpp"

namespace facet::app {
namespace {

namespace json = boost::json;

std::string_view LicenceName(infer::LicenceClass licence) {
    return licence == infer::LicenceClass::kPermissive ? "permissive" : "research-only";
}

const infer::PackManifest* FindInCatalogue(std::string_view name) {
    const auto& all = infer::Catalogue();
    const auto at = std::ranges::find(all, name, &infer::PackManifest::name);
    return at == all.end() ? nullptr : &*at;
}

std::uint64_t DownloadBytes(const infer::PackManifest& pack) {
    if (pack.source.bytes > 0) return pack.source.bytes;
    std::uint64_t total = 0;
    for (const auto& model : pack.models) total += model.bytes;
    return total;
}

/// Shows the licence; asks on a terminal when it needs to be accepted.
bool Accepts(const infer::PackManifest& pack, bool accepted_already, bool ask) {
    if (pack.licence == infer::LicenceClass::kPermissive || accepted_already) return true;
    std::cerr << "\nThe weights of " << pack.name << " are for non-commercial research only:\n  "
              << pack.licence_text << "\n";
    if (!ask || ::isatty(STDIN_FILENO) != 1) return false;
    std::cerr << "Do you accept? [y/N] ";
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

Result<void> Fetch(const Settings& settings, const infer::PackManifest& pack, bool accepted,
                   infer::FetchOptions options, const std::stop_token& stop) {
    Progress progress("B");
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
        progress.Update(done, total);
    };
    FACET_TRY_VOID(infer::FetchPack(pack, settings.models.folder, accepted, options, stop));
    return infer::UsePack(settings.models.folder, pack.name);
}

void Announce(const infer::PackManifest& pack) {
    std::cerr << "Model pack: " << pack.name << " (" << LicenceName(pack.licence) << "). "
              << pack.accuracy << '\n';
}

}  // namespace

int ModelsList(const Settings& settings, const Output& output) {
    auto installed = infer::ListInstalled(settings.models.folder);
    if (!installed) return output.Fail(installed.error());
    const auto active = infer::ActivePack(settings.models.folder);
    json::array items;
    const auto show = [&](const infer::PackManifest& pack, std::string_view state) {
        if (output.json) {
            items.push_back(json::object{{"name", pack.name},
                                         {"state", state},
                                         {"licence", LicenceName(pack.licence)},
                                         {"bytes", DownloadBytes(pack)},
                                         {"description", pack.description}});
        } else {
            std::cout << std::format("{:12} {:10} {:13} {:>10}  {}\n", pack.name, state,
                                     LicenceName(pack.licence), HumanBytes(DownloadBytes(pack)),
                                     pack.description);
        }
    };
    for (const auto& pack : *installed) {
        show(pack.manifest, pack.error                                ? "broken"
                            : active && *active == pack.manifest.name ? "active"
                                                                      : "installed");
    }
    for (const auto& pack : infer::Catalogue()) {
        const bool there = std::ranges::any_of(
            *installed, [&](const auto& one) { return one.manifest.name == pack.name; });
        if (!there) show(pack, "available");
    }
    if (output.json) Output::Json({{"packs", std::move(items)}});
    return kOk;
}

int ModelsFetch(const Settings& settings, const FetchArguments& arguments, const Output& output) {
    const infer::PackManifest* pack = FindInCatalogue(arguments.pack);
    if (pack == nullptr) {
        return output.Fail(
            {Code::kNotFound,
             "there is no pack called " + arguments.pack + "; see: facet models list", ""});
    }
    if (!Accepts(*pack, arguments.accept_licence, true)) {
        return output.Fail({Code::kForbidden,
                            "the licence was not accepted; repeat with --accept-license if you do",
                            ""});
    }
    SignalStop signals;
    auto fetched = Fetch(settings, *pack, true, {.url_override = arguments.url}, signals.token());
    if (!fetched) return output.Fail(fetched.error());
    if (output.json)
        Output::Json({{"pack", pack->name}, {"active", true}});
    else
        Announce(*pack);
    return kOk;
}

int ModelsVerify(const Settings& settings, const std::string& name, const Output& output) {
    const std::filesystem::path folder = settings.models.folder / name;
    auto manifest = infer::LoadManifest(folder / "pack.toml");
    if (!manifest) return output.Fail(manifest.error());
    if (auto verified = infer::VerifyPack(folder, *manifest); !verified) {
        return output.Fail(verified.error());
    }
    if (output.json)
        Output::Json({{"pack", name}, {"intact", true}});
    else
        std::cout << name << " is intact\n";
    return kOk;
}

int ModelsUse(const Settings& settings, const std::string& name, const Output& output) {
    if (auto used = infer::UsePack(settings.models.folder, name); !used) {
        return output.Fail(used.error());
    }
    if (output.json)
        Output::Json({{"pack", name}, {"active", true}});
    else
        std::cout << name << " is in use from the next start on\n";
    return kOk;
}

int ModelsEnsure(const Settings& settings, bool accept_licence, const Output& output) {
    const std::filesystem::path& models = settings.models.folder;
    if (auto active = infer::ActivePack(models)) {
        auto manifest = infer::LoadManifest(models / *active / "pack.toml");
        // The hashes are checked when the pack is loaded; here it is enough that it is complete.
        if (manifest) {
            Announce(*manifest);
            return kOk;
        }
        std::cerr << "the active pack " << *active << " is broken: " << manifest.error().message
                  << '\n';
    }
    SignalStop signals;
    for (const std::string_view name : {"buffalo_l", "starter"}) {
        const infer::PackManifest* const pack = FindInCatalogue(name);
        if (pack == nullptr) continue;
        if (!Accepts(*pack, accept_licence, true)) {
            std::cerr << "Not accepted, so a freely licensed pack is used. To have " << name
                      << " later: facet models fetch " << name << " --accept-license\n";
            continue;
        }
        infer::FetchOptions options;
        options.connect_timeout = std::chrono::seconds(5);
        options.attempts = 2;
        auto fetched = Fetch(settings, *pack, true, options, signals.token());
        if (fetched) {
            Announce(*pack);
            return kOk;
        }
        std::cerr << name << " cannot be had: " << fetched.error().message << '\n';
        if (signals.token().stop_requested()) return kFailed;
    }
    return output.Fail({Code::kUnavailable, "no model pack could be fetched",
                        "put one below " + models.string() + " by hand, see docs/models.md"});
}

}  // namespace facet::app
