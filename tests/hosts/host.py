"""Where other people show the widget: each host as a server and, for one open page, what a person does there.

A host is started from an environment of its own (`tools/setup.py`, `.venv/hosts/`). `Opened` is one page of it with a
card; the cell that runs meanwhile says by files when it began and when it was over, which needs nothing of the host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser, Page, expect

from tests.browser.card import Card
from tests.browser.lab import ROOT, Lab, open_notebook, write_notebook
from tests.ports import free_port

#: Shows the card, and keeps the sound of the first answer beside it.
SHOW = """
from livewidget import LiveWidget
from livewidget.events import OutputAudio, TurnComplete
live = LiveWidget()
spoken, over = [], []
live.on(OutputAudio)(lambda event: over or spoken.append(event.data))
live.on(TurnComplete)(lambda event: over.append(event))
live
"""


def environment(name: str) -> Path:
    """Return the Python of a host's environment; `make hosts` sets them up."""
    folder = Path(sys.prefix) / "hosts" / name.replace(" ", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name} is not set up: run make hosts")
    return python


class Meanwhile:
    """A cell that runs until it is told that it is over, and leaves the sound of the answer so far in a file."""

    def __init__(self, folder: Path) -> None:
        self.began, self.over, self.ended = folder / "began", folder / "over", folder / "ended"
        self.sound = folder / "answer.pcm"

    @property
    def code(self) -> str:
        return (
            "import os, pathlib, time\n"
            f"pathlib.Path({str(self.sound)!r}).write_bytes(b''.join(spoken))\n"
            f"pathlib.Path({str(self.began)!r}).touch()\n"
            f"while not os.path.exists({str(self.over)!r}):\n    time.sleep(0.2)\n"
            f"pathlib.Path({str(self.ended)!r}).touch()\n"
        )

    def wait_for(self, page: Page, what: Path, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not what.exists():
            assert time.monotonic() < deadline, f"the cell has not {what.name} within {seconds} s"
            page.wait_for_timeout(100)

    @property
    def runs(self) -> bool:
        return self.began.exists() and not self.ended.exists()


#: Options of a page that each browser takes.
CONTEXT: dict[str, Any] = {"ignore_https_errors": True}


class Opened:
    """One page with a card."""

    def __init__(self, page: Page, meanwhile: Meanwhile) -> None:
        self.page, self.meanwhile = page, meanwhile
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))

    def show(self) -> Card:
        """Run the cell that shows the card."""
        return Card(self.page)

    def begin_cell(self) -> None:
        """Run the other cell; returns when it runs."""
        raise NotImplementedError

    def reopen(self) -> str:
        """Save, end the kernel, open again in another page; return what stands where the card was."""
        raise NotImplementedError

    def way(self) -> str:
        """How the card reaches the kernel, in the words of the table."""
        state = self.page.evaluate("() => window.__links.at(-1).state")
        if state["way"] != "socket":
            return "through Jupyter"
        return "through jupyter-server-proxy" if state["proxied"] else "over a socket"

    def red_lines(self) -> list[str]:
        """What the page wrote in red into the browser's console, but for what the host writes by itself."""
        return [line for line in self.console if line.startswith(("error", "pageerror"))]


class Jupyter:
    """JupyterLab and what shares its front end."""

    def __init__(self, name: str, root: Path, **options: Any) -> None:
        python = str(environment(name))
        self.lab = Lab(root, python=python, server=python, **options)

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> Opened:
        return OpenedJupyter(self.lab, browser, scripts)

    def close(self) -> None:
        self.lab.close()


