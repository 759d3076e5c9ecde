"""A real JupyterLab and a real Chromium, for tests and benchmarks.

`Lab` is the server; `open_notebook` writes a notebook, opens it in a page and returns a `Notebook`, whose methods are
what a person does: run a cell, look at the card, press a button.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as TooLate

from tests.ports import free_port

ROOT = Path(__file__).parents[2]

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]

JUPYTER_CONFIG = """
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.local_hostnames = ["localhost", "notebook.test"]
c.IdentityProvider.token = "tests"
c.LabApp.expose_app_in_browser = True
c.JupyterNotebookApp.expose_app_in_browser = True
c.LabApp.news_url = ""
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabServerApp.user_settings_dir = {settings!r}
c.LabServerApp.workspaces_dir = {workspaces!r}
c.KernelSpecManager.ensure_native_kernel = False
# Ports are chosen before they are used, and others open and close some all the while.
c.KernelManager.transport = "ipc"
"""

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
    "@jupyterlab/notebook-extension/tracker": {"autoStartDefaultKernel": True},
}


def find_chromium() -> str | None:
    """The system's Chromium or Chrome, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Lab:
    """A JupyterLab server on 127.0.0.1, with settings of its own and one kernel, `python3`: that of `python`.

    `server` is the Python of the server, `module` what it runs, `page` the path of a notebook's page below the
    server's address, `base` its base URL, and `options` goes to the server as it is.
    """

    def __init__(
        self,
        root: Path,
        *,
        python: str = sys.executable,
        theme: str = "JupyterLab Light",
        server: str = sys.executable,
        module: str = "jupyterlab",
        page: str = "lab/workspaces/{workspace}/tree/{name}",
        options: Sequence[str] = (),
        base: str = "/",
    ) -> None:
        self.root, self._page, self._server = root, page, server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{base.rstrip('/')}"
        self._home = Path(tempfile.mkdtemp(prefix="livewidget-lab-"))
        self._ending: list[threading.Thread] = []
        self._write_home(python, theme)
        self.log = self._home / "jupyter.log"
        environment = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
        environment |= {
            "JUPYTER_CONFIG_DIR": str(self._home / "config"),
            "JUPYTER_DATA_DIR": str(self._home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._home / "runtime"),
            "IPYTHONDIR": str(self._home / "ipython"),
            # Or the kernel of this environment would be found before the one named above.
            "JUPYTER_PREFER_ENV_PATH": "0",
            "PYTHONWARNINGS": "ignore",
        }
        if server != sys.executable:
            environment["PYTHONPATH"] = str(ROOT)  # livewidget is not installed there
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(server, "-m", module, f"--port={self.port}", f"--ServerApp.root_dir={root}"),
                    *(f"--ServerApp.base_url={base}", *options),
                ],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def page(self, name: str) -> str:
        """The address of the page of a notebook."""
        path = self._page.format(workspace=f"w{os.urandom(3).hex()}", name=name)
        return f"{self.url}/{path}?token=tests"

    def _write_home(self, python: str, theme: str) -> None:
        config = self._home / "config"
        config.mkdir(parents=True)
        settings, workspaces = self._home / "settings", self._home / "workspaces"
        (config / "jupyter_server_config.py").write_text(
            JUPYTER_CONFIG.format(settings=str(settings), workspaces=str(workspaces))
        )
        chosen = SETTINGS | {"@jupyterlab/apputils-extension/themes": {"theme": theme}}
        for plugin, values in chosen.items():
            folder, name = plugin.rsplit("/", 1)
            (settings / folder).mkdir(parents=True, exist_ok=True)
            (settings / folder / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
        self.add_kernel("python3", python)

    def add_kernel(self, name: str, python: str, *, env: Mapping[str, str] | None = None) -> None:
        """Let notebooks have a kernel of this name, which runs with this Python; `env` goes over the server's."""
        spec = self._home / "data" / "kernels" / name
        spec.mkdir(parents=True, exist_ok=True)
        (spec / "kernel.json").write_text(
            json.dumps(
                {
                    "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                    "display_name": name,
                    "language": "python",
                    "env": dict(env or {}),
                }
            )
        )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"The server ended:\n{self.log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(f"{self.url}/api?token=tests", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)  # a server of another process: nothing to await but its answer
        raise RuntimeError(f"The server did not come up within 60 s.\n{self.log.read_text()[-2000:]}")

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def api(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/{path}?token=tests", timeout=10) as answer:
            return json.load(answer)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The server's process is stopped: it keeps its connections and answers nobody."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def sessions(self) -> set[str]:
        """The notebooks that have a kernel, as the server calls them."""
        return {session["id"] for session in self.api("sessions")}

    def shut_down_kernels(self, keep: Collection[str] = ()) -> None:
        """Begin to shut down the kernels of all sessions but those to `keep`: it takes two seconds."""
        for session in self.sessions().difference(keep):
            self._ending.append(threading.Thread(target=self._delete, args=(session,)))
            self._ending[-1].start()

    def _delete(self, session: str) -> None:
        address = f"{self.url}/api/sessions/{session}?token=tests"
        with contextlib.suppress(urllib.error.HTTPError):  # It ended meanwhile.
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=60).close()

    def trust(self, notebook: Path) -> None:
        """Sign a notebook, as `jupyter trust` does: its outputs were made on this computer."""
        home = {
            "JUPYTER_CONFIG_DIR": str(self._home / "config"),
            "JUPYTER_DATA_DIR": str(self._home / "data"),
        }
        command = [self._server, "-m", "jupyter", "trust", str(notebook)]
        subprocess.run(
            command, env=os.environ | home, check=True, stdin=subprocess.DEVNULL, capture_output=True
        )

    def close(self) -> None:
        for thread in self._ending:
            thread.join()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)


