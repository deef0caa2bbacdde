#!/usr/bin/env python3
"""Memory while a video of two hours is analysed, in each fifth of the time: of the server and of its decoder.

    bench/video_memory.py FACET MODELS_FOLDER VIDEO
"""

import http.client
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse

from serving import memory_mib, serving


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
        samples.append((memory_mib(process.pid), sum(memory_mib(child) for child in children(process.pid))))
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
    with serving(facet, models) as (process, url):
        run(process, urllib.parse.urlsplit(url).netloc, pathlib.Path(video))


main()
