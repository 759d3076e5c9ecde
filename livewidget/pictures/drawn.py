"""What Matplotlib draws: a person's figures, and tables."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import PictureError
from livewidget.pictures.picture import Picture, encode

if TYPE_CHECKING:
    from PIL.Image import Image

_DPI: Final = (20.0, 300.0)
_FAR: Final = 3  # times the figure's size


def figure_of(x: Any) -> Any:
    """Return the Matplotlib figure that `x` is, belongs to, or holds the axes of; else None."""
    import sys

    module = sys.modules.get("matplotlib.figure")
    if module is None:
        return None
    if getattr(getattr(x, "dtype", None), "kind", "") == "O" and getattr(x, "size", 0):
        x = x.flat[0]  # the array of axes that `plt.subplots` returns
    figure = x if isinstance(x, module.FigureBase) else getattr(x, "figure", None)
    if isinstance(figure, module.SubFigure):
        figure = figure.figure
    return figure if isinstance(figure, module.Figure) else None


def from_figure(figure: Any, max_side: int, quality: int) -> Picture:
    """Draw a figure as it is now, all of what belongs to it, with its own background.

    Neither the figure nor pyplot is changed: what the notebook shows at the end of the cell stays the same.

    Raises:
        PictureError: If it cannot be drawn.
    """
    from PIL import Image as pillow

    out = io.BytesIO()
    try:
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
        # As notebooks do it: a legend beside the axes would be cut off. But not around something far out.
        near = box.width <= _FAR * width and box.height <= _FAR * height
        side = max(box.width, box.height) if near else max(width, height)
        dpi = min(max(max_side / side, _DPI[0]), _DPI[1])
        figure.savefig(out, format="png", dpi=dpi, bbox_inches="tight" if near else None)
        image: Image = pillow.open(out)
        return encode(image, max_side, quality, drawn=True)
    except PictureError:
        raise
    except Exception as error:  # what a figure draws with is the user's
        raise PictureError(f"This figure cannot be drawn ({type(error).__name__}).") from None
