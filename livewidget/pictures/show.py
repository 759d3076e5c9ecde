"""`to_picture`: converts what a user shows, including picture files from untrusted sources."""

from __future__ import annotations

import base64
import binascii
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from livewidget.errors import PictureError
from livewidget.pictures.picture import MAX_SIDE, QUALITY, Picture, check_size, encode

if TYPE_CHECKING:
    from PIL.Image import Image


#: Formats that are decoded without running another program. HEIF needs a registered plugin.
FORMATS: Final = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM")
_KINDS = "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"


def from_path(path: Path, max_side: int, quality: int) -> Picture:
    """Return the picture in a file."""
    try:
        if path.is_dir():
            raise PictureError("This path is a folder; name the picture file in it.")
        # Reading a pipe or a device may never end.
        if not path.is_file():
            raise PictureError(
                "There is no picture file at this path; paths start from the notebook's folder, and nothing "
                "is fetched from the internet."
            )
        with path.open("rb") as file:
            return _read(file, max_side, quality)
    except PictureError:
        raise
    except (OSError, ValueError) as error:
        raise PictureError(f"The picture file cannot be opened ({type(error).__name__}).") from None


def from_bytes(data: bytes, max_side: int, quality: int) -> Picture:
    """Return the picture in the content of a file."""
    if not data:
        raise PictureError("This picture has no bytes.")
    return _read(io.BytesIO(data), max_side, quality)


def _read(file: BinaryIO, max_side: int, quality: int) -> Picture:
    from PIL import ImageOps

    with reading(file) as image:
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, which is faster.
        image.draft(None, (2 * max_side, 2 * max_side))
        image.load()
        return encode(ImageOps.exif_transpose(image), max_side, quality)


@contextmanager
def reading(file: BinaryIO) -> Iterator[Image]:
    """Open a picture file; errors of Pillow within the block become a `PictureError`.

    Raises:
        PictureError: If it is not a picture, too large, or damaged.
    """
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    pillow.init()
    try:
        with pillow.open(file, formats=[name for name in FORMATS if name in pillow.OPEN]) as image:
            check_size(*image.size)
            yield image
    except PictureError:
        raise
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise PictureError("This picture has too many pixels to be taken in; scale it down first.") from None
    except UnidentifiedImageError:
        raise PictureError(f"This is not a picture that can be read; save it as {_KINDS}.") from None
    except Exception:  # decoders may raise anything for damaged data
        raise PictureError("This picture is broken or not complete; save it anew.") from None


_RAW = ("image/png", "image/jpeg")


def to_picture(x: Any, *, max_side: int = MAX_SIDE, quality: int = QUALITY) -> Picture:
    """Return what is shown as a JPEG without metadata, scaled down if it is larger than `max_side`.

    Args:
        x: A path (str or Path) or the content of a picture file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF; of an
            animation the first frame, rotated by its EXIF data. A Pillow image. A NumPy array, grayscale
            `(height, width)` or color `(height, width, 3 or 4)`: bool, uint8 and floats from 0 to 1 as they
            are, other grayscale values stretched, NaN white. A Matplotlib figure or axes in its current
            state. A pandas DataFrame, Series or Styler as a table of its first rows and columns, without
            styles. Anything else that a notebook displays as PNG or JPEG. Transparent areas become white. A
            `Picture` is returned as it is.
        max_side: Longest side of the result in pixels, 16 to 4096.
        quality: Of the JPEG, 1 to 95.

    Raises:
        PictureError: If it is none of these, empty, damaged, or has more than 80 million pixels.
    """
    if not 16 <= max_side <= 4096 or not 1 <= quality <= 95:
        raise PictureError("max_side goes from 16 to 4096 pixels, and quality from 1 to 95.")
    if isinstance(x, Picture):
        return x
    if isinstance(x, str | Path):
        return from_path(Path(x), max_side, quality)
    if isinstance(x, bytes | bytearray | memoryview):
        return from_bytes(bytes(x), max_side, quality)
    return _from_object(x, max_side, quality)


def _from_object(x: Any, max_side: int, quality: int) -> Picture:
    from livewidget.pictures.plots import figure_of, from_figure

    if _is_a(x, "PIL.Image", "Image"):
        return _from_pillow(x, max_side, quality)
    if (figure := figure_of(x)) is not None:
        return from_figure(figure, max_side, quality)
    if _is_a(x, "pandas.io.formats.style", "Styler"):
        x = x.data
    if _is_a(x, "pandas", "DataFrame", "Series"):
        from livewidget.pictures.plots import from_table

        return from_table(x, max_side, quality)
    if _is_a(x, "numpy", "ndarray") or (hasattr(x, "__array__") and not hasattr(x, "__dataframe__")):
        import numpy as np

        from livewidget.pictures.picture import from_array

        return encode(from_array(x if isinstance(x, np.ndarray) else np.asarray(x)), max_side, quality)
    if (data := _displayed(x)) is not None:
        return from_bytes(data, max_side, quality)
    raise PictureError(
        f"{type(x).__name__} is not a picture; show a path, the bytes of a picture file, an image of "
        "Pillow's, a NumPy array, a Matplotlib figure or a pandas table."
    )


def _is_a(x: Any, module: str, *names: str) -> bool:
    """Return whether `x` is an instance of a class in `module`; if that is not imported, it cannot be one."""
    found = sys.modules.get(module)
    return found is not None and isinstance(x, tuple(getattr(found, name) for name in names))


def _from_pillow(image: Any, max_side: int, quality: int) -> Picture:
    from PIL import ImageOps

    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
    except Exception:  # decoded only now, so that damaged data may raise anything
        raise PictureError("This picture is broken or not complete; open it anew.") from None
    return encode(turned, max_side, quality)


def _displayed(x: Any) -> bytes | None:
    """Return the PNG or JPEG that a notebook displays for `x`."""
    if isinstance(x, type):
        return None
    for method in ("_repr_png_", "_repr_jpeg_", "_repr_mimebundle_"):
        try:
            found = getattr(x, method)()
        except Exception:  # the method is the user's, or missing
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
