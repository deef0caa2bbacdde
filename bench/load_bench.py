#!/usr/bin/env python3
"""Memory and search of a loaded server: idle listeners of the event stream, and large uploads all at once.

    bench/load_bench.py FACET MODELS_FOLDER PICTURE [LISTENERS [UPLOADS [MIB]]]

With the settings as they come. Fails when the server needs more memory than MOST_MIB.
"""

import asyncio
import pathlib
import sys
import time
import urllib.parse

from serving import memory_mib, serving

PIECE = b"\xa5" * (1 << 16)
# What was measured (README.md) and half of it again, for allocators and models that differ. Uploads kept in
# memory, or listeners that take a hundred KiB each, break it.
MOST_MIB = 384


async def listen(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    return reader, writer


async def post(host, port, path, before, body_bytes, after):
    """A multipart POST whose file is made as it is sent; the status."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write((f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
                  f"Content-Type: multipart/form-data; boundary=b\r\n"
                  f"Content-Length: {len(before) + body_bytes + len(after)}\r\n\r\n").encode() + before)
    left = body_bytes
    while left:
        piece = PIECE[:left]
        writer.write(piece)
        left -= len(piece)
        await writer.drain()
    writer.write(after)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return int(answer[9:12])


def part(field, name):
    return f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()


async def search_while(host, port, picture, busy, seconds):
    before, after = part("image", "q.jpg") + picture, b"\r\n--b--\r\n"
    while not busy.done():
        began = time.monotonic()
        assert await post(host, port, "/v1/search", before, 0, after) in (200, 422)
        seconds.append(time.monotonic() - began)
        await asyncio.sleep(0.05)


async def run(process, url, picture, listeners, uploads, mib):
    address = urllib.parse.urlsplit(url)
    host, port = address.hostname, address.port
    idle = memory_mib(process.pid)
    streams = [await listen(host, port) for _ in range(listeners)]
    await asyncio.sleep(1)
    listening = memory_mib(process.pid)
    # JPEG by its first bytes, and different for each: the analysis will refuse it, which is not measured.
    began = time.monotonic()
    busy = asyncio.gather(*[
        post(host, port, "/v1/media", part("file", f"{i}.jpg") + b"\xff\xd8\xff\xe0" + f"{i:08}".encode(),
             (mib << 20) - 12, b"\r\n--b--\r\n") for i in range(uploads)])
    seconds = []
    await search_while(host, port, picture, busy, seconds)
    statuses = await busy
    took = time.monotonic() - began
    assert set(statuses) == {202}, statuses
    peak = memory_mib(process.pid, "VmHWM")
    print(f"idle {idle:.0f} MiB; {listeners} listeners +{listening - idle:.1f} MiB; "
          f"peak with {uploads} uploads of {mib} MiB at once {peak:.0f} MiB")
    seconds.sort()
    print(f"uploads {uploads * mib / took:.0f} MiB/s; {len(seconds)} searches meanwhile: median "
          f"{1000 * seconds[len(seconds) // 2]:.0f} ms, slowest {1000 * seconds[-1]:.0f} ms")
    for _, writer in streams:
        writer.close()
    assert peak > 0, "nothing was measured"
    if peak > MOST_MIB:
        sys.exit(f"more than {MOST_MIB} MiB")


def main():
    facet, models, picture = sys.argv[1:4]
    listeners, uploads, mib = [int(one) for one in sys.argv[4:7]] + [500, 50, 100][len(sys.argv) - 4:]
    with serving(facet, models) as (process, url):
        asyncio.run(run(process, url, pathlib.Path(picture).read_bytes(), listeners, uploads, mib))


main()
