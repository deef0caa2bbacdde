"""Archives of facet export: what an instance holds by its API, and tar files made and broken by hand."""

import hashlib
import io
import json
import struct
import tarfile


def pages(http, path, **params):
    cursor = {}
    while True:
        answer = http.get(path, params={**params, **cursor, "limit": 500}).json()
        yield from answer["items"]
        if not answer.get("next_cursor"):
            return
        cursor = {"cursor": answer["next_cursor"]}


def everything(server):
    """All that an archive holds, as the API tells it."""
    http = server.http
    media = list(pages(http, "/v1/media"))
    for one in media:
        one.pop("task_id", None)
        content = http.get(f"/v1/media/{one['id']}/content")
        one["content"] = hashlib.sha256(content.content).hexdigest() if content.status_code == 200 else None
    faces = sorted(pages(http, "/v1/faces"), key=lambda face: face["id"])  # numbered as analyses came to their ends
    for face in faces:
        face["vector"] = http.get(f"/v1/faces/{face['id']}/embedding").json()["embedding"]
    searches = http.get("/v1/searches").json()["items"]
    return {"collections": http.get("/v1/collections").json()["items"], "media": media, "faces": faces,
            "people": http.get("/v1/people").json()["items"], "searches": searches}


def settled(held):
    """Without what failed before, which an import tries again, and without the birth of the default collection."""
    failed = {one["id"] for one in held["media"] if one["status"] == "failed"}
    collections = [{**one, "created_at": None} if one["name"] == "default" else one for one in held["collections"]]
    media = [one for one in held["media"] if one["id"] not in failed]
    return {**held, "media": media, "collections": collections}, failed


def members(path):
    """Name and content of each member, in order."""
    with tarfile.open(path, "r:") as tar:
        return [(one.name, tar.extractfile(one).read()) for one in tar]


def write(path, parts, checksums=True):
    """The members as an archive, with checksums that fit unless they are among them."""
    listed = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in parts)
    if checksums:
        parts = [*parts, ("checksums.sha256", listed.encode())]
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in parts:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def without_checksums(parts):
    return [part for part in parts if part[0] != "checksums.sha256"]


def replaced(parts, name, change):
    """The members with the content of one changed."""
    assert any(one == name for one, _ in parts), name
    return [(one, change(content) if one == name else content) for one, content in parts]


TIME = "2026-01-01T00:00:00.000Z"


def line(**members):
    return json.dumps(members).encode() + b"\n"


def head(contract, media, faces, **other):
    return line(**{"format": "facet-archive", "version": 1, "made_at": TIME, "facet_version": "0",
                   "contract": contract, "model_pack": "made up", "originals": True,
                   "counts": {"media": media, "faces": faces}, **other})


def synthetic(path, contract, media, faces_each=2, batch=200):
    """An archive of made-up media, each with a small BMP of its own and faces with made-up vectors."""
    parts = [("facet.json", head(contract, media, media * faces_each)),
             ("collections.jsonl", line(name="default", title="", retention_days=None, created_at=TIME)),
             ("people.jsonl", b""), ("searches.jsonl", b""), ("settings.json", b"{}\n")]
    for number, first in enumerate(range(1, media + 1, batch), 1):
        lines, faces, vectors, originals = b"", b"", b"", []
        for one in range(first, min(first + batch, media + 1)):
            picture = bmp(one)
            sha = hashlib.sha256(picture).hexdigest()
            uid = f"00000000-0000-7000-8000-{one:012d}"
            originals.append((f"originals/{sha}.bmp", picture))
            lines += line(id=uid, collection="default", sha256=sha, name=f"m{one}.bmp", format="bmp",
                          mime="image/bmp", bytes=len(picture), width=8, height=8, status="completed", error_code="",
                          error_message="", origin="upload", contract=contract, created_at=TIME, updated_at=TIME,
                          analysed_at=TIME, taken_at=TIME, fingerprint=None, original=True, origin_path="")
            for face in range(faces_each):
                faces += line(id=f"10000000-{face:04d}-7000-8000-{one:012d}", media=uid, person=None, box=[0, 0, 4, 4],
                              score=0.9, key_points=list(range(10)), quality=0.5, quality_parts={}, age=None,
                              gender="", created_at=TIME)
                vectors += unit_vector(one * faces_each + face)
        parts += [(f"media/{number:06d}.jsonl", lines), (f"faces/{number:06d}.jsonl", faces),
                  (f"vectors/{number:06d}.f32", vectors), *originals]
    return write(path, parts)


def bmp(seed):
    """8x8 pixels, BITMAPINFOHEADER, 24 bit."""
    pixels = struct.pack("<I", seed) * 48
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, 8, 8, 1, 24, 0,
                       len(pixels), 0, 0, 0, 0) + pixels


def unit_vector(seed):
    """512 numbers of length 1: two of them are not 0, at places that the seed gives."""
    vector = [0.0] * 512
    vector[seed % 512] = 0.6
    vector[(seed + 1 + seed // 512 % 511) % 512] = 0.8
    return struct.pack("<512f", *vector)
