"""Rows for people: as lines of text, as an HTML table, and as a pandas table.

What `live.turns`, `live.meter` and `live.stats` show of themselves in a cell, in `print` and in a notebook of
one's own. All text may have come from outside, so it is made plain, and HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import ExtraMissing
from livewidget.text import plain, plain_line

if TYPE_CHECKING:
    import pandas

#: Characters of a cell in a line of text. Chosen: a row fits a screen.
CELL_LENGTH: Final = 72
#: Characters of a line of small print. Chosen: a few rows of a card.
LINE_LENGTH: Final = 300
#: Classes of elements in which MathJax looks for no formulas, in version 3 (JupyterLab, Notebook 7) and in
#: version 2 (the HTML of nbconvert, Notebook 6, Colab): "$5 or $10" is no formula.
NO_FORMULAS: Final = "mathjax_ignore tex2jax_ignore"
#: What counters of losses say of themselves while all are 0.
NOTHING_LOST: Final = "nothing was lost or repeated"

# Only properties that sanitizers let through, and Jupyter's own colors where it has them.
_TABLE = "border-collapse:collapse;color:var(--jp-content-font-color1,inherit)"
_CARD = "margin:0;line-height:1.45;color:var(--jp-content-font-color1,inherit)"
_SMALL = "color:var(--jp-content-font-color2,#666);font-size:.9em"
_CELL = "padding:.2em .8em .2em 0;text-align:left;vertical-align:top;line-height:1.45"


def one_line(text: str, length: int = CELL_LENGTH) -> str:
    """Return `text` on one line, cut to `length` characters, the last of them an ellipsis."""
    line = plain_line(text[: 4 * length])
    return line if len(line) <= length else line[: length - 1] + "…"


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines of text with aligned columns."""
    lines = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *lines)
    )


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as an HTML table of escaped text; without `head` it has no headings."""
    heads = "".join(f'<th style="{_CELL}">{escape(plain(cell))}</th>' for cell in head)
    cells = ("".join(f'<td style="{_CELL}">{escape(plain(cell))}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    thead = f"<thead><tr>{heads}</tr></thead>" if head else ""
    return f'<table class="{NO_FORMULAS}" style="{_TABLE}">{thead}<tbody>{body}</tbody></table>'


def html_card(name: str, text: str, marks: Sequence[str] = (), lines: Sequence[str] = ()) -> str:
    """Return who said what as HTML of escaped text: a paragraph, with marks and lines in small print."""
    small = [f'<span style="{_SMALL}">{escape(plain(mark))}</span>' for mark in marks]
    below = [f'<br><code style="{_SMALL}">{escape(one_line(line, LINE_LENGTH))}</code>' for line in lines]
    said = [f"<strong>{escape(plain(name))}</strong>", escape(plain(text)), *small, *below]
    return f'<p class="{NO_FORMULAS}" style="{_CARD}">{" ".join(said)}</p>'


def counts(stats: Any) -> list[tuple[str, str]]:
    """Return the counters of a dataclass that are not 0, in words: ("dropped audio ms", "40")."""
    values = {item.name: getattr(stats, item.name) for item in fields(stats)}
    return [
        (name.replace("_", " "), f"{value:g}")
        for name, value in values.items()
        if isinstance(value, int | float) and value
    ]


def counts_text(rows: Sequence[tuple[str, str]]) -> str:
    """Return what `counts` found as one line of text."""
    return ", ".join(f"{name} {value}" for name, value in rows) or NOTHING_LOST


def counts_html(rows: Sequence[tuple[str, str]]) -> str:
    """Return what `counts` found as HTML."""
    return html_table((), rows) if rows else NOTHING_LOST


def to_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pandas.DataFrame:
    """Return rows as a pandas table with these columns.

    Raises:
        ExtraMissing: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ExtraMissing("to_frame() needs pandas, which is not installed: pip install pandas") from None
    return pandas.DataFrame([dict(row) for row in rows], columns=list(columns))
