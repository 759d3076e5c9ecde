"""NumPy arrays as pictures, with every number where a person expects it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livewidget.errors import PictureError
from livewidget.pictures.picture import check_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_BAND = 1 << 20  # numbers converted at once: bounds the memory of one step
_WHITE = 255


def from_array(array: NDArray[Any]) -> Image:
    """Return an array as an image of Pillow's.

    Gray, shape `(height, width)` or `(height, width, 1)`: bool, uint8, and floats from 0 to 1 are shown as
    they are, 0 black. All else is stretched: its lowest value black, its highest white. NaN, infinity and
    what is masked is white. Colour, shape `(height, width, 3)`, or 4 with transparency: uint8, uint16, floats
    from 0 to 1, and anything else from 0 to 255.

    Raises:
        PictureError: If it is no such array.
    """
    import numpy as np
    from PIL import Image as pillow

    check_shape(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    if array.dtype.kind not in "buif":
        raise PictureError(f"An array of {array.dtype.name} is no picture; it takes numbers or booleans.")
    if array.dtype == np.uint8:
        return pillow.fromarray(np.ascontiguousarray(array))
    if array.dtype.kind == "b":
        return pillow.fromarray(np.multiply(array, _WHITE, dtype=np.uint8))
    low, high = _gray_range(array) if array.ndim == 2 else _colour_range(array)
    return pillow.fromarray(_scaled(array, low, high))


def check_shape(array: NDArray[Any]) -> None:
    """Refuse an array that does not have the shape of a picture, with what to do about it."""
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


def _gray_range(array: NDArray[Any]) -> tuple[float, float]:
    low, high = _extremes(array)
    return (0.0, 1.0) if array.dtype.kind == "f" and low >= 0 and high <= 1 else (low, high)


def _colour_range(array: NDArray[Any]) -> tuple[float, float]:
    import numpy as np

    if array.dtype == np.uint16:
        return 0.0, 65_535.0
    low, high = _extremes(array)
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= _WHITE:
        return 0.0, float(_WHITE)
    raise PictureError(
        f"The colours of an array go from 0 to 1, or from 0 to 255; these go from {low:g} to {high:g}: "
        "scale them."
    )


def _extremes(array: NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest of the finite values."""
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
    """Return `array` with `low` as 0 and `high` as 255, what is not finite as white."""
    import numpy as np

    out = np.empty(array.shape, np.uint8)
    # Halved first: the span of the largest floats is not one of them.
    half = (high / 2 - low / 2) or 0.5
    for target, band in zip(_bands(out), _bands(array), strict=True):
        share = (band.astype(np.float64) / 2 - low / 2) / half
        shown = np.where(np.isfinite(share), share, 1.0).clip(0.0, 1.0)
        target[...] = np.rint(shown * _WHITE)
    return out


def _bands(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return `array` in views of some rows each."""
    rows = max(1, _BAND // max(1, array[0].size))
    return [array[start : start + rows] for start in range(0, len(array), rows)]
