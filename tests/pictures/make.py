#!/usr/bin/env python3
"""make.py ARCHIVES OUT: makes a folder of test pictures from the source packages of sources.txt.

For machines without the labelled pictures. Names and meaning are those of the labelled set, so that
the same tests read either; what has labels there (lfw, golden, counts.csv, ...) is not here.
Copies of other formats, orientations and kinds of damage are made with vips, ffmpeg and by hand.
"""

import pathlib
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

PEOPLE = {  # of face-recognition: official portraits and White House photographs
    "obama.jpg": "obama_1.jpg", "obama2.jpg": "obama_2.jpg", "obama3.jpg": "obama_3.jpg",
    "obama_partial_face.jpg": "obama_partial_1.jpg", "obama_partial_face2.jpg": "obama_partial_2.jpg",
    "32bit.png": "obama_rgba32.png", "biden.jpg": "biden_1.jpg"}
FORMATS = [  # of Pillow: one portrait of Grace Hopper
    "avif/hopper.avif", "hopper.bmp", "hopper.gif", "avif/hopper.heif", "hopper.ico", "hopper.jpg",
    "hopper.png", "hopper.ppm", "hopper.tif", "hopper.webp", "hopper_16bit.pgm", "hopper_45.png",
    "hopper_8bit.pgm", "hopper_bigtiff.tif", "hopper_gray.jpg", "hopper_lzw.tif", "hopper_rle8.bmp",
    *(f"hopper_orientation_{n}.jpg" for n in range(2, 9)),
    *(f"hopper_orientation_{n}.webp" for n in (3, 6, 8)), "avif/rot1mir0.avif"]
CORRUPT = [
    "broken.png", "broken_data_stream.png", "broken_exif_dpi.jpg", "crash-2020-10-test.tif",
    "decompression_bomb.gif", "decompression_bomb.ico", "hopper_bad_exif.jpg",
    "hopper_idat_after_image_end.png", "hopper_rle8_row_overflow.bmp", "hopper_unknown_pixel_mode.tif",
    "invalid-exif.jpg", "multiple_exif.jpg", "truncated_app14.jpg", "truncated_end_chunk.png",
    "truncated_image.png", "truncated_jpeg.jpg"]
# Orientation tag -> what makes the stored pixels of an upright picture (TIFF 6.0, tag 274).
STORED = {1: [], 2: ["flip horizontal"], 3: ["rot d180"], 4: ["flip vertical"],
          5: ["rot d90", "flip horizontal"], 6: ["rot d270"], 7: ["rot d270", "flip horizontal"],
          8: ["rot d90"]}


def vips(operation, source, target, *arguments):
    subprocess.run(["vips", operation, source, target, *map(str, arguments)], check=True, timeout=60)


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60,
                   stdin=subprocess.DEVNULL)


def unpack(archive, prefix, wanted):
    """wanted: member below prefix -> path to write."""
    with tarfile.open(archive) as tar:
        for name, target in wanted.items():
            target.write_bytes(tar.extractfile(f"{prefix}/{name}").read())


