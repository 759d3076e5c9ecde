"""A talk in a real JupyterLab and a real Chromium, over the notebook's comm and over the card's own socket.

Everything is on this computer, with one clock. Both ways are measured in turns, each round in a notebook and a kernel
of its own.

* microphone: clicks go into the page's microphone at known times, and are found again in the frames written to the
  provider's socket, a real one, to `livewidget serve` on loopback. The age of a click counts from the audio callback in
  which the microphone's track delivered it to the page, and from the time at which it was made.
* interruptions: from the moment `interrupted` is read from the link to the last quantum with sound that left the player.
  The voice is an unbroken tone, so that no pause can pass for silence.
* cuts: from a break of the socket until messages take the comm, and until they take a socket again.
* load: what a microphone that is on costs: messages a second on Jupyter's own socket, HTTP requests a second at Jupyter's
  server (JupyterLab loads an icon whenever the kernel becomes busy or idle), CPU time of the kernel and of that server.
* busy: while a cell runs, how old the first sample of each of the microphone's packets is when the kernel takes it in, and
  how much of the sound it takes in meanwhile; for each ipykernel that is set up (`make kernels`).

    python benchmarks/talk_in_the_browser.py [--lane comm|socket|both] [--only microphone|interruptions|cuts|load|busy]
                                             [--rounds N] [--trials N] [--seconds S]
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parent.parent))

from livewidget.audio import to_float
from tests.browser.card import Card
from tests.browser.cells import FIRST, WATCH, busy
from tests.browser.lab import LINKS, SOCKETS, Lab, Notebook, chromium, open_notebook, wait_for_way

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

#: A link that notes what passes, and when (wall clock, ms).
TIMED = """
import json, time
written, interruptions = [], []

class Timed:
    def __init__(self, inner): self.inner = inner
    @property
    def round_trip_ms(self): return self.inner.round_trip_ms
    async def send(self, frame):
        await self.inner.send(frame)
        audio = json.loads(frame).get("realtimeInput", {}).get("audio")
        if audio: written.append((time.time() * 1000, audio["data"]))
    async def receive(self):
        frame = await self.inner.receive()
        if b'"interrupted"' in (frame.encode() if isinstance(frame, str) else frame):
            interruptions.append(time.time() * 1000)
        return frame
    async def close(self, code=1000, reason=""): await self.inner.close(code, reason)

def timed(kind):
    class Provider(kind):
        async def dial(self): return Timed(await super().dial())
    return Provider
"""

#: A talk over a real socket.
SERVED = """
from livewidget import Gemini, LiveWidget
live = LiveWidget(timed(Gemini)("gemini-3.8-live", api_key="benchmark", base_url={url!r}))
live
"""

#: The stand-in whose long answers are one unbroken tone of 20 s; what interrupts them is answered with silence.
TONE = """
import numpy as np
from livewidget import LiveWidget, StandIn

asked = []
def echo(text):
    asked.append(text)
    return "This is the answer to " + text

def tone(text):
    if "story" not in asked[-1]:
        return np.zeros(7200, np.float32)
    return (0.3 * np.sin(np.arange(24_000 * 20) * 2 * np.pi * 440 / 24_000)).astype(np.float32)

live = LiveWidget(timed(StandIn)(brain=echo, voice=tone))
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

LANES = ("comm", "socket")
BUSY = {"no cell": None, "time.sleep": "sleep", "Python loop": "python", "NumPy loop": "numpy"}

Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Bench:
    """What the measurements share.

    Attributes:
        clicks: How many clicks a round has.
        trials: How many interruptions a round has.
        seconds: How long a round looks at the load, and each cell runs.
    """

    lab: Lab
    browser: Browser
    url: str
    clicks: int = 24
    trials: int = 12
    seconds: float = 8.0

    @contextmanager
    def notebook(self, lane: str, *cells: str, scripts: tuple[str, ...] = ()) -> Iterator[Notebook]:
        """Open a notebook with a card that is live on that lane, with its microphone on; the first cells have run."""
        switch = f"import os; os.environ['LIVEWIDGET_SOCKET'] = '{int(lane == 'socket')}'\n"
        scripts = (CLICKING_MICROPHONE, *scripts, LINKS)
        notebook = open_notebook(self.lab, self.browser, [switch + cells[0], *cells[1:]], scripts=scripts)
        try:
            notebook.run(0)
            notebook.run(1)
            Card(notebook.page).start()
            wait_for_way(notebook.page, lane)
            yield notebook
            wait_for_way(notebook.page, lane)  # Or something else was measured than it says.
        finally:
            notebook.page.context.close()
            self.lab.shut_down_kernels()


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(np.asarray(values), share)) if values else float("nan")


def show(figures: Figures) -> None:
    for name, values in figures.items():
        low, high, most = percentile(values, 50), percentile(values, 95), max(values, default=float("nan"))
        print(f"{name:60} p50 {low:7.1f}   p95 {high:7.1f}   max {most:7.1f}   n {len(values)}", flush=True)


