"""What the tests of the hosts share: who asks again and again, and the browsers that hear them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.lab import find_chromium
from tests.speech import question


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    ours = [item for item in items if item.path.parent == here and item.path.name != "test_table.py"]
    for item in ours:
        item.add_marker("browser")
    if ours and find_chromium() is None:
        if os.environ.get("CI"):
            raise pytest.UsageError("The tests of the hosts need Chromium: apt-get install chromium")
        for item in ours:
            item.add_marker(pytest.mark.skip(reason="no Chromium found"))


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who asks the same again after six seconds."""
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    return question(path, "what is seven plus five", before=1.0, after=5.0)