class NbClassic(Jupyter):
    """The classic notebook, which is not made of JupyterLab's parts."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, module="nbclassic", page="notebooks/{name}")

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> Opened:
        return OpenedNbClassic(self.lab, browser, scripts)


class OpenedNbClassic(Opened):
    def __init__(self, lab: Lab, browser: Browser, scripts: tuple[str, ...]) -> None:
        self.lab, self.browser = lab, browser
        meanwhile = Meanwhile(lab.root)
        write_notebook(lab.root / "talk.ipynb", [SHOW, meanwhile.code])
        super().__init__(new_page(browser, scripts, lab.page("talk.ipynb")), meanwhile)
        # Some time later its extension for widgets is there; it draws outputs anew then, and some not at all.
        ready = (
            "() => window.Jupyter?.notebook?.kernel?.comm_manager?.targets['jupyter.widget'] !== undefined"
        )
        self.page.wait_for_function(ready, timeout=30_000)
        self.page.wait_for_timeout(3000)

    def red_lines(self) -> list[str]:
        # Of widgetsnbextension, with every anywidget that is shown soon after the page was opened.
        return [line for line in super().red_lines() if line != "pageerror: Host is not attached."]

    def _run(self, cell: int) -> None:
        self.page.evaluate("(cell) => Jupyter.notebook.execute_cells([cell])", cell)

    def show(self) -> Card:
        self._run(0)
        return Card(self.page)

    def begin_cell(self) -> None:
        self._run(1)
        self.meanwhile.wait_for(self.page, self.meanwhile.began)

    def reopen(self) -> str:
        self.page.evaluate("() => Jupyter.notebook.save_notebook()")
        self.page.close(run_before_unload=False)
        self.lab.shut_down_kernels()
        return transcript(self.browser, self.lab.page("talk.ipynb"))


class OpenedJupyter(Opened):
    """`address` is that of a proxy before the server, `context` what a page needs, such as cookies."""

    def __init__(
        self, lab: Lab, browser: Browser, scripts: tuple[str, ...], address: str = "", **context: Any
    ) -> None:
        self.lab, self.browser, self.context = lab, browser, CONTEXT | context
        self.address = address or lab.url
        meanwhile = Meanwhile(lab.root)
        self.notebook = open_notebook(
            lab, browser, [SHOW, meanwhile.code], scripts=scripts, address=self.address, **self.context
        )
        super().__init__(self.notebook.page, meanwhile)

    def show(self) -> Card:
        self.notebook.run(0)
        return Card(self.page)

    def begin_cell(self) -> None:
        self.notebook.run(1, wait=False)
        self.meanwhile.wait_for(self.page, self.meanwhile.began)

    def reopen(self) -> str:
        self.notebook.save()
        self.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
        self.page.close()
        url = self.lab.page(self.notebook.path.name).replace(self.lab.url, self.address, 1)
        return transcript(self.browser, url, **self.context)


class BehindNginx(Jupyter):
    """JupyterLab below a path of an nginx that speaks https, under a name that is not localhost."""

    BASE = "/class/ada"

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, base=f"{self.BASE}/")
        self._nginx = Nginx(root, {self.BASE: self.lab.url.removesuffix(self.BASE)})

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> Opened:
        return OpenedJupyter(self.lab, browser, scripts, address=f"{self._nginx.url}{self.BASE}")

    def close(self) -> None:
        self._nginx.close()
        super().close()


MARIMO = """
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
{show}
    return live, mo, spoken

@app.cell
def _(mo):
    go = mo.ui.run_button(label="run the other cell")
    go
    return (go,)

@app.cell
def _(go, spoken):
    if go.value:
{meanwhile}
    return

@app.cell
def _(go, live):
    go.value
    live.turns
    return

if __name__ == "__main__":
    app.run()
"""


class Server:
    """A host that is one process: `command` after its Python, in `root`, at `url`."""

    def __init__(self, name: str, root: Path, *command: str, ready: str, env: Mapping[str, str] = {}) -> None:
        self.root, self.log = root, root / "server.log"
        python = environment(name)
        environ = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
        own = {"PYTHONPATH": str(ROOT), "HOME": str(root), "PATH": f"{python.parent}:{environ['PATH']}"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", *command],
                cwd=root,
                env=environ | own | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_up(ready, self._process, self.log)
        except AssertionError:
            self.close()
            raise

    def close(self) -> None:
        end(self._process)


HUB = """
c.JupyterHub.bind_url = "{url}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.JupyterHub.cookie_secret_file = "{root}/cookie"
c.JupyterHub.db_url = "sqlite:///{root}/hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allow_all = True
c.Spawner.notebook_dir = "{root}/{{username}}"
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.ip = "127.0.0.1"
c.JupyterHub.cleanup_servers = True
"""


class Hub(Server):
    """JupyterHub with its own proxy; each user has a server, and jupyter-server-proxy in it."""

    def __init__(self, name: str, root: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}/hubs"
        python = environment(name)
        proxy = python.parents[1] / "node_modules" / ".bin" / "configurable-http-proxy"
        ports = {"hub_port": free_port(), "api_port": free_port()}
        (root / "hub.py").write_text(HUB.format(url=self.url, root=root, proxy=proxy, **ports))
        for user in ("ada", "bob"):
            (root / user).mkdir()
        super().__init__(name, root, "jupyterhub", "-f", "hub.py", ready=f"{self.url}/hub/login")

    def open(self, browser: Browser, scripts: tuple[str, ...], user: str = "ada") -> Opened:
        page = new_page(browser, (), f"{self.url}/hub/login")
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/user/{user}/**", timeout=60_000)
        cookies = page.context.storage_state()
        page.close()
        return OpenedJupyter(HubUser(self, user), browser, scripts, storage_state=cookies)


class HubUser:
    """What a test asks of a `Lab`, for the server that a hub runs for a user."""

    def __init__(self, hub: Hub, user: str) -> None:
        self.root, self.log, self.url = hub.root / user, hub.log, f"{hub.url}/user/{user}"

    def page(self, name: str) -> str:
        return f"{self.url}/lab/workspaces/w{os.urandom(3).hex()}/tree/{name}"


NGINX = """
daemon off;
user root;
pid {root}/nginx.pid;
error_log {root}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {root}/cert.pem;
    ssl_certificate_key {root}/key.pem;
    {locations}
  }}
}}
"""
LOCATION = """
    location {path}/ {{
      proxy_pass {server};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      {upgrade}
    }}
