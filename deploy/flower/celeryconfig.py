"""What Flower has to know of the broker: where it is. The URL holds a password, so it comes as a file."""

import os
import pathlib

broker_url = pathlib.Path(os.environ["CELERY_BROKER_URL_FILE"]).read_text().strip()
result_backend = broker_url
accept_content = ["json"]
# Flower runs no task. Were it ever to look after other workers' unfinished ones, it shall be the last.
broker_transport_options = {"visibility_timeout": 7 * 24 * 3600}