_driver: Playwright | None = None


@contextmanager
def playwright() -> Iterator[Playwright]:
    """Playwright's driver: one for all that are within one another, since its synchronous side cannot begin twice."""
    global _driver
    if _driver is not None:
        yield _driver
        return
    with sync_playwright() as _driver:
        try:
            yield _driver
        finally:
            _driver = None


@contextmanager
def chromium(
    *,
    microphone: Path | None = None,
    repeats: bool = False,
    camera: Path | None = None,
    hosts: str = "",
) -> Iterator[Browser]:
    """A Chromium whose microphone plays `microphone` (a WAV) once, then silence; or again and again.

    It begins when the page takes the microphone, which is some time before the talk is live. Its camera plays `camera` (Y4M) again and again; by default it is Chromium's own moving pattern.
    `hosts` is another name by which it knows this computer.
    """
    flags = list(CHROMIUM_FLAGS)
    if hosts:
        flags.append(f"--host-resolver-rules=MAP {hosts} 127.0.0.1")
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}{'' if repeats else '%noloop'}")
    if camera is not None:
        flags.append(f"--use-file-for-fake-video-capture={camera}")
    with playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Notebook:
    """One open notebook in a page."""

    def __init__(self, lab: Lab, page: Page, path: Path) -> None:
        self.lab, self.page, self.path = lab, page, path
        self.console: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _on_error(self, error: Exception) -> None:
        self.console.append(f"pageerror: {error}")

    def forget(self) -> None:
        """Listen to the page's console no more."""
        self.page.remove_listener("console", self._on_console)
        self.page.remove_listener("pageerror", self._on_error)

    def open_in_page(self) -> None:
        """Open the notebook beside those that are open in the page."""
        self.page.evaluate(
            """async (path) => {
              await window.jupyterapp.serviceManager.kernelspecs.refreshSpecs();  // One may be new.
              await window.jupyterapp.commands.execute('docmanager:open', { path });
            }""",
            self.path.name,
        )
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the notebook is the one in front, and its kernel is idle."""
        try:
            self.page.wait_for_function(
                """(path) => {
                  const panel = window.jupyterapp?.shell?.currentWidget, session = panel?.sessionContext?.session;
                  return panel?.context?.path?.endsWith(path) && session?.kernel?.status === 'idle'
                    && session.kernel.connectionStatus === 'connected';
                }""",
                arg=self.path.name,
                timeout=60_000,
            )
        except TooLate as error:
            raise AssertionError(
                f"No kernel for the notebook.\n{self.console[-20:]}\n{self.lab.log.read_text()[-4000:]}"
            ) from error

    def run(self, cell: int, *, wait: bool = True, timeout: float = 30.0) -> None:
        """Run cell `cell` (from 0). Waits until it has ended unless `wait` is False."""
        self.page.evaluate(
            """async (index) => {
              const panel = window.jupyterapp.shell.currentWidget;
              const notebook = panel.content;
              notebook.activeCellIndex = index; notebook.deselectAll();
              window.__done = window.__done || {};
              window.__done[index] = false;
              window.jupyterapp.commands.execute('notebook:run-cell').then(() => { window.__done[index] = true; });
            }""",
            cell,
        )
        if wait:
            self.wait_for_cell(cell, timeout=timeout)

    def wait_until_busy(self) -> None:
        """Wait until the kernel says that it executes a cell."""
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
        )

    def wait_for_cell(self, cell: int, *, timeout: float = 30.0) -> None:
        self.page.wait_for_function(
            "index => window.__done[index] === true", arg=cell, timeout=timeout * 1000
        )

    def output(self, cell: int) -> str:
        """The text of a cell's stream, result and error outputs."""
        text: str = self.page.evaluate(
            """(index) => {
              const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
              return cell.model.outputs.toJSON().map(o => o.text ?? o.data?.['text/plain'] ?? (o.traceback || []).join('\\n'))
                .map(t => Array.isArray(t) ? t.join('') : t).join('');
            }""",
            cell,
        )
        return text

    def python(self, code: str, *, timeout: float = 20.0) -> str:
        """Run `code` in the kernel beside the cells and return what it printed."""
        printed: str = self.page.evaluate(
            """async ([code, timeout]) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({ code, store_history: false });
              let text = '';
              future.onIOPub = (message) => {
                const c = message.content;
                if (message.header.msg_type === 'stream') text += c.text;
                if (message.header.msg_type === 'execute_result') text += c.data['text/plain'];
                if (message.header.msg_type === 'error') text += c.traceback.join('\\n');
              };
              const late = new Promise((_, no) => setTimeout(() => no(new Error(
                `no answer from a kernel that is ${kernel.status} and ${kernel.connectionStatus}: ${text}`)), timeout));
              await Promise.race([future.done, late]);
              return text;
            }""",
            [code, timeout * 1000],
        )
        return printed.strip()

    def restart_kernel(self) -> None:
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")

    def save(self) -> dict[str, Any]:
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        saved: dict[str, Any] = json.loads(self.path.read_text())
        return saved