def with_orientation(jpeg, tag):
    """The bytes of a JPEG with an Exif block that holds this tag and nothing else."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, tag, 0, 0)
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def png_of_zeros(side):
    """A PNG of one bit a pixel that claims, and unpacks to, side x side pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(packer.compress(row * 1000) for _ in range(side // 1000)) + packer.flush()

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def make_people(out, work):
    people = out / "people"
    for name, left, top, width, height in (("obama", 150, 0, 704, 792), ("biden", 140, 40, 720, 810)):
        vips("crop", people / f"{name}_1.jpg", f"{work}/{name}_cut.v", left, top, width, height)
        vips("thumbnail", f"{work}/{name}_cut.v", f"{work}/{name}.v", 320, "--height", 360, "--size", "force")
        vips("thumbnail", people / f"{name}_1.jpg", f"{people}/{name}_small.jpg[strip]", 200)
    vips("thumbnail", people / "obama_2.jpg", f"{people}/obama_240p.jpg[strip]", 400, "--height", 240)
    vips("join", f"{work}/obama.v", f"{work}/biden.v", f"{work}/two.v", "horizontal")
    vips("copy", f"{work}/two.v", f"{people}/obama_and_biden_1.jpg[Q=90,strip]")
    rows = [f"people/{path.name},{path.name.split('_')[0]},people" for path in sorted(people.iterdir())
            if "_and_" not in path.name]
    (out / "identities.csv").write_text("image,identity,set\n" + "\n".join(rows) + "\n")


def make_formats(out, work):
    formats = out / "formats"
    portrait = f"{work}/portrait.v"
    vips("thumbnail", out / "people/obama_1.jpg", portrait, 400)
    reference = formats / "png_bytes_named.jpg"
    vips("pngsave", portrait, reference, "--strip")
    for name in ("obama_progressive.jpg[interlace,strip]", "obama_palette.png[palette,strip]",
                 "obama_jpeg.tif[compression=jpeg,Q=90]", "obama.gif", "obama.webp[Q=90]",
                 "obama_lossless.webp[lossless]", "obama.heic[Q=80]"):
        vips("copy", portrait, formats / name)
    vips("colourspace", portrait, formats / "obama_gray.jpg[strip]", "b-w")
    vips("colourspace", portrait, formats / "obama_16bit.png[strip]", "rgb16")
    vips("bandjoin_const", portrait, formats / "obama_rgba.png[strip]", 178)
    vips("invert", portrait, f"{work}/inks.v")
    vips("bandjoin_const", f"{work}/inks.v", f"{work}/four.v", 0)
    vips("copy", f"{work}/four.v", formats / "obama_cmyk.jpg[Q=95]", "--interpretation", "cmyk")
    vips("pngsave", portrait, f"{work}/portrait.png", "--strip")
    ffmpeg("-i", f"{work}/portrait.png", "-pix_fmt", "bgr24", formats / "obama.bmp")
    ffmpeg("-i", f"{work}/portrait.png", "-c:v", "libaom-av1", "-still-picture", 1, "-crf", 20,
           formats / "obama.avif")
    for tag, steps in STORED.items():
        stored = f"{work}/two.v"
        for number, step in enumerate(steps):
            following = f"{work}/stored_{tag}_{number}.v"
            vips(step.split()[0], stored, following, step.split()[1])
            stored = following
        file = formats / f"two_people_exif_{tag}.jpg"
        vips("copy", stored, f"{file}[Q=90,strip]")
        file.write_bytes(with_orientation(file.read_bytes(), tag))
    for degrees in (90, 180, 270):
        vips("rot", out / "people/obama_1.jpg", out / f"rotated/r{degrees}.jpg[strip]", f"d{degrees}")
    vips("copy", out / "people/obama_1.jpg", out / "rotated/r0.jpg[strip]")
    for name, width, height in (("one_pixel.png", 1, 1), ("tiny_8x10.jpg", 8, 10),
                                ("very_wide_4000x20.jpg", 4000, 20), ("very_tall_20x4000.jpg", 20, 4000)):
        vips("thumbnail", portrait, out / "odd_sizes" / name, width, "--height", height, "--size", "force")


def make_videos(out, work):
    vips("pngsave", f"{work}/two.v", f"{work}/two.png", "--strip")
    pan = ["-loop", 1, "-framerate", 10, "-t", 0.9, "-i", f"{work}/two.png"]
    for name, codec in (("hamilton.mp4", "libx264"), ("hamilton_vp8.webm", "libvpx"),
                        ("hamilton_mjpeg.avi", "mjpeg")):
        ffmpeg(*pan, "-vf", "crop=320:180:n*4:40", "-c:v", codec, "-pix_fmt",
               "yuvj420p" if codec == "mjpeg" else "yuv420p", out / "video" / name)
    ffmpeg(*pan, "-vf", "crop=320:180:n*4:40,split[a][b];[a]palettegen[p];[b][p]paletteuse",
           out / "video/hamilton_anim.gif")
    ffmpeg(*pan, "-vf", "crop=320:180:n*4:40", "-c:v", "libwebp_anim", "-quality", 80,
           out / "video/hamilton_anim.webp")


def make_corrupt(out):
    corrupt = out / "corrupt"
    whole = (out / "formats/two_people_exif_1.jpg").read_bytes()
    (corrupt / "jpeg_cut_half.jpg").write_bytes(whole[:len(whole) // 2])
    (corrupt / "jpeg_cut_200_bytes.jpg").write_bytes(whole[:200])
    chance = random.Random(7)
    noisy = bytearray(whole)
    for _ in range(40):
        noisy[chance.randrange(1000, len(noisy))] = chance.randrange(256)
    (corrupt / "jpeg_random_byte_errors.jpg").write_bytes(noisy)
    frame = whole.index(b"\xff\xc0")  # SOF0: length, precision, height, width
    claims = whole[:frame + 5] + struct.pack(">HH", 65500, 65500) + whole[frame + 9:]
    (corrupt / "jpeg_claims_65500x65500.jpg").write_bytes(claims)
    (corrupt / "png_bomb_40000x40000.png").write_bytes(png_of_zeros(40000))
    (corrupt / "text_named.jpg").write_text("this is no picture\n" * 20)
    (corrupt / "zero_bytes.jpg").write_bytes(b"")
    heic = (out / "formats/obama.heic").read_bytes()
    (corrupt / "corrupted.heic").write_bytes(heic[:400] + bytes(200) + heic[600:])
    (corrupt / "empty.heic").write_bytes(heic[:32])


def main():
    archives, out = map(pathlib.Path, sys.argv[1:])
    for folder in ("people", "formats", "corrupt", "noface", "rotated", "odd_sizes", "video"):
        (out / folder).mkdir(parents=True)
    (faces,) = archives.glob("face_recognition-*.tar.gz")
    unpack(faces, faces.name.removesuffix(".tar.gz") + "/tests/test_images",
           {name: out / "people" / target for name, target in PEOPLE.items()})
    (pillow,) = archives.glob("pillow-*.tar.gz")
    unpack(pillow, pillow.name.removesuffix(".tar.gz") + "/Tests/images",
           {**{name: out / "formats" / name.split("/")[-1] for name in FORMATS},
            **{name: out / "corrupt" / name for name in CORRUPT},
            "flower.jpg": out / "noface/grass.jpg"})
    with tempfile.TemporaryDirectory() as work:
        make_people(out, work)
        make_formats(out, work)
        make_videos(out, work)
    make_corrupt(out)


main()
