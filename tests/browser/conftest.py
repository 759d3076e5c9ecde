"""One JupyterLab, one Chromium and mostly one page for all browser tests of a process; a notebook and a kernel for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.cells import FIRST
from tests.browser.lab import Desk, Lab, Notebook, chromium, find_chromium, open_notebook
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


# The package's scope and not the session's: while Playwright's driver runs, no other event loop can in this thread.
@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("notebooks"))
    yield running
    running.close()


@pytest.fixture(scope="package")
def shared_browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def desks() -> Iterator[list[Desk]]:
    """The page that tests share, from the first test that wants one."""
    now: list[Desk] = []
    yield now
    for desk in now:
        desk.close()


@pytest.fixture
def browser(shared_browser: Browser, desks: list[Desk]) -> Iterator[Browser]:
    """A Chromium without a sound file: tests that speak do it through the scripted microphone.

    It is the same for all tests; the contexts that a test makes are closed after it.
    """
    before = list(shared_browser.contexts)
    yield shared_browser
    for context in shared_browser.contexts:
        if context not in before and not any(desk.has(context) for desk in desks):
            context.close()


@pytest.fixture(autouse=True)
def _kernels_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Or they add up, each with its tutor."""
    lab: Lab | None = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    before = lab.sessions() if lab else set()
    yield
    if lab:
        lab.shut_down_kernels(keep=before)


@pytest.fixture
def open_at_desk(
    request: pytest.FixtureRequest, lab: Lab, shared_browser: Browser, browser: Browser, desks: list[Desk]
) -> Iterator[Callable[..., Notebook]]:
    """`open_at_desk(scripts, *cells)` opens a notebook in the page that the tests share, which has run these scripts.

    With `fresh=True`, or what a browser's context takes, it has a page of its own: for what cannot be taken back.
    """
    used: list[Desk] = []
    failed = request.session.testsfailed

    def open_(
        scripts: tuple[str, ...],
        *cells: str,
        fresh: bool = False,
        kernel: str = "python3",
        width: int = 1280,
        height: int = 900,
        **context: Any,
    ) -> Notebook:
        options: dict[str, Any] = {"kernel": kernel, "width": width, "height": height}
        if fresh or used or context:
            return open_notebook(lab, browser, list(cells), scripts=scripts, **options, **context)
        if not desks or desks[0].scripts != scripts:
            for desk in desks:
                desk.close()
            desks[:] = [Desk(lab, shared_browser, scripts)]
        used.append(desks[0])
        return desks[0].open(list(cells), **options)

    yield open_
    for desk in used:
        desk.close() if request.session.testsfailed > failed else desk.clear()


@pytest.fixture
def open_talk(open_at_desk: Callable[..., Notebook]) -> Callable[..., Notebook]:
    """Open a notebook whose microphone is scripted and whose player is tapped."""

    def open_(*cells: str, **options: Any) -> Notebook:
        return open_at_desk((SCRIPTED_MICROPHONE, TAP), *(cells or (FIRST,)), **options)

    return open_


@pytest.fixture
def sounds(tmp_path: Path) -> Callable[..., Path]:
    """`sounds("what time is it")` is a WAV in which somebody asks that."""
    from tests.speech import question

    def make(text: str, **options: float) -> Path:
        return question(tmp_path / f"{text.replace(' ', '-')}.wav", text, **options)

    return make
