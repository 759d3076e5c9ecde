"""A picture as it is sent, and the one place where pictures become JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from livewidget.errors import PictureError

if TYPE_CHECKING:
    from PIL.Image import Image

#: Longest side of a picture that is sent, in pixels: the standard for video in the service's documents.
MAX_SIDE: Final = 768
#: JPEG quality, 1 to 95.
QUALITY: Final = 80
#: Pixels of the largest picture that is taken in, before it is scaled down; Pillow warns from 89 million.
MOST_PIXELS: Final = 80_000_000


@dataclass(frozen=True)
class Picture:
    """The very bytes of a picture that a model is sent. As the last line of a cell, a notebook shows it.

    Attributes:
        data: The encoded file.
        mime_type: "image/jpeg" for all that `to_picture` makes.
        width: In pixels.
        height: In pixels.
    """

    data: bytes = field(repr=False)
    mime_type: str
    width: int
    height: int

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        return {self.mime_type: self.data, "text/plain": repr(self)}


def check_size(width: int, height: int) -> None:
    """Refuse what would fill the memory before it could be scaled down.

    Raises:
        PictureError: If it has no pixel, or more than 80 million.
    """
    if width < 1 or height < 1:
        raise PictureError("This picture has no pixels; show one that has some.")
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"This picture has {width * height / 1e6:.0f} million pixels, and at most "
            f"{MOST_PIXELS // 10**6} million can be taken in; scale it down first."
        )


def encode(image: Image, max_side: int, quality: int, *, drawn: bool = False) -> Picture:
    """Return `image` as a JPEG without metadata, at most `max_side` pixels wide and high; never enlarged.

    Args:
        image: Of Pillow's, in any mode; it stays as it is. What is transparent in it becomes white.
        max_side: In pixels.
        quality: 1 to 95.
        drawn: Whether it is lines and letters, whose colours must not be smeared over their neighbours.

    Raises:
        PictureError: If its colours cannot be converted, or it has too many pixels.
    """
    check_size(*image.size)
    flat = _on_white(image)
    if max(flat.size) > max_side:
        scale = max_side / max(flat.size)
        size = (max(1, round(flat.width * scale)), max(1, round(flat.height * scale)))
        flat = flat.resize(size, resample=1, reducing_gap=3.0)  # 1: Lanczos
    out = io.BytesIO()
    flat.save(out, format="JPEG", quality=quality, subsampling=0 if drawn else 2)
    return Picture(out.getvalue(), "image/jpeg", flat.width, flat.height)


def _on_white(image: Image) -> Image:
    """Return `image` as gray or RGB."""
    from PIL import Image as pillow

    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        import numpy as np

        from livewidget.pictures.arrays import from_array

        return from_array(np.asarray(image))
    try:
        if image.mode == "1":
            return image.convert("L")
        if not image.has_transparency_data:
            return image.convert("RGB")
        clear = image.convert("RGBA")
    except ValueError:
        raise PictureError(
            f"The colours of this picture ({image.mode}) cannot be converted; save it as RGB first."
        ) from None
    paper = pillow.new("RGB", clear.size, "white")
    paper.paste(clear, mask=clear.getchannel("A"))
    return paper
