"""Pictures for the tests: made with Pillow, looked at with Pillow."""

import io

import numpy as np
from PIL import Image

RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves(width=64, height=48, mode="RGB", left=RED, right=BLUE):
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), left)
    image.paste(right, (width // 2, 0, width, height))
    return image.convert(mode)


def file(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def seen(picture):
    """What a picture that was made looks like, as an array of shape (height, width, 3)."""
    with Image.open(io.BytesIO(picture.data)) as image:
        assert (image.format, image.size) == ("JPEG", (picture.width, picture.height))
        assert (picture.mime_type, len(image.getexif())) == ("image/jpeg", 0)
        return np.asarray(image.convert("RGB")).astype(int)


def near(array, colour, tolerance=14):
    return np.abs(array - np.asarray(colour)).max() <= tolerance


def sentence(error):
    """What a person reads is one line, and ends."""
    assert str(error).endswith(".")
    assert "\n" not in str(error)