"""
UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"


class Nginx:
    """An nginx at `url`, https with a certificate that no browser knows; `servers` by their path.

    Without `websockets` it passes no upgrade on, as one that was set up for pages alone.
    """

    def __init__(self, root: Path, servers: Mapping[str, str], *, websockets: bool = True) -> None:
        program = shutil.which("nginx") or pytest.skip("nginx is not installed: run make hosts")
        certificate = trustme.CA().issue_cert("notebook.test")
        certificate.private_key_pem.write_to_path(root / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(root / "cert.pem")
        port = free_port()
        self.url = f"https://notebook.test:{port}"
        locations = "".join(
            LOCATION.format(path=path, server=server, upgrade=UPGRADE if websockets else "")
            for path, server in servers.items()
        )
        (root / "nginx.conf").write_text(NGINX.format(root=root, port=port, locations=locations))
        log = root / "nginx.log"
        log.touch()
        self._process = subprocess.Popen(
            [program, "-c", str(root / "nginx.conf"), "-e", str(log)], stdin=subprocess.DEVNULL
        )
        wait_until_up(f"http://127.0.0.1:{port}/", self._process, log)  # answers plain http with 400

    def close(self) -> None:
        end(self._process)


class Voila(Server):
    """Voilà, which runs the notebook itself and shows what its cells show."""

    def __init__(self, name: str, root: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        write_notebook(root / "talk.ipynb", [SHOW])
        super().__init__(
            name,
            root,
            "voila",
            "talk.ipynb",
            f"--port={port}",
            "--no-browser",
            ready=f"{self.url}/voila/static/voila.js",
        )

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> Opened:
        return Opened(new_page(browser, scripts, self.url), Meanwhile(self.root))


class Marimo(Server):
    """`marimo edit` and `marimo run`."""

    def __init__(self, name: str, root: Path, *, command: str, show: str = SHOW, **env: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.meanwhile = Meanwhile(root)
        code = MARIMO.format(show=indent(show, " " * 4), meanwhile=indent(self.meanwhile.code, " " * 8))
        (root / "talk.py").write_text(code)
        settings = root / ".config" / "marimo" / "marimo.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text("[runtime]\nauto_instantiate = true\n")  # In `edit` nothing runs by itself.
        options = ("--headless", "--no-token", f"--port={port}")
        ready = f"{self.url}/health"
        super().__init__(name, root, "marimo", "-q", command, "talk.py", *options, ready=ready, env=env)

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> Opened:
        return OpenedMarimo(new_page(browser, scripts, self.url), self.meanwhile)


class OpenedMarimo(Opened):
    def begin_cell(self) -> None:
        self.page.get_by_role("button", name="run the other cell").click()
        self.meanwhile.wait_for(self.page, self.meanwhile.began)


def transcript(browser: Browser, url: str, **context: Any) -> str:
    """Open a saved notebook and return the transcript it shows."""
    page = new_page(browser, (), url, **context)
    shown = page.locator(".livewidget-transcript")
    expect(shown).to_be_visible(timeout=30_000)
    text = shown.inner_text()
    page.close()
    return text


def new_page(browser: Browser, scripts: tuple[str, ...], url: str, **context: Any) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, **CONTEXT | context).new_page()
    for script in scripts:
        page.add_init_script(script)
    page.goto(url)
    return page


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60.0) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"The server ended:\n{log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError as error:
            if error.code == 400:  # nginx, to whom speaks plain http where it expects https
                return
            time.sleep(0.1)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # a server of another process: nothing to await but its answer
    raise AssertionError(f"The server did not come up:\n{log.read_text()[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
