"""One JupyterLab for all browser tests; a Chromium for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.cells import FIRST
from tests.browser.lab import Lab, Notebook, chromium, find_chromium, open_notebook
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in str(item.path):
            item.add_marker("browser")
    if find_chromium() is None:
        if os.environ.get("CI"):
            raise pytest.UsageError("The browser tests need Chromium: apt-get install chromium")
        for item in items:
            if "browser" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="no Chromium found"))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("notebooks"))
    yield running
    running.close()


@pytest.fixture
def lab_with(tmp_path: Path) -> Iterator[Callable[[str], Lab]]:
    """`lab_with("6.29.5")` is a JupyterLab whose kernel is that ipykernel."""
    from tests.widget.kernels import python_with

    with ExitStack() as labs:

        def start(ipykernel: str) -> Lab:
            running = Lab(tmp_path, python=python_with(ipykernel))
            labs.callback(running.close)
            return running

        yield start


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium without a sound file: tests that speak do it through the scripted microphone."""
    with chromium() as running:
        yield running


@pytest.fixture
def open_talk(lab: Lab, browser: Browser) -> Callable[..., Notebook]:
    """Open a notebook whose microphone is scripted and whose player is tapped."""

    def open_(*cells: str, **options: object) -> Notebook:
        return open_notebook(
            lab, browser, list(cells or (FIRST,)), scripts=(SCRIPTED_MICROPHONE, TAP), **options
        )

    return open_


@pytest.fixture
def sounds(tmp_path: Path) -> Callable[..., Path]:
    """`sounds("what time is it")` is a WAV in which somebody asks that."""
    from tests.speech import question

    def make(text: str, **options: float) -> Path:
        return question(tmp_path / f"{text.replace(' ', '-')}.wav", text, **options)

    return make
