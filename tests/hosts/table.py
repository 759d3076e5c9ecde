"""What runs where: the rows of README's table, each held against what the test of that host sees.

`python -m tests.hosts.table` writes the table into README; `test_table.py` compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.browser.lab import ROOT, chromium
from tests.hosts.firefox import firefox
from tests.hosts.host import BehindNginx, Hub, Jupyter, Marimo, NbClassic, Voila


def hears(microphone: Path) -> AbstractContextManager[Any]:
    """A Chromium whose microphone plays `microphone` again and again; it knows this computer as notebook.test too."""
    return chromium(microphone=microphone, repeats=True, hosts="notebook.test")


@dataclass(frozen=True, kw_only=True)
class Host:
    """One row.

    Attributes:
        environment: Of `tools/setup.py`: the host and its version.
        detail: What else there is to say about it.
        make: Starts the server in a folder.
        meanwhile: What becomes of the talk while a cell runs; "–": there are no cells.
        way: How the card's messages go, while the talk is on.
        transcript: What is there when it is opened again without its kernel.
        is_quick: It runs in `make test` as well.
    """

    environment: str
    make: Callable[[str, Path], Any]
    detail: str = ""
    meanwhile: Literal["goes on", "pauses", "–"]
    transcript: Literal["saved", "none", "–"]
    way: Literal["over a socket", "through jupyter-server-proxy", "through Jupyter"] = "over a socket"
    browser: Callable[[Path], AbstractContextManager[Any]] = hears
    browser_name: str = "Chromium"
    is_quick: bool = False

    @property
    def id(self) -> str:
        return "-".join(filter(None, [self.environment, self.detail, self.browser_name])).replace(" ", "-")

    def start(self, root: Path) -> AbstractContextManager[Any]:
        return closing(self.make(self.environment, root))


def jupyter(**options: Any) -> Callable[[str, Path], Any]:
    return lambda name, root: Jupyter(name, root, **options)


def marimo(command: str) -> Callable[[str, Path], Any]:
    return lambda name, root: Marimo(name, root, command=command)


#: When `make hosts` was run last, and with which browsers: to be set with the rows it was run for.
RUN_ON = "2026-11-30, Chromium 156 and Firefox 153 ESR on Linux"

NAMES = {
    "jupyterlab": "JupyterLab",
    "notebook": "Notebook",
    "voila": "Voilà",
    "jupyterhub": "JupyterHub",
    "jupyter-server-proxy": "JupyterLab with jupyter-server-proxy",
    "jupyter-collaboration": "JupyterLab with jupyter-collaboration",
}

HOSTS = (
    Host(
        environment="notebook 7.6.5",
        make=jupyter(module="notebook", page="notebooks/{name}"),
        meanwhile="goes on",
        transcript="saved",
        is_quick=True,
    ),
    Host(
        environment="marimo 0.25.2",
        detail="run",
        make=marimo("run"),
        meanwhile="goes on",
        transcript="none",
        is_quick=True,
    ),
    Host(
        environment="marimo 0.25.2",
        detail="edit",
        make=marimo("edit"),
        meanwhile="goes on",
        transcript="none",
    ),
    Host(environment="jupyterlab 4.6.6", make=jupyter(), meanwhile="goes on", transcript="saved"),
    Host(environment="jupyterlab 4.5.11", make=jupyter(), meanwhile="goes on", transcript="saved"),
    Host(environment="jupyterlab 4.4.10", make=jupyter(), meanwhile="goes on", transcript="saved"),
    Host(
        environment="jupyterlab 4.6.6",
        make=jupyter(),
        meanwhile="goes on",
        transcript="saved",
        browser=firefox,
        browser_name="Firefox",
    ),
    Host(environment="nbclassic 1.3.3", make=NbClassic, meanwhile="goes on", transcript="saved"),
    Host(environment="voila 0.5.13", make=Voila, meanwhile="–", transcript="–"),
    Host(
        environment="jupyterhub 6.1.1",
        detail="each of two users",
        way="through jupyter-server-proxy",
        make=Hub,
        meanwhile="goes on",
        transcript="saved",
    ),
    Host(
        environment="jupyter-server-proxy 4.6.0",
        detail="behind nginx, https, path prefix",
        way="through jupyter-server-proxy",
        make=BehindNginx,
        meanwhile="goes on",
        transcript="saved",
    ),
    Host(environment="jupyter-collaboration 5.0.4", make=jupyter(), meanwhile="goes on", transcript="saved"),
)


def markdown() -> str:
    """The table, as README has it."""
    lines = [
        f"Run on {RUN_ON}, by `make hosts`; those marked * by `make test` too.",
        "",
        "| a question asked aloud is answered, and heard sample by sample, in | messages go | while a cell runs | opened again without its kernel |",
        "|---|---|---|---|",
    ]
    for host in HOSTS:
        project, version = host.environment.split()
        title = f"{NAMES.get(project, project)} {version}{host.detail and ', '}{host.detail}"
        if host.browser_name != "Chromium":
            title += f", {host.browser_name}"
        meanwhile = {"goes on": "the talk goes on", "pauses": "the microphone pauses, and says so"}
        opened = {"saved": "the transcript is there", "none": "no transcript"}
        cells = [
            title + "*" * host.is_quick,
            host.way,
            meanwhile.get(host.meanwhile, "–"),
            opened.get(host.transcript, "–"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def in_readme(text: str) -> tuple[int, int]:
    """Where the table stands in README's text."""
    begin, end = "<!-- hosts -->\n", "\n<!-- /hosts -->"
    return text.index(begin) + len(begin), text.index(end)


def main() -> None:
    path = ROOT / "README.md"
    text = path.read_text()
    begin, end = in_readme(text)
    path.write_text(text[:begin] + markdown() + text[end:])


if __name__ == "__main__":
    main()
