"""Figures of the user's, and pandas tables drawn with Matplotlib, as pictures."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import PictureError
from livewidget.pictures.picture import Picture, encode

if TYPE_CHECKING:
    from PIL.Image import Image


#: Lowest and highest resolution of a drawn figure, in dots per inch. Chosen: below, text is illegible; above,
#: tiny figures would be drawn with hairlines.
_DPI: Final = (20.0, 300.0)
#: Multiple of the figure's size up to which artists outside of it are included. Chosen: includes a legend
#: beside the axes, but not an annotation far out.
_FAR: Final = 3


def figure_of(x: Any) -> Any:
    """Return `x` if it is a Matplotlib figure, or the figure of an artist or an array of axes; else None."""
    import sys

    module = sys.modules.get("matplotlib.figure")
    if module is None:
        return None
    if getattr(getattr(x, "dtype", None), "kind", "") == "O" and getattr(x, "size", 0) and hasattr(x, "flat"):
        x = x.flat[0]  # the array of axes that `plt.subplots` returns
    figure = x if isinstance(x, module.FigureBase) else getattr(x, "figure", None)
    if isinstance(figure, module.SubFigure):
        figure = figure.figure
    return figure if isinstance(figure, module.Figure) else None


def from_figure(figure: Any, max_side: int, quality: int) -> Picture:
    """Draw a figure in its current state, with its own background.

    Neither the figure nor pyplot is modified, so that the notebook still shows it at the end of the cell.

    Raises:
        PictureError: If it cannot be drawn.
    """
    from PIL import Image as pillow

    out = io.BytesIO()
    try:
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
        # A tight box, as notebooks use, includes a legend beside the axes; but not if something is far out.
        near = box.width <= _FAR * width and box.height <= _FAR * height
        side = max(box.width, box.height) if near else max(width, height)
        dpi = min(max(max_side / side, _DPI[0]), _DPI[1])
        figure.savefig(out, format="png", dpi=dpi, bbox_inches="tight" if near else None)
        image: Image = pillow.open(out)
        return encode(image, max_side, quality, drawn=True)
    except PictureError:
        raise
    except Exception as error:  # artists may be the user's own
        raise PictureError(f"This figure cannot be drawn ({type(error).__name__}).") from None


#: Most rows, columns and characters of a cell that are drawn. Chosen: what is legible in a picture of 768
#: pixels.
MOST_ROWS: Final = 20
MOST_COLUMNS: Final = 30
_LONGEST: Final = 32
_MORE: Final = "…"

#: Layout in pixels, at a resolution where a point is a pixel. Chosen by eye.
_TABLE_DPI: Final = 72
_FONT: Final = 13.0
_ROW: Final = 24.0
_GAP: Final = 20.0
_MARGIN: Final = 14.0
#: Width at which a smaller table is laid out before it is scaled down.
_NARROWEST: Final = 480

_INK, _SOFT, _RULE, _STRIPE, _PAPER = "#212121", "#5f5f5f", "#b0b0b0", "#f4f4f4", "#ffffff"


@dataclass(frozen=True)
class Column:
    """One column as it is drawn; numbers are right-aligned."""

    head: str
    cells: tuple[str, ...]
    number: bool


@dataclass(frozen=True)
class Sheet:
    """The layout of a drawn table.

    Attributes:
        fonts: The families of fonts to draw it with, in the order in which they are asked for a letter.
        columns: First the index; last an ellipsis if some are left out.
        widths: Their widths in pixels.
        note: The size of the table, if only a part is drawn.
    """

    fonts: tuple[str, ...]
    columns: tuple[Column, ...]
    widths: tuple[float, ...]
    note: str


def from_table(table: Any, max_side: int, quality: int) -> Picture:
    """Draw a DataFrame or a Series: at most 20 rows, and as many columns as fit; see `lay_out`.

    Letters that Matplotlib's own font lacks, such as Chinese or Korean ones, are drawn with a font of this
    computer that has them. A symbol that no font has, such as an emoji, is drawn as its name.

    Raises:
        PictureError: If it is empty, or no font has its letters.
    """
    sheet = lay_out(table, max(max_side, _NARROWEST))
    return encode(_draw(sheet), max_side, quality, drawn=True)


def lay_out(table: Any, room: float) -> Sheet:
    """Choose what to draw of a table in `room` pixels of width: at least the index and one column.

    Raises:
        PictureError: If it has no rows or no columns, or no font has its letters.
    """
    if table.ndim == 1:
        table = table.to_frame(name="" if table.name is None else table.name)
    rows, width = table.shape
    if not rows or not width:
        raise PictureError(
            f"This table is empty ({_count(rows, 'row')}, {_count(width, 'column')}), "
            "so there is nothing to show."
        )
    part = table.iloc[:MOST_ROWS, :MOST_COLUMNS]
    names = tuple("" if name is None else name for name in part.index.names)
    columns = [Column(_label(names), tuple(map(_label, part.index)), number=False)]
    columns += [_column(part.columns[place], part.iloc[:, place]) for place in range(part.shape[1])]
    if rows > len(part):
        columns = [Column(column.head, (*column.cells, _MORE), column.number) for column in columns]
    more = Column(_MORE, (_MORE,) * len(columns[0].cells), number=False)
    fonts, unseen = _fonts_for("".join(text for column in columns for text in (column.head, *column.cells)))
    if unseen:
        columns = [
            Column(_named(one.head, unseen), tuple(_named(cell, unseen) for cell in one.cells), one.number)
            for one in columns
        ]
    widths = _measured([*columns, more], fonts)
    fitting = _fitting(widths[:-1], room, cut=width > part.shape[1])
    if fitting <= width:
        columns, widths = [*columns[:fitting], more], [*widths[:fitting], widths[-1]]
    else:
        widths.pop()
    cut = fitting <= width or rows > len(part)
    note = f"{_count(rows, 'row')} × {_count(width, 'column')}" if cut else ""
    return Sheet(fonts, tuple(columns), tuple(widths), note)


def _column(name: Any, values: Any) -> Column:
    kind = getattr(values.dtype, "kind", "O")
    cells = _floats(list(values)) if kind == "f" else [_cell(value) for value in values]
    return Column(_label(name), tuple(cells), number=kind in "iufc")


def _floats(values: list[Any]) -> list[str]:
    """Format floats to six significant digits, with the same number of decimals."""
    short = [_cell(value) if value is None else f"{value:.6g}" for value in values]
    plain = [text for text in short if "e" not in text]
    decimals = max((len(text.partition(".")[2]) for text in plain), default=0)
    return [
        text if "e" in text or not text[-1:].isdigit() else f"{value:.{decimals}f}"
        for text, value in zip(short, values, strict=True)
    ]


def _label(name: Any) -> str:
    if isinstance(name, tuple):
        return _cell(" · ".join(str(part) for part in name if part != ""))
    return "" if name is None else _cell(name)


def _cell(value: Any) -> str:
    text = " ".join(str(value).split()).removesuffix(" 00:00:00")  # dates without a time
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + _MORE


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _fonts_for(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the families of fonts that `text` is drawn with, and the symbols that none of them has.

    Raises:
        PictureError: If a letter is in no font of this computer.
    """
    import matplotlib
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    families = list(matplotlib.rcParams["font.family"])
    missing = {letter for letter in text if letter.isprintable() and letter != " "}
    missing -= _letters_of(findfont(FontProperties(family=families)))
    # Upright and of normal weight first: other faces of a family have the same letters.
    entries = sorted(
        fontManager.ttflist, key=lambda font: (font.style != "normal", str(font.weight) != "400")
    )
    for entry in entries:
        if not missing:
            break
        # The font of last resort, which Matplotlib brings along, has a box for every letter there is.
        if "Last Resort" in entry.name:
            continue
        if entry.name not in families and (found := missing & _letters_of(entry.fname)):
            families.append(entry.name)
            missing -= found
    letters = sorted(letter for letter in missing if letter.isalpha())
    if letters:
        raise PictureError(
            f"No font on this computer has the letters {', '.join(letters[:3])}{' …' if letters[3:] else ''} "
            "of this table: install one that does, such as Noto Sans CJK, or send the table as text."
        )
    return tuple(families), frozenset(missing)


