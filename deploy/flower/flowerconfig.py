"""Flower behind nginx at /flower/. Nginx asks people for their password; this one is between the two."""

import os
import pathlib

address = "0.0.0.0"
port = 5555
url_prefix = "flower"
basic_auth = ["nginx:" + pathlib.Path(os.environ["FLOWER_PASSWORD_FILE"]).read_text().strip()]
max_tasks = 10000
