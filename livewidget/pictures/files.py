"""Picture files, in memory or on disk, opened with suspicion: they may come from anywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from livewidget.errors import PictureError
from livewidget.pictures.picture import Picture, check_size, encode

if TYPE_CHECKING:
    from PIL.Image import Image

#: Only what can be decoded without running another program. HEIF is there where its plugin is registered.
FORMATS: Final = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM")
_KINDS = "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"


def from_path(path: Path, max_side: int, quality: int) -> Picture:
    """Return the picture in a file.

    Raises:
        PictureError: If there is no such file, or no picture in it.
    """
    try:
        if path.is_dir():
            raise PictureError("This path is a folder; name the picture file in it.")
        # Pipes and devices may never end.
        if not path.is_file():
            raise PictureError(
                "There is no picture file at this path; paths start from the notebook's folder, and nothing "
                "is fetched from the internet."
            )
        with path.open("rb") as file:
            return _read(file, max_side, quality)
    except (OSError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"The picture file cannot be opened ({type(error).__name__}).") from None


def from_bytes(data: bytes, max_side: int, quality: int) -> Picture:
    """Return the picture in the bytes of a file.

    Raises:
        PictureError: If there is none.
    """
    if not data:
        raise PictureError("This picture has no bytes.")
    return _read(io.BytesIO(data), max_side, quality)


def _read(file: BinaryIO, max_side: int, quality: int) -> Picture:
    from PIL import ImageOps

    with reading(file) as image:
        # A JPEG can be decoded at a half, a quarter or an eighth of its size.
        image.draft(None, (2 * max_side, 2 * max_side))
        image.load()
        return encode(ImageOps.exif_transpose(image), max_side, quality)


@contextmanager
def reading(file: BinaryIO) -> Iterator[Image]:
    """Open a picture of any size that can be taken in; the block may read it, decode it and convert it.

    Raises:
        PictureError: If it is none, if it is too large, or if the block meets broken bytes.
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
        raise PictureError(f"This is no picture that can be read; save it as {_KINDS}.") from None
    except Exception:  # a decoder on broken bytes may raise anything at all
        raise PictureError("This picture is broken or not complete; save it anew.") from None
