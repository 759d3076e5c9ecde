"""The worked examples of CONTRIBUTING: one more field of a turn, and one more message to the page."""

import re
from pathlib import Path

import msgspec
import pytest

from livewidget.turns import Turn
from livewidget.ui.messages import TurnView
from livewidget.ui.views import turn_view

ROOT = Path(__file__).parents[2]
SECTION = (
    (ROOT / "CONTRIBUTING.md")
    .read_text(encoding="utf-8")
    .partition("### One more field of a turn, one more message to the page")[2]
    .partition("\n### ")[0]
)
PLACES = re.findall(r"^\| `([^`]+)`[^|]*\| `([^`]+)` \|$", SECTION, re.MULTILINE)


def test_each_table_is_read():
    assert len(PLACES) == 9


@pytest.mark.parametrize(("path", "line"), PLACES)
def test_a_line_of_an_example_stands_where_it_says(path, line):
    assert line in (ROOT / path).read_text(encoding="utf-8")


def test_the_field_of_the_example_reaches_the_page():
    view = turn_view(Turn(index=0, speaker="user", images=3))
    assert (msgspec.to_builtins(view)["images"], "images" in TurnView.__struct_fields__) == (3, True)


def test_the_field_of_the_example_is_written_in_no_other_module():
    modules = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "livewidget").rglob("*.py")}
    # Passed on under the same name it is another one: whether an agent looks at pictures.
    writes = re.compile(r"\bimages(: int|=(?!images))")
    found = {name for name, path in modules.items() if writes.search(path.read_text(encoding="utf-8"))}
    assert found == {path for path, line in PLACES if line.startswith(("images", "self._store"))} - {
        "js/src/messages.gen.ts"
    }
