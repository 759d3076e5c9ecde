"""A talk in a real JupyterLab and a real Chromium, in every way in which its messages can go.

Everything is on this computer, with one clock. The ways are measured in turns, each round in a notebook and a kernel of
its own, all against one server that notes what passes on its sockets (`tests/noting_server.py`):

* comm: page, Jupyter, kernel, service: the notebook's own way.
* socket: page, kernel, service: the card's own socket.
* direct: page, service: the page has the socket to the service, and the kernel is told what passes.
* example: the same without any kernel or session, as Google's own example for browsers does it; `browser_example.html`
  says how faithful that is.

* microphone: clicks go into the page's microphone at known times, and are found again in the frames that reach the
  service. The age of a click counts from the audio callback in which the microphone's track delivered it to the page, and
  from the time at which it was made.
* interruptions: from the moment the service sends `interrupted` to the last quantum with sound that left the player. The
  voice is an unbroken tone, so that no pause can pass for silence.
* cuts: from a break of the card's own socket until messages take the comm, and until they take a socket again.
* load: what a microphone that is on costs: messages a second on Jupyter's own socket, HTTP requests a second at Jupyter's
  server (JupyterLab loads an icon whenever the kernel becomes busy or idle), CPU time of the kernel and of that server.
* busy: while a cell runs, how old clicks are when they reach the service, how many of them do, and how much of the sound
  comes meanwhile; for each ipykernel that is set up (`make kernels`).

    python benchmarks/talk_in_the_browser.py [--lane comm|socket|direct|example|all]
                                             [--only microphone|interruptions|cuts|load|busy]
                                             [--rounds N] [--trials N] [--seconds S]
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parent.parent))

from livewidget.audio import to_float
from tests.browser.card import Card
from tests.browser.cells import busy
from tests.browser.lab import LINKS, SOCKETS, Lab, Notebook, chromium, open_notebook, wait_for_way
from tests.noting_server import KEY, NotingServer

#: A microphone that clicks every `step` seconds once `__click(count, step)` is called, and says when (wall clock, ms).
#: Else it gives the noise of a quiet room, some -60 dBFS; after `__loud(30)`, as loud as somebody who speaks.
CLICKING_MICROPHONE = """
(() => {
  let context, destination;
  navigator.mediaDevices.getUserMedia = async () => {
    if (!context) {
      context = new AudioContext(); destination = context.createMediaStreamDestination();
      const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
      noise.copyToChannel(Float32Array.from({ length: noise.length }, () => 0.003 * (Math.random() - 0.5)), 0);
      const room = context.createBufferSource(); room.buffer = noise; room.loop = true;
      const gain = new GainNode(context); room.connect(gain); gain.connect(destination); room.start();
      window.__loud = (level) => { gain.gain.value = level; };
    }
    await context.resume(); return destination.stream.clone();
  };
  window.__offset = async (c) => {
    let least = Infinity;
    for (let i = 0; i < 400; i++) {
      least = Math.min(least, performance.timeOrigin + performance.now() - c.currentTime * 1000);
      await new Promise((done) => setTimeout(done, 2));
    }
    return least;
  };
  window.__click = async (count, step) => {
    const offset = await window.__offset(context);
    const click = context.createBuffer(1, context.sampleRate / 100, context.sampleRate);
    click.getChannelData(0).forEach((_, i, data) => { data[i] = 0.8 * Math.sin(i / context.sampleRate * 6283); });
    const times = [], start = context.currentTime + 0.3;
    for (let i = 0; i < count; i++) {
      const source = context.createBufferSource(); source.buffer = click; source.connect(destination);
      source.start(start + i * step); times.push((start + i * step) * 1000 + offset);
    }
    await new Promise((done) => setTimeout(done, (count * step + 1) * 1000));
    const late = await window.__offset(window.__microphone);
    return { made: times, delivered: window.__onsets.map((at) => at * 1000 + late) };
  };
  window.__onsets = [];
  const onsets = `registerProcessor('onsets', class extends AudioWorkletProcessor {
    process(inputs) {
      const x = inputs[0][0] || [];
      for (let i = 0; i < x.length; i++) {
        if (Math.abs(x[i]) > 0.1 && currentTime - (this.last ?? -1) > 0.1) {
          this.last = currentTime; this.port.postMessage(currentTime + i / sampleRate);
        }
      }
      return true;
    } });`;
  window.__livewidgetTap = {
    onMicrophone: async (track, context) => {
      window.__microphone = context;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([onsets], { type: 'text/javascript' })));
      const node = new AudioWorkletNode(context, 'onsets', { numberOfOutputs: 0 });
      node.port.onmessage = ({ data }) => window.__onsets.push(data);
      context.createMediaStreamSource(new MediaStream([track])).connect(node);
    },
  };
})();
"""

#: Tells when the player's sound stops and starts, by the quantum (wall clock, ms).
EDGES = """
(() => {
  window.__edges = [];
  const source = `registerProcessor('edges', class extends AudioWorkletProcessor {
    process(inputs) {
      const x = inputs[0][0]; let peak = 0;
      if (x) for (const v of x) peak = Math.max(peak, Math.abs(v));
      const on = peak > 1e-3;
      if (on !== this.on) { this.on = on; this.port.postMessage({ on, at: currentTime }); }
      return true;
    } });`;
  window.__livewidgetTap = {
    ...window.__livewidgetTap,
    onPlayer: async (context, node) => {
      window.__player = context;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
      const edges = new AudioWorkletNode(context, 'edges', { numberOfOutputs: 0 });
      edges.port.onmessage = ({ data }) => window.__edges.push(data);
      node.connect(edges);
    },
  };
})();
"""

#: A talk with the server that notes what passes.
TALK = """
from livewidget import Gemini, LiveWidget
live = LiveWidget(Gemini("gemini-3.8-live", api_key={key!r}, base_url={url!r}{more}))
live
"""

#: Counts the messages on each WebSocket of the page, by the path of its address: [sent, received].
MESSAGES = """
(() => {
  window.__messages = {};
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.counted = window.__messages[new URL(this.url).pathname] ??= [0, 0];
      this.addEventListener('message', () => { this.counted[1] += 1; });
    }
    send(data) { this.counted[0] += 1; super.send(data); }
  };
})();
"""

#: Breaks the socket, and tells after how many ms the messages took the comm and a socket again.
CUT = """
async (how) => {
  const began = performance.now(), socket = window.__sockets.at(-1), link = window.__links[0];
  const until = async (is) => { while (!is()) await new Promise((done) => setTimeout(done, 4)); return performance.now() - began; };
  how === 'gone deaf' ? socket.deaf = true : socket.close();
  return [await until(() => link.state.way !== 'socket'), await until(() => link.state.way === 'socket')];
}
"""

#: Which part each way can be measured in.
LANES = {
    "comm": ("microphone", "interruptions", "load", "busy"),
    "socket": ("microphone", "interruptions", "cuts", "load", "busy"),
    "direct": ("microphone", "interruptions", "load", "busy"),
    "example": ("microphone", "interruptions"),
}
BUSY = {"no cell": None, "time.sleep": "sleep", "Python loop": "python", "NumPy loop": "numpy"}
EXAMPLE = Path(__file__).with_name("browser_example.html")

#: Seconds between clicks, and between those while a cell runs; no multiple of any packet's length.
CLICK_S, BUSY_CLICK_S = 0.473, 0.213
#: Seconds that a page takes to make no clicks: it compares its clocks before and after.
CLICKING_S = 6.0

Figures = dict[str, list[float]]


class Quiet(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and says nothing."""

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(NotingServer):
    """The server that notes what passes, for the pages of `lab` and for that of the example."""

    def __init__(self, lab: Lab) -> None:
        self._site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLE.parent))
        Thread(target=self._site.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{self._site.server_port}"
        self.example = f"{origin}/{EXAMPLE.name}"
        super().__init__("--deaf", "--voice", "tone", lab.url, origin)

    def interrupted(self) -> list[float]:
        """When an answer was interrupted, since the last time."""
        return [at for at, _, kind in self.take()["frames"] if kind == "interrupted"]

    def token(self) -> str:
        """Make an ephemeral token, as a site's own server would."""
        request = urllib.request.Request(
            self.url.replace("ws://", "http://") + "/v1alpha/auth_tokens",
            data=b'{"uses": 1}',
            headers={"x-goog-api-key": KEY, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["name"])

    def close(self) -> None:
        super().close()
        self._site.shutdown()
        self._site.server_close()


@dataclass(frozen=True)
class Bench:
    """What the measurements share.

    Attributes:
        clicks: How many clicks a round has.
        trials: How many interruptions a round has.
        seconds: How long a round looks at the load, and at each cell.
    """

    lab: Lab
    browser: Browser
    server: Server
    clicks: int = 24
    trials: int = 12
    seconds: float = 8.0

    @contextmanager
    def notebook(self, lane: str, *cells: str, scripts: tuple[str, ...] = ()) -> Iterator[Notebook]:
        """Open a notebook with a card that is live in that way, with its microphone on; `cells` come after its own."""
        more = ", direct=True" if lane == "direct" else ""
        switch = f"import os; os.environ['LIVEWIDGET_SOCKET'] = '{int(lane != 'comm')}'\n"
        talk = switch + TALK.format(key=KEY, url=self.server.url, more=more)
        scripts = (CLICKING_MICROPHONE, *scripts, LINKS)
        notebook = open_notebook(self.lab, self.browser, [talk, *cells], scripts=scripts)
        try:
            self.server.take()
            notebook.run(0)
            Card(notebook.page).start()
            way = "comm" if lane == "comm" else "socket"
            wait_for_way(notebook.page, way)
            self.check(lane)
            yield notebook
            wait_for_way(notebook.page, way)  # Or something else was measured than it says.
        finally:
            notebook.page.context.close()
            self.lab.shut_down_kernels()

    @contextmanager
    def page(self, lane: str, *scripts: str) -> Iterator[tuple[Page, Callable[[str], None]]]:
        """Open a page that is live in that way; yields it, and what types to the model."""
        if lane != "example":
            with self.notebook(lane, scripts=scripts) as notebook:
                yield notebook.page, Card(notebook.page).type
            return
        page = self.browser.new_page()
        try:
            for script in (CLICKING_MICROPHONE, *scripts):
                page.add_init_script(script)
            page.goto(self.server.example)
            self.server.take()
            page.evaluate("to => begin(...to)", [self.server.url, self.server.token(), "gemini-3.8-live"])
            self.check(lane)
            yield page, lambda text: page.evaluate("text => type(text)", text)
        finally:
            page.close()

    def check(self, lane: str) -> None:
        """Stop unless the connection came as it does in that way: by a token only where the page has it."""
        tokens = self.server.take()["tokens"]
        if not tokens or {bool(token) for token in tokens} != {lane in ("direct", "example")}:
            raise SystemExit(f"The connection was not made in the way of {lane}.")


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(np.asarray(values), share)) if values else float("nan")


def show(figures: Figures) -> None:
    for name, values in figures.items():
        low, high, most = percentile(values, 50), percentile(values, 95), max(values, default=float("nan"))
        print(f"{name:60} p50 {low:7.1f}   p95 {high:7.1f}   max {most:7.1f}   n {len(values)}", flush=True)


def onsets(sound: Sequence[tuple[float, str]]) -> list[float]:
    """When each click came, of frames of sound with the time of each."""
    if not sound:
        return []
    at = np.concatenate([np.full(len(base64.b64decode(data)) // 2, when) for when, data in sound])
    loud = np.flatnonzero(
        np.abs(np.concatenate([to_float(base64.b64decode(data)) for _, data in sound])) > 0.1
    )
    first = np.concatenate([[True], np.diff(loud) > 1600]) if len(loud) else []
    return [float(when) for when in at[loud[first]]]


def microphone(bench: Bench, lane: str) -> Figures:
    """Milliseconds from each click to its frame at the service."""
    with bench.page(lane) as (page, _):
        times = page.evaluate("([n, step]) => window.__click(n, step)", [bench.clicks, CLICK_S])
        found = onsets(bench.server.take()["sound"])
    if not len(found) == len(times["delivered"]) == bench.clicks:
        raise SystemExit(f"{bench.clicks} clicks were made, {len(found)} arrived.")
    return {
        f"microphone {since} -> wire, {lane} (ms)": (np.asarray(found) - times[since]).tolist()
        for since in ("delivered", "made")
    }


def interruptions(bench: Bench, lane: str) -> Figures:
    """Milliseconds from each `interrupted` that the service sends to silence."""
    with bench.page(lane, EDGES) as (page, type_):
        for trial in range(bench.trials):
            type_(f"story number {trial}")
            page.wait_for_function("() => window.__edges.at(-1)?.on === true", timeout=15_000)
            page.wait_for_timeout(700 + 37 * (trial % 11))
            type_(f"stop {trial}")
            page.wait_for_function(
                "n => window.__edges.filter(e => !e.on).length >= n", arg=trial + 2, timeout=15_000
            )
            page.wait_for_timeout(300)
        offset = page.evaluate("() => window.__offset(window.__player)")
        falls = [e["at"] * 1000 + offset for e in page.evaluate("() => window.__edges") if not e["on"]]
        wire = bench.server.interrupted()
    if len(wire) != bench.trials:
        raise SystemExit(f"{bench.trials} answers were interrupted, {len(wire)} times it was said.")
    delays = [min((fall - at for fall in falls if fall > at - 50), default=float("nan")) for at in wire]
    return {f"interrupted on the wire -> silence, {lane} (ms)": delays}


def cuts(bench: Bench, lane: str) -> Figures:
    """Milliseconds from a break of the socket until messages take the comm, and until they take a socket again."""
    figures: Figures = defaultdict(list)
    with bench.notebook(lane, scripts=(SOCKETS,)) as notebook:
        for trial in range(bench.trials):
            how = ("closed by the page", "gone deaf")[trial % 2]
            for what, ms in zip(("comm", "socket"), notebook.page.evaluate(CUT, how), strict=True):
                figures[f"{how} -> {what} again, {lane} (ms)"].append(ms)
            notebook.page.wait_for_timeout(1200)  # A socket that lasts so long counts as good.
    return figures


def load(bench: Bench, lane: str) -> Figures:
    """What a microphone costs that is on, while nobody speaks and while somebody does."""
    figures: Figures = {}
    with bench.notebook(lane, scripts=(MESSAGES,)) as notebook:
        page = notebook.page
        kernel = psutil.Process(int(notebook.python("import os; print(os.getpid())")))
        processes = {"kernel": kernel, "Jupyter server": psutil.Process(bench.lab.pid)}
        for level, who in ((1, "nobody speaks"), (30, "somebody speaks")):
            page.evaluate("level => window.__loud(level)", level)
            page.wait_for_timeout(3000)
            before, began = counts(bench.lab, page, processes), time.monotonic()
            page.wait_for_timeout(bench.seconds * 1000)
            after, took = counts(bench.lab, page, processes), time.monotonic() - began
            for name in before:
                figures[f"{name}, {who}, {lane}"] = [(after[name] - before[name]) / took]
    return figures


def counts(lab: Lab, page: Page, processes: dict[str, psutil.Process]) -> dict[str, float]:
    """All that grows: each with what it is in a second."""
    messages = page.evaluate("() => window.__messages")
    jupyter = [n for path, n in messages.items() if path.startswith("/api/kernels/")]
    with urllib.request.urlopen(f"{lab.url}/metrics?token=tests", timeout=10) as answer:
        lines = re.findall(r"^http_request_duration_seconds_count.*$", answer.read().decode(), re.M)
    requests = sum(float(line.split()[-1]) for line in lines if "PrometheusMetrics" not in line)
    busy_s = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
    return {
        "messages to Jupyter (1/s)": sum(n[0] for n in jupyter),
        "messages from Jupyter (1/s)": sum(n[1] for n in jupyter),
        "HTTP requests (1/s)": requests,
        **{f"CPU of the {name} (% of a core)": 100 * seconds for name, seconds in busy_s.items()},
    }


def while_busy(bench: Bench, lane: str) -> Figures:
    """How old clicks are at the service, and how many of them and how much of the sound come, while a cell runs."""
    figures: Figures = {}
    cells = [busy(kind, bench.seconds + CLICKING_S) for kind in BUSY.values() if kind]
    clicks = int(bench.seconds / BUSY_CLICK_S)
    with bench.notebook(lane, *cells) as notebook:
        page = notebook.page
        version = notebook.python("import ipykernel; print(ipykernel.__version__)")
        page.evaluate("() => window.__loud(30)")  # Packets are longer while nobody speaks.
        for number, (name, kind) in enumerate(BUSY.items()):
            if kind:
                notebook.run(number, wait=False)
                notebook.wait_until_busy()
            page.evaluate("() => { window.__onsets = []; }")
            bench.server.take()
            times = page.evaluate("([n, step]) => window.__click(n, step)", [clicks, BUSY_CLICK_S])
            sound = bench.server.take()["sound"]
            if kind:
                assert page.evaluate("n => window.__done[n]", number) is False
                notebook.wait_for_cell(number, timeout=40)
                page.wait_for_timeout(1500)  # What waited for the cell comes now, and a pause is over.
            begin, end = times["made"][0], times["made"][-1]
            heard_ms = sum(len(base64.b64decode(data)) / 32 for at, data in sound if begin <= at <= end)
            # Clicks of another time may be sent again over a new connection, since this server answers none of them.
            sound = [(at, data) for at, data in sound if begin <= at <= end + 500]
            found, where = onsets(sound), f"ipykernel {version}, {name}, {lane}"
            if len(found) == clicks:
                ages = np.asarray(found) - times["made"]
                figures[f"microphone made -> wire, {where} (ms)"] = ages.tolist()
            figures[f"  of the clicks (%), {where}"] = [100 * len(found) / clicks]
            figures[f"  of the sound (%), {where}"] = [100 * heard_ms / (end - begin)]
    return figures


PARTS = {
    "microphone": microphone,
    "interruptions": interruptions,
    "cuts": cuts,
    "load": load,
    "busy": while_busy,
}


def measure(bench: Bench, part: str, lanes: Sequence[str], rounds: int) -> Figures:
    """Measure each lane in turn, in so many rounds; lane by lane in what is returned."""
    figures: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for lane in lanes:
            if part not in LANES[lane]:
                continue
            for name, values in PARTS[part](bench, lane).items():
                figures[name] += values
    return figures


def pythons() -> list[str]:
    """The Python of this environment, and that of the oldest ipykernel that is set up."""
    older = sorted((Path(sys.prefix) / "kernels").glob("6.*/python"))
    return [sys.executable, *map(str, older[:1])]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lane", choices=[*LANES, "all"], default="all")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--trials", type=int, default=12, help="interruptions a round, and half of its clicks"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each cell, and of looking at the load")
    options = parser.parse_args()
    lanes = tuple(LANES) if options.lane == "all" else (options.lane,)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for number, python in enumerate(pythons()):
            lab = Lab(Path(folder), python=python)
            server = Server(lab)
            bench = Bench(lab, browser, server, 2 * options.trials, options.trials, options.seconds)
            try:
                for part in PARTS:
                    if options.only in (None, part) and (part == "busy" or number == 0):
                        show(measure(bench, part, lanes, 1 if part == "busy" else options.rounds))
            finally:
                server.close()
                lab.close()


if __name__ == "__main__":
    main()
