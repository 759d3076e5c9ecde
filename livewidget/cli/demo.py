"""`livewidget demo`: JupyterLab with the notebooks, at the first one."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import livewidget
from livewidget.cli import console
from livewidget.errors import ExtraMissing, UsageError

NOTEBOOK = "01_first_words.ipynb"
#: Seconds that JupyterLab may take to start. Chosen: ample for a cold start on a slow machine.
READY_S = 60.0


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "demo",
        help="open JupyterLab on a first notebook",
        description="Open JupyterLab on copies of the notebooks, at the first. Where there is no display it "
        "prints the address and keeps serving, until Ctrl+C.",
    )
    command.add_argument("--folder", type=Path, help="work here; notebooks that are here already are kept")
    command.add_argument(
        "--port", type=int, default=8888, help="of JupyterLab; the next free one is taken (8888)"
    )
    command.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl+C, SIGTERM or the end of JupyterLab, and return the exit code."""
    if find_spec("jupyterlab") is None or find_spec("ipykernel") is None:
        raise ExtraMissing('The demo needs JupyterLab: pip install "livewidget[jupyter]".')
    folder = prepare(arguments.folder)
    browser = not arguments.no_browser and has_display()
    # SIGTERM acts like Ctrl+C, so that JupyterLab is ended. It runs in a session of its own, because on
    # Ctrl+C it would ask for confirmation first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    words = command(folder, arguments.port, browser)
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        address = wait_for_address(process)
        if address is None:
            console.say("JupyterLab did not start; its own words are above.")
            return process.wait() or 1
        opened = "It opens in your browser" if browser else "Open this in a browser"
        console.out(f"\nJupyterLab is ready. {opened}:\n\n    {address}\n\nEnd it with Ctrl+C.\n")
        return process.wait()
    except KeyboardInterrupt:
        return 0  # the usual way to end it
    finally:
        _end(process)


def prepare(folder: Path | None) -> Path:
    """Copy the notebooks into a folder, or into a new temporary one, and return it.

    Raises:
        UsageError: If the folder cannot be made, or the notebooks are not installed.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="livewidget-demo-")) if folder is None else folder
        folder.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source().glob("*.ipynb")):
            target = folder / notebook.name
            if not target.exists():
                shutil.copyfile(notebook, target)
    except OSError as error:
        raise UsageError(f"The folder cannot be used: {error.strerror or 'it cannot be written'}.") from error
    return folder.resolve()


def source() -> Path:
    """Return the folder of the notebooks: in the package, or beside it in a clone.

    Raises:
        UsageError: If there is none.
    """
    package = Path(livewidget.__file__).parent
    for candidate in (package / "notebooks", package.parent / "notebooks"):
        if (candidate / NOTEBOOK).is_file():
            return candidate
    raise UsageError("The notebooks did not come with this installation: install livewidget again.")


def command(folder: Path, port: int, browser: bool) -> list[str]:
    """Return the command that starts JupyterLab on the notebook in `folder`."""
    words = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--port={port}"]
    words += ["--log-level=WARN", str(folder / NOTEBOOK)]
    if not browser:
        words.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")  # usual in containers, where Jupyter would refuse to start
    return words


def has_display() -> bool:
    """Return whether a browser window can be opened."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def wait_for_address(process: subprocess.Popen[bytes]) -> str | None:
    """Return the notebook's address once the server listens; None if it ended or took too long."""
    from jupyter_core.paths import jupyter_runtime_dir

    # The server writes this file, which holds the token, shortly before it listens.
    note = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server = json.loads(note.read_text())
            socket.create_connection((server["hostname"], server["port"]), timeout=5).close()
        except (OSError, ValueError):
            time.sleep(0.1)
            continue
        return f"{server['url']}lab/tree/{quote(NOTEBOOK)}?token={server['token']}"
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Terminate JupyterLab, which ends its kernels."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