@lru_cache(maxsize=1024)
def _letters_of(path: str) -> frozenset[str]:
    """Return the characters that a font file has."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError, ValueError):  # gone since it was listed, or a kind that cannot be drawn
        return frozenset()


def _named(text: str, unseen: frozenset[str]) -> str:
    """Return `text` with the name of each symbol in `unseen` in its place."""
    if not unseen.intersection(text):
        return text
    names = {letter: f"[{unicodedata.name(letter, 'symbol').lower()}]" for letter in unseen}
    # What joins and varies emoji has no look of its own.
    return "".join("" if letter in "\ufe0e\ufe0f" else names.get(letter, letter) for letter in text)


def _measured(columns: list[Column], fonts: tuple[str, ...]) -> list[float]:
    from matplotlib.font_manager import FontProperties

    bold = FontProperties(family=fonts, size=_FONT, weight="bold")
    plain = FontProperties(family=fonts, size=_FONT)
    measure = _canvas().get_renderer().get_text_width_height_descent
    return [
        max(
            float(measure(text or " ", bold if place == 0 else plain, False)[0])
            for place, text in enumerate((column.head, *column.cells))
        )
        for column in columns
    ]


def _fitting(widths: list[float], room: float, *, cut: bool) -> int:
    """Return how many columns fit, at least two, with space for an ellipsis if some do not."""
    ends = list(accumulate((width + _GAP for width in widths), initial=2 * _MARGIN - _GAP))[1:]
    if ends[-1] <= room and not cut:
        return len(widths)
    return max(2, sum(end <= room - _FONT - _GAP for end in ends))


def _draw(sheet: Sheet) -> Image:
    import numpy as np
    from PIL import Image as pillow

    canvas = _canvas()
    _put(canvas.figure, sheet)
    canvas.draw()
    return pillow.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _canvas() -> Any:
    """Return a canvas with a new figure, without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure(dpi=_TABLE_DPI, facecolor=_PAPER))


