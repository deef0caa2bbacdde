#pragma once

#include <string_view>

namespace facet::api {

/// openapi.yaml as JSON; cmake/embed_openapi.py puts it into the program.
extern const std::string_view kOpenApi;

}  // namespace facet::api
