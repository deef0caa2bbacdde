"""Asks Flower itself whether it answers; exit 0 or an error."""

import urllib.request

urllib.request.urlopen("http://127.0.0.1:5555/flower/healthcheck", timeout=8).read()