def _put(figure: Any, sheet: Sheet) -> None:
    """Size the figure, and add rules and texts."""
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

    lines = len(sheet.columns[0].cells) + 1
    width = sum(sheet.widths) + _GAP * (len(sheet.widths) - 1) + 2 * _MARGIN
    height = _ROW * (lines + bool(sheet.note)) + 2 * _MARGIN
    figure.set_size_inches(width / _TABLE_DPI, height / _TABLE_DPI)

    def band(top: float, thick: float, colour: str) -> None:
        box = (0 if colour == _STRIPE else _MARGIN, height - top - thick)
        size = (width - 2 * box[0], thick)
        figure.add_artist(Rectangle(box, *size, facecolor=colour, edgecolor="none", transform=None))

    def write(x: float, line: float, text: str, align: str, **more: Any) -> None:
        y = height - _MARGIN - _ROW * (line + 0.5)
        style: dict[str, Any] = {"fontsize": _FONT, "color": _INK, "ha": align, "va": "center_baseline"}
        style["fontfamily"] = list(sheet.fonts)
        figure.add_artist(Text(x, y, text, parse_math=False, usetex=False, transform=None, **style | more))

    for line in range(2, lines, 2):
        band(_MARGIN + _ROW * line, _ROW, _STRIPE)
    for line in (1, lines):
        band(_MARGIN + _ROW * line - 0.5, 1.0, _RULE)
    left = _MARGIN
    for place, (column, wide) in enumerate(zip(sheet.columns, sheet.widths, strict=True)):
        x, align = (left + wide, "right") if column.number else (left, "left")
        write(x, 0, column.head, align, fontweight="bold")
        for line, text in enumerate(column.cells, 1):
            write(x, line, text, align, color=_SOFT if place == 0 else _INK)
        left += wide + _GAP
    if sheet.note:
        write(_MARGIN, lines, sheet.note, "left", color=_SOFT)
