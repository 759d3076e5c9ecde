"""Tables that can be read, whatever is in them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from livewidget.errors import PictureError
from livewidget.pictures import to_picture
from livewidget.pictures.plots import lay_out

from .made import seen

FRAME = pd.DataFrame(
    {"name": ["Ada", "Alan", "Grace"], "born": [1815, 1912, 1906], "score": [0.5, np.nan, 1234.25]}
)
MANY = pd.DataFrame({f"column {place}": np.arange(1000) + place for place in range(40)})


def cells(x, room=768):
    return [(column.head, *column.cells) for column in lay_out(x, room).columns]


def test_a_small_table_is_shown_whole():
    assert cells(FRAME) == [
        ("", "0", "1", "2"),
        ("name", "Ada", "Alan", "Grace"),
        ("born", "1815", "1912", "1906"),
        ("score", "0.50", "nan", "1234.25"),
    ]
    assert lay_out(FRAME, 768).note == ""
    picture = to_picture(FRAME)
    assert 150 < picture.width < 400
    assert (seen(picture) < 100).any()


def test_of_a_large_table_the_first_rows_and_columns_are_shown_and_its_size_is_said():
    sheet = lay_out(MANY, 768)
    assert sheet.note == "1,000 rows × 40 columns"
    assert sheet.columns[-1].head == sheet.columns[1].cells[-1] == "…"
    assert [column.head for column in sheet.columns[1:4]] == ["column 0", "column 1", "column 2"]
    assert sheet.columns[1].cells[:3] == ("0", "1", "2")
    assert len(sheet.columns[0].cells) == 21
    picture = to_picture(MANY)
    assert 600 < picture.width <= 768
    assert picture.height <= 768


def test_a_table_of_many_short_columns_says_that_there_are_more():
    wide = pd.DataFrame(np.zeros((2, 31), int), columns=["a"] * 31)
    assert lay_out(wide, 5000).columns[-1].head == "…"
    assert lay_out(wide.iloc[:, :30], 5000).note == ""


def test_a_column_wider_than_the_picture_is_scaled_with_it():
    long = pd.DataFrame({"x" * 500: ["y" * 500]})
    assert max(map(len, cells(long)[1])) == 32
    assert to_picture(long, max_side=100).width == 100


def test_numbers_have_six_figures_and_one_number_of_decimals():
    assert cells(pd.DataFrame({"x": [1.0, 2.5, -100.125]}))[1] == ("x", "1.000", "2.500", "-100.125")
    assert cells(pd.DataFrame({"x": [1.0, 2.0]}))[1] == ("x", "1", "2")
    assert cells(pd.DataFrame({"x": [1e-9, 1.0, np.inf]}))[1] == ("x", "1e-09", "1", "inf")
    assert cells(pd.DataFrame({"x": pd.array([1.5, None], "Float64")}))[1] == ("x", "1.5", "<NA>")


def test_series_and_styles_and_labels_of_several_parts():
    assert cells(FRAME["name"]) == [("", "0", "1", "2"), ("name", "Ada", "Alan", "Grace")]
    assert cells(pd.Series([1])) == [("", "0"), ("", "1")]
    grouped = FRAME.groupby(["name", "born"]).agg({"score": ["mean", "max"]})
    assert cells(grouped)[0][:2] == ("name · born", "Ada · 1815")
    assert cells(grouped)[1][0] == "score · mean"
    assert to_picture(FRAME.style.highlight_max(subset=["born"])).data == to_picture(FRAME).data


def test_dates_without_a_time_and_texts_of_several_lines():
    frame = pd.DataFrame({"t": pd.to_datetime(["2024-01-02"]), "s": ["a\n\tb"], "d": ["$x^2$"]})
    assert [column[1] for column in cells(frame)] == ["0", "2024-01-02", "a b", "$x^2$"]


def make_font(path, name, letters):
    """Write a font whose letters are bars of different heights."""
    builder = FontBuilder(1000, isTTF=True)
    names = [f"letter{number}" for number in range(len(letters))]
    builder.setupGlyphOrder([".notdef", *names])
    builder.setupCharacterMap({ord(letter): glyph for letter, glyph in zip(letters, names, strict=True)})
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for number, glyph in enumerate(names):
        pen, top = TTGlyphPen(None), 300 + 150 * number
        pen.moveTo((100, 0))
        for corner in ((100, top), (500, top), (500, 0)):
            pen.lineTo(corner)
        pen.closePath()
        glyphs[glyph] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (600, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def east_asian_font(tmp_path, monkeypatch):
    """A font of this computer that has four letters which Matplotlib's own lacks."""
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    path = tmp_path / "letters.ttf"
    make_font(path, "Letters of the East", "漢字안녕")
    fontManager.addfont(path)


@pytest.mark.parametrize(("one", "other"), [("漢", "字"), ("안", "녕"), ("a漢", "a字"), ("漢안", "漢녕")])
def test_letters_that_the_own_font_lacks_are_drawn_with_one_that_has_them(east_asian_font, one, other):
    """The kind: what cannot be read in the picture must not be sent as if it could."""
    pictures = [to_picture(pd.DataFrame({"t": [text * 3]})) for text in (one, other)]
    assert pictures[0].data != pictures[1].data
    assert np.abs(seen(pictures[0]).astype(int) - seen(pictures[1])).max() > 100


@pytest.mark.parametrize("text", ["\u13000", "a\U00010480b", "\U0001e900"])
def test_letters_that_no_font_has_are_one_sentence(text):
    with pytest.raises(
        PictureError, match=r"No font on this computer has the letters .*send the table as text"
    ):
        to_picture(pd.DataFrame({text: [1]}))


def test_a_symbol_that_no_font_has_is_its_name():
    assert cells(pd.Series(["ok \U0001f9ee\ufe0f"], name="t"))[1][1] == "ok [abacus]"
    assert to_picture(pd.Series(["ok \U0001f9ee\ufe0f"], name="t")).width > 20


@pytest.mark.parametrize(
    ("x", "size"),
    [
        (FRAME.iloc[:0], "0 rows, 3 columns"),
        (FRAME[[]], "3 rows, 0 columns"),
        (pd.DataFrame(), "0 rows, 0 columns"),
        (pd.Series(dtype=float), "0 rows, 1 column"),
    ],
)
def test_an_empty_table_is_one_sentence(x, size):
    with pytest.raises(PictureError) as raised:
        to_picture(x)
    assert str(raised.value) == f"This table is empty ({size}), so there is nothing to show."


def test_pyplot_is_not_even_loaded():
    code = (
        "import sys, pandas as pd; from livewidget.pictures import to_picture\n"
        "to_picture(pd.DataFrame({'a': [1]})); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
