"""Whatever a person shows becomes one JPEG, or one sentence."""

import base64
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from livewidget.errors import PictureError
from livewidget.pictures import to_picture

from .made import BLUE, RED, file, halves, near, seen


def test_one_picture_in_every_form_looks_the_same(tmp_path):
    image = halves()
    path = tmp_path / "halves.png"
    path.write_bytes(file(image))
    shows = types.SimpleNamespace(_repr_png_=lambda: file(image))
    for x in (
        path,
        str(path),
        path.read_bytes(),
        bytearray(path.read_bytes()),
        image,
        np.asarray(image),
        shows,
    ):
        picture = to_picture(x, quality=95)
        assert (picture.width, picture.height) == (64, 48)
        assert near(seen(picture)[:, :28], RED)
        assert near(seen(picture)[:, 36:], BLUE)


def test_a_picture_is_shown_as_it_is_sent_and_is_not_made_anew():
    picture = to_picture(halves())
    assert to_picture(picture, max_side=16) is picture
    shown = picture._repr_mimebundle_()
    assert shown["image/jpeg"] == picture.data
    assert shown["text/plain"] == repr(picture) == "Picture(mime_type='image/jpeg', width=64, height=48)"


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((3000, 1500), (768, 384)),
        ((100, 50), (100, 50)),
        ((5000, 2), (768, 1)),
        ((1, 1), (1, 1)),
        ((768, 768), (768, 768)),
    ],
)
def test_the_longest_side_is_bounded_and_nothing_is_enlarged(size, wanted):
    picture = to_picture(halves(*size))
    assert (picture.width, picture.height) == wanted


def test_quality_and_size_can_be_chosen():
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    fine, coarse = to_picture(noise, quality=95), to_picture(noise, quality=20)
    assert len(coarse.data) < len(fine.data) / 2
    assert to_picture(noise, max_side=100).width == 100
    for options in ({"max_side": 5}, {"max_side": 9999}, {"quality": 0}, {"quality": 96}):
        with pytest.raises(PictureError, match="max_side"):
            to_picture(noise, **options)


class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": base64.b64encode(file(halves())).decode()}, {}


class Tuple:
    def _repr_jpeg_(self):
        return file(halves(), "JPEG"), {"width": 64}


class Broken:
    def _repr_png_(self):
        raise RuntimeError("not today")

    _repr_jpeg_ = None


def test_what_shows_itself_in_a_notebook_can_be_shown():
    for x in (Bundle(), Tuple()):
        assert near(seen(to_picture(x))[:, :28], RED)
    from IPython.display import Image as Shown

    assert near(seen(to_picture(Shown(data=file(halves()))))[:, :28], RED)


@pytest.mark.parametrize("x", [None, 7, object(), Broken(), Bundle, ["a"], {"a": 1}, lambda: 1])
def test_what_is_no_picture_is_said_by_its_type(x):
    with pytest.raises(PictureError, match=rf"^{type(x).__name__} is not a picture"):
        to_picture(x)


def test_nothing_is_loaded_to_find_out():
    code = (
        "import sys; from livewidget.pictures import to_picture\n"
        "try: to_picture(object())\n"
        "except ValueError: print([n for n in ('PIL', 'matplotlib', 'pandas', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_image_that_was_opened_and_not_yet_read(tmp_path):
    whole = file(halves(400, 300), "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(whole)
    with Image.open(path) as image:
        assert to_picture(image).width == 400
        assert image.size == (400, 300)
    path.write_bytes(whole[: len(whole) // 2])
    with Image.open(path) as image, pytest.raises(PictureError, match="broken"):
        to_picture(image)
