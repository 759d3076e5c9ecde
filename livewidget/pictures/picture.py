"""`Picture`: an image as it is sent. Encodes images as JPEG, converts NumPy arrays, and counts tokens."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import PictureError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


#: Least time between two images of a camera or a screen, in ms: the service takes one frame a second.
INTERVAL_MS: Final = 1000.0
#: Longest side of a picture that is sent, in pixels: the standard for video in the service's documents.
MAX_SIDE: Final = 768
#: JPEG quality, 1 to 95. Chosen: no visible artifacts in photographs.
QUALITY: Final = 80
#: Most pixels of an image before it is scaled down. Chosen: below the 89 million from which Pillow warns.
MOST_PIXELS: Final = 80_000_000


@dataclass(frozen=True)
class Picture:
    """An image exactly as it is sent to a model. A notebook displays it.

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
    """Reject images that would take too much memory.

    Raises:
        PictureError: If it has no pixels, or more than 80 million.
    """
    if width < 1 or height < 1:
        raise PictureError("This picture has no pixels; show one that has some.")
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"This picture has {width * height / 1e6:.0f} million pixels, and at most "
            f"{MOST_PIXELS // 10**6} million can be taken in; scale it down first."
        )


def encode(image: Image, max_side: int, quality: int, *, drawn: bool = False) -> Picture:
    """Return an image as JPEG without metadata, scaled down to `max_side` if it is larger.

    Args:
        image: A Pillow image in any mode, which is not modified. Transparent areas become white.
        max_side: Longest side of the result, in pixels.
        quality: 1 to 95.
        drawn: Whether it shows lines and text, which need full color resolution.

    Raises:
        PictureError: If its colors cannot be converted, or it has too many pixels.
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
    """Return `image` in grayscale or RGB, on a white background."""
    from PIL import Image as pillow

    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        import numpy as np

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


#: Numbers converted at once. Chosen: bounds the memory of one step.
_BAND = 1 << 20
_WHITE = 255


def from_array(array: NDArray[Any]) -> Image:
    """Return an array as a Pillow image.

    Grayscale arrays have the shape `(height, width)` or `(height, width, 1)`. bool, uint8 and floats from 0
    to 1 are shown as they are, with 0 black; others are stretched from black at the lowest value to white at
    the highest. NaN, infinity and masked values are white. Color arrays have the shape `(height, width, 3)`,
    or 4 with transparency, and hold uint8, uint16, floats from 0 to 1, or other numbers from 0 to 255.

    Raises:
        PictureError: If it is another array.
    """
    import numpy as np
    from PIL import Image as pillow

    check_shape(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    if array.dtype.kind not in "buif":
        raise PictureError(f"An array of {array.dtype.name} is not a picture; it takes numbers or booleans.")
    if array.dtype == np.uint8:
        return pillow.fromarray(np.ascontiguousarray(array))
    if array.dtype.kind == "b":
        return pillow.fromarray(np.multiply(array, _WHITE, dtype=np.uint8))
    return pillow.fromarray(_scaled(array, *_shown_range(array)))


def check_shape(array: NDArray[Any]) -> None:
    """Reject an array that does not have the shape of an image, with advice."""
    shape = " × ".join(map(str, array.shape)) or "a single number"
    if array.size == 0:
        raise PictureError(f"This array is empty ({shape}), so there is nothing to show.")
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        raise PictureError(
            f"The colours of an array come last, and here they come first ({shape}); "
            "show np.moveaxis(x, 0, -1)."
        )
    if array.ndim == 4:
        raise PictureError(f"This array holds many pictures ({shape}); show one of them, such as x[0].")
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        raise PictureError(
            f"An array is a picture if it is height × width, or height × width × 3 colours (4 with "
            f"transparency); this one is {shape}."
        )
    check_size(array.shape[1], array.shape[0])


def _shown_range(array: NDArray[Any]) -> tuple[float, float]:
    """Return the values that are shown black and white."""
    is_gray = array.ndim == 2
    if array.dtype == "uint16" and not is_gray:
        return 0.0, 65_535.0
    low, high = _extremes(array)
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return 0.0, 1.0
    if is_gray:
        return low, high
    if low >= 0 and high <= _WHITE:
        return 0.0, float(_WHITE)
    raise PictureError(
        f"The colours of an array go from 0 to 1, or from 0 to 255; these go from {low:g} to {high:g}: "
        "scale them."
    )


def _extremes(array: NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest finite value."""
    import numpy as np

    low, high = np.inf, -np.inf
    for band in _bands(array):
        finite = band[np.isfinite(band)] if array.dtype.kind == "f" else band
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        raise PictureError(
            "This array holds no number at all, only NaN or infinity, so there is nothing to show."
        )
    return low, high


def _scaled(array: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return `array` scaled from `low` as 0 to `high` as 255; values that are not finite become 255."""
    import numpy as np

    out = np.empty(array.shape, np.uint8)
    # Halved, because the difference of two large floats may overflow.
    half = (high / 2 - low / 2) or 0.5
    for target, band in zip(_bands(out), _bands(array), strict=True):
        share = (band.astype(np.float64) / 2 - low / 2) / half
        shown = np.where(np.isfinite(share), share, 1.0).clip(0.0, 1.0)
        target[...] = np.rint(shown * _WHITE)
    return out


def _bands(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return views of some rows each that make up `array`."""
    rows = max(1, _BAND // max(1, array[0].size))
    return [array[start : start + rows] for start in range(0, len(array), rows)]


#: Tokens by media resolution, from the API's enumeration `MediaResolution`: 64 at low; 256 at medium; at high
#: 256 for a region that the service chooses. Without one, the documentation states 258 for a video frame.
_TOKENS: Final = {"low": 64, "medium": 256, "high": 256}
_DEFAULT: Final = 258


def tokens_of(resolution: str | None) -> int:
    """Return how many tokens the service counts for one image, whatever its size in pixels.

    Args:
        resolution: A value of `LiveConfig.media_resolution`, or of the API ("MEDIA_RESOLUTION_LOW"); None:
            not set.
    """
    return _TOKENS.get((resolution or "").lower().removeprefix("media_resolution_"), _DEFAULT)