def write_notebook(path: Path, cells: list[str], *, kernel: str = "python3") -> None:
    path.write_text(
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "id": f"cell-{i}",
                        "metadata": {},
                        "execution_count": None,
                        "outputs": [],
                        "source": source,
                    }
                    for i, source in enumerate(cells)
                ],
                "metadata": {
                    "kernelspec": {"name": kernel, "display_name": kernel, "language": "python"},
                    "language_info": {"name": "python"},
                },
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )
    )


def open_notebook(
    lab: Lab,
    browser: Browser,
    cells: list[str],
    *,
    name: str = "talk",
    kernel: str = "python3",
    scripts: tuple[str, ...] = (),
    width: int = 1280,
    height: int = 900,
    host: str = "127.0.0.1",
    address: str = "",
    **context: Any,
) -> Notebook:
    """Open a notebook of `cells` in a fresh browser context whose pages first run `scripts`.

    `host` is another name of this computer; `address` another address of the server, such as that of a proxy.
    """
    path = lab.root / f"{name}-{os.urandom(3).hex()}.ipynb"
    write_notebook(path, cells, kernel=kernel)
    page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
    for script in scripts:
        page.add_init_script(script)
    notebook = Notebook(lab, page, path)
    page.goto(lab.page(path.name).replace(lab.url, address or lab.url.replace("127.0.0.1", host), 1))
    notebook.wait_for_kernel()
    return notebook


