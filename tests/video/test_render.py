"""What counts as an appearance, and the key frames of its boxes."""

import numpy as np
import pytest
from render import FPS, TOLERANCE, between, kept_frames, key_frames, packed, sample, stays, unpacked

BOX = np.array([10.0, 20.0, 60.0, 90.0])


def told(*parts, box=BOX):
    """parts: (frames, inside, free) or (frames, None). Returns (start, end, first key, last key) of each stay."""
    states = []
    for part in parts:
        states += [None if part[1] is None else (box, part[1], part[2])] * part[0]
    return [(one["start"] * FPS, one["end"] * FPS, one["boxes"][0][0] * FPS, one["boxes"][-1][0] * FPS)
            for one in stays("anna", np.arange(len(states)) / FPS, states)]


@pytest.mark.parametrize("parts, expected", [
    ([(30, 1.0, 1.0)], [(0, 29, 0, 29)]),
    ([(10, None), (5, 0.4, 0.4), (20, 0.5, 0.5), (5, 0.49, 0.49), (10, None)], [(15, 34, 10, 39)]),
    ([(10, None), (9, 0.4, 0.4), (10, None)], []),  # never half of the face
    ([(20, 1.0, 1.0), (28, 1.0, 0.1), (20, 1.0, 1.0)], [(0, 67, 0, 67)]),  # covered for less than a second
    ([(20, 1.0, 1.0), (31, 1.0, 0.0), (20, 1.0, 1.0)], [(0, 19, 0, 19), (51, 70, 51, 70)]),  # for more
    ([(20, 1.0, 1.0), (5, 0.2, 0.2), (20, 1.0, 1.0)], [(0, 19, 0, 24), (25, 44, 20, 44)]),  # left the frame
    ([(20, 1.0, 1.0), (3, None), (20, 1.0, 1.0)], [(0, 19, 0, 19), (23, 42, 23, 42)]),
    ([(5, None)], []),
])
def test_stays(parts, expected):
    assert np.array(told(*parts)).flatten() == pytest.approx(np.array(expected, dtype=float).flatten(), abs=0.01)


def test_key_frames_are_few_and_near():
    times = np.arange(300) / FPS
    x = np.where(times < 4, 25 * times, 100 + 3 * np.sin(times))
    boxes = np.stack([x, x * 0, x + 50, x * 0 + 70], axis=1)
    keys = np.array(key_frames(times, boxes))
    assert len(keys) < 40
    assert keys[0, 0] == 0 and keys[-1, 0] == pytest.approx(times[-1], abs=1e-4)
    for k in range(4):
        assert np.abs(np.interp(times, keys[:, 0], keys[:, k + 1]) - boxes[:, k]).max() <= TOLERANCE + 0.06  # rounding
    jump = boxes + np.where(np.arange(300) >= 150, 40, 0)[:, None]
    keys = np.array(key_frames(times, jump))
    assert np.abs(np.interp(times, keys[:, 0], keys[:, 1]) - jump[:, 0]).max() <= TOLERANCE + 0.06
    assert len(key_frames(times[:1], boxes[:1])) == 1


def test_channels_do_not_leak_into_each_other():
    pixels = np.array([[[255, 0, 255, 1], [0, 255, 0, 255]]], np.uint8)
    assert (unpacked(packed(pixels)) == pixels).all()
    one, other = packed(pixels)[0]
    for share in (0, 1, 77, 128, 255, 256):
        mixed = unpacked(np.array([[between(one, other, np.uint64(share))]]))[0, 0]
        expected = (pixels[0, 0] * (256.0 - share) + pixels[0, 1] * float(share)) / 256
        assert np.abs(mixed - expected).max() <= 0.5


def test_sampling_is_bilinear():
    """A ramp stays a ramp, where the border of one pixel does not reach."""
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(4, axis=2)
    u = np.array([[3.5, 4.0, 4.25, 10.5]])
    values = sample(np.pad(packed(ramp), 1), u, np.full_like(u, 8.3), 0)
    assert unpacked(values)[0, :, 0].astype(float) == pytest.approx([30, 35, 37, 100], abs=1)  # the middle of pixel n is at n + 0.5


def test_the_unsteady_clip_has_slow_and_fast_parts():
    _, times = kept_frames(360)
    steps = np.diff(times)
    assert (steps > 0).all() and steps.max() > 0.2 and steps.min() < 1 / 29
    assert len({round(step, 4) for step in steps}) > 50
