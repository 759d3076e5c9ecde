"""Colab, as far as it can be had without Google: what its kernel is, and where its outputs live.

The kernel is of Colab's versions (ipykernel 6.17.1 without subshells, IPython 7, ipywidgets 7) and has a package
`google.colab`. An output is a frame of another origin than the page around it, and has the widget's model; messages of
its comm take the way frame, page, server, kernel, and their buffers arrive as Uint8Array. The frame gets a microphone
only where the page around allows it. The real thing: https://github.com/googlecolab/colab-cdn-widget-manager.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any

import trustme
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from playwright.sync_api import Browser
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tests.browser.card import Card
from tests.browser.lab import ROOT
from tests.hosts.host import CONTEXT, SHOW, Meanwhile, Opened, environment

#: The page around, and the frame of an output: two names of this computer, so two origins.
NOTEBOOK, OUTPUT = "colab.test", "output.colab-contents.test"

PAGE = """<!doctype html><title>A notebook</title><body><script>
const frames = [];
const kernel = new WebSocket(`wss://${location.host}/kernel`);
window.send = (message) => kernel.send(JSON.stringify(message));
window.ready = new Promise((done) => { kernel.onopen = done; });
kernel.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.kind === "show") {
    const frame = document.createElement("iframe");
    frame.allow = ALLOW;
    frame.style = "width: 100%; height: 500px; border: 0";
    frame.src = `https://${OUTPUT}:${location.port}/frame`;
    frame.onload = () => frame.contentWindow.postMessage(message, "*");
    frames.push(frame); document.body.append(frame);
  } else {
    for (const frame of frames) frame.contentWindow.postMessage(message, "*");
  }
};
addEventListener("message", ({ data, source }) => {
  if (frames.some((frame) => frame.contentWindow === source)) window.send(data);
});
</script>"""

FRAME = """<!doctype html><title>An output</title><body><div id=output></div><script>
const listeners = new Map();
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer.buffer ?? buffer)));
let state = {}, comm = "";
const model = {
  get: (name) => state[name], set() {}, save_changes() {}, off: (name, f) => listeners.get(name)?.delete(f),
  on: (name, f) => listeners.set(name, (listeners.get(name) ?? new Set()).add(f)),
  send: (content, _, buffers = []) => parent.postMessage({ kind: "comm", comm, content, buffers: buffers.map(text) }, "*"),
};
addEventListener("message", async ({ data }) => {
  if (data.kind === "show" && comm === "") {
    ({ comm, state } = data);
    const style = document.createElement("style"); style.textContent = state._css; document.head.append(style);
    const url = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    const { initialize, render } = typeof widget === "function" ? await widget() : widget;
    const signal = new AbortController().signal;
    await initialize?.({ model, signal });
    await render({ model, signal, el: document.getElementById("output") });
  }
  if (data.kind === "comm" && data.comm === comm) {
    for (const listener of listeners.get("msg:custom") ?? []) listener(data.content, data.buffers.map(bytes));
  }
});
</script>"""

#: What Colab's outputs are allowed, as far as it matters here.
ALLOWED = "autoplay; camera; microphone"

#: `google.colab`: what anywidget and livewidget ask of it.
FAKE = {
    "__init__.py": "from google.colab import output, userdata\n",
    "output.py": (
        "import types\ncalls = []\n_widgets = types.SimpleNamespace(_installed_url=None)\n"
        "def enable_custom_widget_manager():\n"
        "    calls.append(1)\n    _widgets._installed_url = 'https://ssl.gstatic.com/manager.js'\n"
    ),
    "userdata.py": (
        "class SecretNotFoundError(Exception): pass\ndef get(name): raise SecretNotFoundError(name)\n"
    ),
}


class Colab:
    """The server of a notebook with one kernel, on a thread of its own."""

    def __init__(self, root: Path, *, allow: str = ALLOWED) -> None:
        self.root = root
        package = root / "fake" / "google" / "colab"
        package.mkdir(parents=True)
        for name, text in FAKE.items():
            (package / name).write_text(text)
        self._pages = {
            "/": PAGE.replace("ALLOW", json.dumps(allow)).replace("${OUTPUT}", OUTPUT),
            "/frame": FRAME,
        }
        self.outputs: list[dict[str, Any]] = []
        """What the cells have shown, as the kernel sent it: data and metadata."""
        self.errors: list[str] = []
        self._manager = KernelManager(transport="ipc", ip=f"{root}/socket")
        argv = [str(environment("colab")), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self._manager._kernel_spec = KernelSpec(argv=argv, display_name="Colab", language="python")
        path = f"{ROOT}:{root / 'fake'}"
        self._manager.start_kernel(env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(root)})
        self._pages_open: set[ServerConnection] = set()
        self._states: dict[str, dict[str, Any]] = {}
        self._port: int | None = None
        self._up, self._end, self._loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        if not self._up.wait(60):
            self.close()
            raise AssertionError("the server did not come up")
        self.url = f"https://{NOTEBOOK}:{self._port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def open(self, browser: Browser, scripts: tuple[str, ...]) -> OpenedColab:
        return OpenedColab(self, browser, scripts)

    async def _serve(self) -> None:
        self._client = AsyncKernelClient(session=self._manager.session, parent=self._manager)
        self._client.load_connection_info(self._manager.get_connection_info())
        self._client.start_channels()
        await self._client.wait_for_ready(timeout=60)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(NOTEBOOK, OUTPUT).configure_cert(tls)
        reading = asyncio.create_task(self._read())
        async with serve(self._page, "127.0.0.1", 0, ssl=tls, process_request=self._file, max_size=None) as s:
            self._port = s.sockets[0].getsockname()[1]
            self._up.set()
            await self._end.wait()
        reading.cancel()
        self._client.stop_channels()

    def _file(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/kernel":
            return None
        body = self._pages.get(request.path, "").encode()  # An icon is asked for too.
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
        return Response(HTTPStatus.OK, "OK", Headers(headers, Connection="close"), body)

    async def _page(self, page: ServerConnection) -> None:
        self._pages_open.add(page)
        try:
            async for frame in page:
                message = json.loads(frame)
                if message["kind"] == "run":
                    self._client.execute(message["code"])
                elif message["kind"] == "comm":
                    data = {"method": "custom", "content": message["content"]}
                    sent = self._client.session.msg("comm_msg", {"comm_id": message["comm"], "data": data})
                    buffers = [base64.b64decode(text) for text in message["buffers"]]
                    self._client.session.send(self._client.shell_channel.socket, sent, buffers=buffers)
        finally:
            self._pages_open.discard(page)

    async def _read(self) -> None:
        while True:
            message = await self._client.get_iopub_msg(timeout=None)
            content = message["content"]
            if message["msg_type"] == "comm_open":
                self._states[content["comm_id"]] = content["data"].get("state", {})
            elif message["msg_type"] == "error":
                self.errors.append("\n".join(content["traceback"]))
            elif message["msg_type"] in ("display_data", "execute_result"):
                self.outputs.append(content)
                view = content["data"].get("application/vnd.jupyter.widget-view+json")
                if view:
                    comm = view["model_id"]
                    await self._tell({"kind": "show", "comm": comm, "state": self._states[comm]})
            elif message["msg_type"] == "comm_msg" and content["data"].get("method") == "custom":
                buffers = [base64.b64encode(buffer).decode() for buffer in message["buffers"]]
                told = {"kind": "comm", "comm": content["comm_id"], "content": content["data"]["content"]}
                await self._tell({**told, "buffers": buffers})

    async def _tell(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        for page in list(self._pages_open):
            with contextlib.suppress(ConnectionError):
                await page.send(text)


class OpenedColab(Opened):
    """`around` is the notebook's page, `page` the frame of the card's output."""

    def __init__(self, colab: Colab, browser: Browser, scripts: tuple[str, ...]) -> None:
        self.colab = colab
        self.around = browser.new_context(viewport={"width": 1280, "height": 900}, **CONTEXT).new_page()
        super().__init__(self.around, Meanwhile(colab.root))
        for script in scripts:
            self.around.add_init_script(script)
        self.around.goto(colab.url)
        self.around.evaluate("() => window.ready")
        self.run("import google.colab")

    def run(self, code: str) -> None:
        self.around.evaluate("(code) => window.send({ kind: 'run', code })", code)

    def show(self, code: str = SHOW) -> Card:
        """Run a cell that shows a card; the newest output is the one that is looked at from now on."""
        before = len(self.around.frames)
        self.run(code)
        for _ in range(300):
            if len(self.around.frames) > before and self.around.frames[-1].url.startswith("https"):
                break
            self.around.wait_for_timeout(100)
        assert self.colab.errors == []
        self.page = self.around.frames[-1]  # type: ignore[assignment]
        return Card(self.page)

    def begin_cell(self) -> None:
        self.run(self.meanwhile.code)
        self.meanwhile.wait_for(self.page, self.meanwhile.began)
