"""Files of every kind, and of every kind of wrong."""

import io
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from livewidget.errors import PictureError
from livewidget.pictures import to_picture

from .made import BLUE, RED, file, halves, near, seen, sentence

KINDS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file(kind):
    picture = to_picture(file(halves(), kind), quality=95)
    assert near(seen(picture)[4:-4, 4:28], RED, 30)
    assert near(seen(picture)[4:-4, 36:-4], BLUE, 30)


@pytest.mark.parametrize(
    ("turn", "size", "red"),
    [(1, (64, 48), "left"), (3, (64, 48), "right"), (6, (48, 64), "top"), (8, (48, 64), "bottom")],
)
def test_a_photograph_is_turned_as_its_exif_data_says(turn, size, red):
    exif = Image.Exif()
    exif[0x0112] = turn
    picture = to_picture(file(halves(), "JPEG", exif=exif, quality=95), quality=95)
    assert (picture.width, picture.height) == size
    place = {
        "left": np.s_[:, 4:20], "right": np.s_[:, -20:-4], "top": np.s_[4:20, :], "bottom": np.s_[-20:-4, :]
    }[red]  # fmt: skip
    assert near(seen(picture)[place], RED, 30)


def test_what_a_file_says_about_place_and_time_is_not_sent():
    exif = Image.Exif()
    exif[0x010E] = "CANARY at home"
    data = file(halves(), "JPEG", exif=exif)
    assert b"CANARY" in data
    assert b"CANARY" not in to_picture(data).data


def test_what_is_transparent_is_white():
    clear = halves(mode="RGBA")
    clear.putalpha(0)
    for kind in ("PNG", "WEBP"):
        assert near(seen(to_picture(file(clear, kind))), (255, 255, 255))
    palette = halves().quantize(4)
    palette.info["transparency"] = palette.getpixel((2, 2))
    picture = seen(to_picture(file(palette, "PNG", transparency=palette.getpixel((2, 2)))))
    assert near(picture[:, :28], (255, 255, 255))
    assert near(picture[:, 36:], BLUE, 30)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"]
)
def test_every_mode_is_converted(mode):
    image = (
        Image.fromarray(np.linspace(0, 65_535, 64 * 48).reshape(48, 64).astype("uint16"))
        if mode == "I;16"
        else halves(mode=mode)
    )
    picture = to_picture(image)
    assert (picture.width, picture.height) == (64, 48)
    if mode not in ("1", "L", "LA", "P", "I", "F", "I;16"):
        assert near(seen(picture)[:, :28], RED, 40)


def test_colours_that_cannot_be_converted_are_refused_by_their_name():
    with pytest.raises(PictureError, match=r"\(La\) cannot be converted"):
        to_picture(Image.new("La", (4, 4)))


def test_sixteen_bits_are_scaled_and_not_cut_off():
    ramp = np.tile(np.linspace(0, 4095, 256).astype("uint16"), (64, 1))
    shown = seen(to_picture(file(Image.fromarray(ramp)), quality=95))[32, :, 0]
    assert shown[0] < 8
    assert shown[-1] > 247
    assert abs(shown[128] - 128) < 8


def test_of_an_animation_the_first_frame_is_shown():
    film = io.BytesIO()
    halves().save(film, "GIF", save_all=True, append_images=[Image.new("RGB", (64, 48), "white")] * 3)
    assert near(seen(to_picture(film.getvalue()))[4:-4, 4:28], RED, 30)


def test_twenty_megapixels_are_scaled_down_without_being_held_in_full():
    image = Image.effect_noise((5472, 3648), 40).convert("RGB")
    data = file(image, "JPEG")
    del image
    tracemalloc.start()
    picture = to_picture(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (picture.width, picture.height) == (768, 512)
    assert len(picture.data) < 500_000
    assert peak < 40e6


def bomb(width, height):
    """A PNG of a few hundred bytes that claims to be large."""

    def chunk(name, body):
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9_000, 9_000), (12_000, 10_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("filter", ["ignore", "error"])
def test_a_file_that_would_fill_the_memory_is_refused_by_its_first_bytes(size, filter):
    with warnings.catch_warnings():
        warnings.simplefilter(filter)
        with pytest.raises(PictureError, match="pixels"):
            to_picture(bomb(*size))


@pytest.mark.parametrize(
    "data", [b"not a picture", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", bytes(100)]
)
def test_what_is_no_picture_file_is_said(data):
    with pytest.raises(PictureError, match="not a picture that can be read; save it as JPEG"):
        to_picture(data)


def test_no_bytes_are_no_picture():
    with pytest.raises(PictureError, match="no bytes"):
        to_picture(b"")


def test_paths_that_lead_to_none(tmp_path):
    cases = [
        (tmp_path / "SECRET-absent.png", "no picture file at this path"),
        ("https://example.org/SECRET.png", "nothing is fetched"),
        (tmp_path, "is a folder"),
        ("SECRET\0", "no picture file|cannot be opened"),
        ("SECRET" * 1000, "no picture file|cannot be opened"),
    ]
    for path, words in cases:
        with pytest.raises(PictureError, match=words) as raised:
            to_picture(path)
        assert "SECRET" not in str(raised.value)
        assert str(tmp_path) not in str(raised.value)


WHOLE = {kind: file(halves(), kind) for kind in KINDS}


@settings(max_examples=150)
@given(st.sampled_from(KINDS), st.integers(0, 3000), st.integers(0, 2**31 - 1), st.integers(1, 30))
def test_broken_files_are_a_picture_or_one_sentence(kind, cut, seed, hits):
    rng = np.random.default_rng(seed)
    data = bytearray(WHOLE[kind][: max(1, len(WHOLE[kind]) - cut % len(WHOLE[kind]))])
    for place in rng.integers(0, len(data), hits):
        data[place] = rng.integers(0, 256)
    try:
        picture = to_picture(bytes(data))
    except PictureError as error:
        sentence(error)
    else:
        assert picture.width <= 768
