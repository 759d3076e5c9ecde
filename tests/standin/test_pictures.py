import io

import pytest
from PIL import Image

from livewidget.standin.pictures import Sight, size


def picture(kind, width=64, height=48, **options):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options", [{"kind": "PNG"}, {"kind": "JPEG"}, {"kind": "JPEG", "progressive": True}]
)
def test_sizes_as_the_picture_library_writes_them(options):
    assert size(picture(**options)) == (64, 48)
    assert size(picture(**options, width=1920, height=1080)) == (1920, 1080)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(100), picture("PNG")[:20]]
)
def test_what_is_no_picture_has_no_size(data):
    assert size(data) is None


def test_every_cut_of_a_picture_is_survived():
    jpeg = picture("JPEG")
    for end in range(len(jpeg)):
        assert size(jpeg[:end]) in (None, (64, 48))
    assert size(b"\xff\xd8" + b"\xff" * 1000) is None
    assert size(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 1000) is None


def test_it_says_how_little_it_sees():
    sight = Sight()
    assert sight.answer("What do you see?") == "I have not been shown a picture."
    sight.look(picture("PNG"))
    assert "64 by 48 pixels" in sight.answer("what can you see")
    sight.look(b"?")
    assert "cannot read" in sight.answer("can you see this")
    assert sight.count == 2
    assert sight.answer("what is seven plus five") is None
