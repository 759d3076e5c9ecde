"""Finding out what it is that a person shows."""

from __future__ import annotations

import base64
import binascii
import sys
from pathlib import Path
from typing import Any

from livewidget.errors import PictureError
from livewidget.pictures.picture import MAX_SIDE, QUALITY, Picture, encode

_RAW = ("image/png", "image/jpeg")


def to_picture(x: Any, *, max_side: int = MAX_SIDE, quality: int = QUALITY) -> Picture:
    """Return what is shown as a JPEG, scaled down where it is larger, without the metadata of a file.

    Args:
        x: A path (str or Path) or the bytes of a picture file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF; the
            first frame of an animation, turned as its EXIF data says. An image of Pillow's. A NumPy array,
            gray `(height, width)` or colour `(height, width, 3 or 4)`: bool, uint8 and floats from 0 to 1 as
            they are, other gray stretched from its lowest to its highest value, NaN white. A Matplotlib
            figure or axes, drawn as it is now. A pandas DataFrame, Series or Styler, drawn as a table of its
            first rows and columns, without styles. Whatever else shows itself in a notebook as PNG or JPEG.
            What is transparent becomes white. A `Picture` is returned as it is.
        max_side: Longest side of the result in pixels, 16 to 4096.
        quality: Of the JPEG, 1 to 95.

    Raises:
        PictureError: If it is none of these, empty, broken, or has more than 80 million pixels.
    """
    if not 16 <= max_side <= 4096 or not 1 <= quality <= 95:
        raise PictureError("max_side goes from 16 to 4096 pixels, and quality from 1 to 95.")
    if isinstance(x, Picture):
        return x
    if isinstance(x, str | Path):
        from livewidget.pictures.files import from_path

        return from_path(Path(x), max_side, quality)
    if isinstance(x, bytes | bytearray | memoryview):
        from livewidget.pictures.files import from_bytes

        return from_bytes(bytes(x), max_side, quality)
    return _from_object(x, max_side, quality)


def _from_object(x: Any, max_side: int, quality: int) -> Picture:
    from livewidget.pictures.drawn import figure_of, from_figure

    if _is_a(x, "PIL.Image", "Image"):
        return _from_pillow(x, max_side, quality)
    if (figure := figure_of(x)) is not None:
        return from_figure(figure, max_side, quality)
    if _is_a(x, "pandas.io.formats.style", "Styler"):
        x = x.data
    if _is_a(x, "pandas", "DataFrame", "Series"):
        from livewidget.pictures.table import from_table

        return from_table(x, max_side, quality)
    if _is_a(x, "numpy", "ndarray") or (hasattr(x, "__array__") and not hasattr(x, "__dataframe__")):
        import numpy as np

        from livewidget.pictures.arrays import from_array

        return encode(from_array(x if isinstance(x, np.ndarray) else np.asarray(x)), max_side, quality)
    if (data := _shown(x)) is not None:
        from livewidget.pictures.files import from_bytes

        return from_bytes(data, max_side, quality)
    raise PictureError(
        f"{type(x).__name__} is no kind of picture; show a path, the bytes of a picture file, an image of "
        "Pillow's, a NumPy array, a Matplotlib figure or a pandas table."
    )


def _is_a(x: Any, module: str, *names: str) -> bool:
    """Whether `x` is of a class of `module`, which is not loaded for that: else there is no such object."""
    found = sys.modules.get(module)
    return found is not None and isinstance(x, tuple(getattr(found, name) for name in names))


def _from_pillow(image: Any, max_side: int, quality: int) -> Picture:
    from PIL import ImageOps

    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
    except Exception:  # opened by the user, decoded only now: broken bytes may raise anything
        raise PictureError("This picture is broken or not complete; open it anew.") from None
    return encode(turned, max_side, quality)


def _shown(x: Any) -> bytes | None:
    """Return the PNG or JPEG as which a notebook would show `x`."""
    if isinstance(x, type):
        return None
    for method in ("_repr_png_", "_repr_jpeg_", "_repr_mimebundle_"):
        try:
            found = getattr(x, method)()
        except Exception:  # the user's object; it may also only promise to have the method
            continue
        if isinstance(found, tuple) and found:
            found = found[0]
        if isinstance(found, dict):
            found = next((found[kind] for kind in _RAW if kind in found), None)
        if isinstance(found, str):
            try:
                found = base64.b64decode(found, validate=False)
            except binascii.Error:
                continue
        if isinstance(found, bytes) and found:
            return found
    return None