@contextmanager
def tutor() -> Iterator[str]:
    """`livewidget serve` in a process of its own; yields its ws URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "livewidget", "serve"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["ws"]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def read(notebook: Notebook, name: str) -> Any:
    return json.loads(notebook.python(f"import json; print(json.dumps({name}))"))


def microphone(bench: Bench, lane: str) -> Figures:
    """Milliseconds from each click to its frame on the provider's socket."""
    with bench.notebook(lane, TIMED, SERVED.format(url=bench.url)) as notebook:
        times = notebook.page.evaluate("([n, step]) => window.__click(n, step)", [bench.clicks, 0.473])
        written = read(notebook, "written")
    at = np.concatenate([np.full(len(base64.b64decode(data)) // 2, when) for when, data in written])
    sound = np.abs(np.concatenate([to_float(base64.b64decode(data)) for _, data in written]))
    loud = np.flatnonzero(sound > 0.1)
    onsets = at[loud[np.concatenate([[True], np.diff(loud) > 1600])]]
    if not len(onsets) == len(times["delivered"]) == bench.clicks:
        raise SystemExit(f"{bench.clicks} clicks were made, {len(onsets)} arrived.")
    return {
        f"microphone delivered -> wire, {lane} (ms)": (onsets - times["delivered"]).tolist(),
        f"microphone made -> wire, {lane} (ms)": (onsets - times["made"]).tolist(),
    }


def interruptions(bench: Bench, lane: str) -> Figures:
    """Milliseconds from each `interrupted` on the wire to silence."""
    with bench.notebook(lane, TIMED, TONE, scripts=(EDGES,)) as notebook:
        page, card = notebook.page, Card(notebook.page)
        for trial in range(bench.trials):
            card.type(f"story number {trial}")
            page.wait_for_function("() => window.__edges.at(-1)?.on === true", timeout=15_000)
            page.wait_for_timeout(700 + 37 * (trial % 11))
            card.type(f"stop {trial}")
            page.wait_for_function(
                "n => window.__edges.filter(e => !e.on).length >= n", arg=trial + 2, timeout=15_000
            )
            page.wait_for_timeout(300)
        offset = page.evaluate("() => window.__offset(window.__player)")
        falls = [e["at"] * 1000 + offset for e in page.evaluate("() => window.__edges") if not e["on"]]
        wire = read(notebook, "interruptions")
    delays = [min((fall - at for fall in falls if fall > at - 50), default=float("nan")) for at in wire]
    return {f"interrupted on the wire -> silence, {lane} (ms)": delays}


def cuts(bench: Bench, lane: str) -> Figures:
    """Milliseconds from a break of the socket until messages take the comm, and until they take a socket again."""
    figures: Figures = defaultdict(list)
    if lane == "socket":
        with bench.notebook(lane, FIRST, WATCH, scripts=(SOCKETS,)) as notebook:
            for trial in range(bench.trials):
                how = ("closed by the page", "gone deaf")[trial % 2]
                for what, ms in zip(("comm", "socket"), notebook.page.evaluate(CUT, how), strict=True):
                    figures[f"{how} -> {what} again, {lane} (ms)"].append(ms)
                notebook.page.wait_for_timeout(1200)  # A socket that lasts so long counts as good.
    return figures


def load(bench: Bench, lane: str) -> Figures:
    """What a microphone costs that is on, while nobody speaks and while somebody does."""
    figures: Figures = {}
    with bench.notebook(lane, TIMED, SERVED.format(url=bench.url), scripts=(MESSAGES,)) as notebook:
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
    """How old packets are, and which share of the sound arrives in time, while a cell runs."""
    figures: Figures = {}
    cells = [busy(kind, bench.seconds) for kind in BUSY.values() if kind]
    with bench.notebook(lane, FIRST, WATCH, *cells) as notebook:
        page = notebook.page
        version = notebook.python("import ipykernel; print(ipykernel.__version__)")
        page.evaluate("() => window.__loud(30)")  # Packets are longer while nobody speaks.
        for number, (name, kind) in enumerate(BUSY.items()):
            notebook.python("arrived.clear()")
            if kind:
                notebook.run(1 + number, wait=False)
                notebook.wait_until_busy()
            page.wait_for_timeout(500)
            begin = page.evaluate("() => performance.now()")
            page.wait_for_timeout(bench.seconds * 1000 - 2000)
            end = page.evaluate("() => performance.now()")
            if kind:
                assert page.evaluate("n => window.__done[n]", 1 + number) is False
                notebook.wait_for_cell(1 + number, timeout=40)
            page.wait_for_timeout(1500)  # What waited for the cell comes now, and a pause is over.
            origin = page.evaluate("() => performance.timeOrigin")
            rows = [
                (first, at - origin, ms) for first, at, ms, stale in read(notebook, "arrived") if not stale
            ]
            taken = [
                (first, at, ms) for first, at, ms in rows if first + ms > begin and first < end > at - 500
            ]
            heard_ms = sum(min(first + ms, end) - max(first, begin) for first, _, ms in taken)
            where = f"ipykernel {version}, {name}, {lane}"
            figures[f"packet -> kernel, {where} (ms)"] = [at - first for first, at, _ in taken]
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
    parser.add_argument("--lane", choices=[*LANES, "both"], default="both")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--trials", type=int, default=12, help="interruptions a round, and half of its clicks"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each cell, and of looking at the load")
    options = parser.parse_args()
    lanes = LANES if options.lane == "both" else (options.lane,)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, tutor() as url:
        for number, python in enumerate(pythons()):
            lab = Lab(Path(folder), python=python)
            bench = Bench(lab, browser, url, 2 * options.trials, options.trials, options.seconds)
            try:
                for part in PARTS:
                    if options.only in (None, part) and (part == "busy" or number == 0):
                        show(measure(bench, part, lanes, 1 if part == "busy" else options.rounds))
            finally:
                lab.close()


if __name__ == "__main__":
    main()