#: Keeps the links of the cards in a page, oldest first, in `__links`. To be run after other scripts with a tap.
LINKS = """
(() => {
  window.__links = [];
  window.__livewidgetTap = { ...window.__livewidgetTap, onLink: (link) => window.__links.push(link) };
})();
"""


#: Keeps the page's sockets that are not Jupyter's in `__sockets`. One that is made `deaf` is like one behind a network that
#: has gone: nothing passes, and it does not even close.
SOCKETS = """
(() => {
  window.__sockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      if (!this.url.includes('/api/')) window.__sockets.push(this);
    }
    send(data) { if (!this.deaf) super.send(data); }
    close(...options) { if (!this.deaf) super.close(...options); }
    get onmessage() { return super.onmessage; }
    set onmessage(handler) {
      super.onmessage = handler && ((event) => { if (!this.deaf) handler.call(this, event); });
    }
  };
})();
"""


def wait_for_way(page: Page, way: str, *, link: int = 0, timeout: float = 20.0) -> None:
    """Wait until the messages of a card take that way: "comm" or "socket"."""
    page.wait_for_function(
        "([way, n]) => window.__links[n]?.state.way === way", arg=[way, link], timeout=timeout * 1000
    )


#: Chosen: what JupyterLab keeps of notebooks that are closed stays small, and the page is seldom loaded.
NOTEBOOKS_A_PAGE = 20


class Desk:
    """A page with JupyterLab in which one notebook is opened after another, as people do.

    To load JupyterLab takes longer than most tests. What a notebook leaves in the page is cleared away before the next:
    the document, the devices, what the scripts of `sounds` keep. A page where that fails is not used again.
    """

    def __init__(self, lab: Lab, browser: Browser, scripts: tuple[str, ...]) -> None:
        self.scripts = scripts
        self._lab, self._browser = lab, browser
        self._notebook: Notebook | None = None
        self._page: Page | None = None
        self._opened = 0

    def open(self, cells: list[str], *, kernel: str, width: int, height: int) -> Notebook:
        if self._page is None:
            notebook = open_notebook(
                self._lab,
                self._browser,
                cells,
                kernel=kernel,
                scripts=self.scripts,
                width=width,
                height=height,
            )
            self._page, self._opened = notebook.page, 1
        else:
            self._opened += 1
            path = self._lab.root / f"talk-{os.urandom(3).hex()}.ipynb"
            write_notebook(path, cells, kernel=kernel)
            self._page.set_viewport_size({"width": width, "height": height})
            notebook = Notebook(self._lab, self._page, path)
            notebook.open_in_page()
        self._notebook = notebook
        return notebook

    def clear(self) -> None:
        """Close what is open in the page; the page too if that does not work."""
        assert self._page is not None
        assert self._notebook is not None
        self._notebook.forget()
        try:
            clean = self._page.url.startswith(self._lab.url) and self._page.evaluate(CLEARED)
        except PlaywrightError:
            clean = False
        if not clean or self._opened == NOTEBOOKS_A_PAGE:
            self.close()

    def has(self, context: BrowserContext) -> bool:
        return self._page is not None and self._page.context is context

    def close(self) -> None:
        if self._page is not None:
            self._page.context.close()
        self._page = None


#: Closes the notebooks without a question, and says whether the page is as one that was just loaded.
CLEARED = """async () => {
  for (const panel of [...window.jupyterapp.shell.widgets('main')].filter((one) => one.sessionContext)) panel.dispose();
  const tap = window.__tap, ended = () => tap.tracks.every((track) => track.readyState === 'ended')
    && tap.contexts.every((context) => context.state === 'closed');
  for (let tries = 0; tries < 60 && tap && !ended(); tries++) await new Promise((done) => setTimeout(done, 50));
  if (tap && !ended()) return false;
  tap?.clear();
  await window.__unplug?.();
  window.__done = {};
  window.__links?.splice(0);
  return !document.querySelector('.jp-Dialog, .livewidget');
}"""


def toggle_saved_state(page):
    """Turn on, or off again, that notebooks are saved with the state of their widgets: a setting of the server."""
    page.evaluate(
        "() => window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
    )
