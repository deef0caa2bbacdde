#include <iostream>
#include <string>

#include "api/routes.hpp"
#include "app/commands.hpp"
#include "app/web_server.hpp"
#include "base/http.hpp"

namespace facet::app {

int Health(const Settings& settings, const HealthArguments& arguments, const Output& output) {
    constexpr std::chrono::seconds kDeadline{10};
    constexpr std::size_t kMostBytes = 1 << 20;
    Settings local = settings;
    if (local.server.address == "0.0.0.0") local.server.address = "127.0.0.1";
    if (local.server.address == "::") local.server.address = "::1";
    const auto port = settings.status.port != 0 ? settings.status.port : settings.server.port;
    http::Request request;
    request.url = ServerUrl(local, static_cast<std::uint16_t>(port)) +
                  (arguments.live ? std::string(api::kLivePath) : "/health/ready");
    request.deadline = Deadline::After(kDeadline);
    if (!settings.server.token.empty()) {
        request.headers.push_back("Authorization: Bearer " + settings.server.token);
    }
    std::string body;
    request.on_data = [&](std::span<const std::byte> bytes) -> Result<void> {
        if (body.size() + bytes.size() > kMostBytes) {
            return Fail(Code::kTooLarge, "this does not answer as Facet does");
        }
        body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    };
    const auto answer = http::Perform(request, {});
    if (!answer) return output.Fail(answer.error());
    std::cout << body << '\n';
    return answer->status == 200 ? kOk : kFailed;
}

}  // namespace facet::app
