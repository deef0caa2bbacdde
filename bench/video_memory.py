#!/usr/bin/env python3
"""Memory while a video of two hours is analysed, in each fifth of the time: of the server and of its decoder.

    bench/video_memory.py FACET MODELS_FOLDER VIDEO
"""

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse


def resident_mib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0.0


def children(pid):
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()


def ask(address, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(address, timeout=600)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    assert answer.status < 300, content
    return content


def run(process, address, video):
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="long.mp4"\r\n\r\n' + video.read_bytes() +
            b"\r\n--b--\r\n")
    began = time.monotonic()
    media = ask(address, "POST", "/v1/media", body, {"Content-Type": "multipart/form-data; boundary=b"})["accepted"][0]["media"]
    samples = []
    while media["status"] in ("pending", "processing"):
        samples.append((resident_mib(process.pid), sum(resident_mib(child) for child in children(process.pid))))
        time.sleep(0.5)
        media = ask(address, "GET", f"/v1/media/{media['id']}")
    assert media["status"] == "completed", media
    print(f"{media['duration_ms'] / 3.6e6:.2f} hours, {media['face_count']} appearances, {time.monotonic() - began:.0f} s; "
          f"largest resident memory in each fifth of the time, MiB:")
    for fifth in range(5):
        part = samples[len(samples) * fifth // 5:len(samples) * (fifth + 1) // 5]
        print(f"  server {max(own for own, _ in part):.0f}, decoder {max(decoder for _, decoder in part):.0f}")


def main():
    facet, models, video = sys.argv[1:]
    with tempfile.TemporaryDirectory() as data:
        process = subprocess.Popen([facet, "serve", "--data", data, "--models", models, "--port", "0", "-s", "log.level=error"],
                                   stdout=subprocess.PIPE, text=True)
        url = process.stdout.readline().split()[-1]
        try:
            run(process, urllib.parse.urlsplit(url).netloc, pathlib.Path(video))
        finally:
            process.kill()
            process.wait()


main()
