#!/usr/bin/env python3
"""Makes a C++ file that holds openapi.yaml as JSON: embed_openapi.py openapi.yaml openapi.cpp"""

import json
import pathlib
import sys

import yaml

source, target = map(pathlib.Path, sys.argv[1:])
text = json.dumps(yaml.safe_load(source.read_text(encoding="utf-8")), ensure_ascii=False)
PIECE = 8_000
pieces = "\n".join(f'R"json({text[at:at + PIECE]})json"' for at in range(0, len(text), PIECE))
target.write_text('#include "api/openapi.hpp"\n\nnamespace facet::api {\n\n'
                  f"const std::string_view kOpenApi =\n{pieces};\n\n}}  // namespace facet::api\n",
                  encoding="utf-8")
