"""The worked examples of CONTRIBUTING: one more field of the Live API, and one more model."""

import re
import textwrap
from pathlib import Path

import pytest

from livewidget.config import LiveConfig
from livewidget.models import FEATURES_BY_NAME, find

ROOT = Path(__file__).parents[2]
SECTION = (
    (ROOT / "CONTRIBUTING.md")
    .read_text(encoding="utf-8")
    .partition("### One more field, model, provider")[2]
    .partition("**One more provider**")[0]
)
PLACES = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", SECTION, re.MULTILINE)
FIELD, MODEL = re.findall(r"```python\n(.*?)\n```", SECTION, re.DOTALL)


def test_the_table_is_read():
    assert len(PLACES) == 4


@pytest.mark.parametrize(
    ("path", "text"),
    [*PLACES, ("livewidget/models/features.py", FIELD), ("livewidget/models/table.py", MODEL)],
)
def test_an_example_stands_where_it_says(path, text):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert any(textwrap.indent(text, " " * columns) in source for columns in (0, 4, 8))


def test_the_examples_are_what_they_say():
    assert FEATURES_BY_NAME["presence_penalty"].config_path in LiveConfig.__dataclass_fields__
    assert find("gemini-3.8-live-extended-thinking", "gemini").known
