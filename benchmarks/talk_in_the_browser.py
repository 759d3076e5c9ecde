"""How old the microphone's sound is, and how soon an interruption is silent: real JupyterLab, real Chromium.

Everything is on this computer, with one clock.

* microphone → socket: clicks go into the page's microphone at known times, and are found again in the frames
  written to the provider's socket, a real one, to `livewidget serve` on loopback. The age of a click counts
  from the audio callback in which the microphone's track delivered it to the page.
* microphone → kernel while a cell runs: the age of each chunk's first sample when it comes into the widget.
* interrupted → silence: from the moment `interrupted` is read from the link to the last quantum with sound that
  left the player. The voice is an unbroken tone, so that no pause can pass for silence.

    python benchmarks/talk_in_the_browser.py [--trials N] [--only socket|busy|interruptions]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parent.parent))

from livewidget.audio import to_float
from tests.browser.card import Card
from tests.browser.cells import FIRST, WATCH, busy
from tests.browser.lab import Lab, Notebook, chromium, open_notebook

#: A microphone that clicks every `step` seconds once `__click(count, step)` is called, and says when (wall clock, ms).
CLICKING_MICROPHONE = """
(() => {
  let context, destination;
  navigator.mediaDevices.getUserMedia = async () => {
    context ??= new AudioContext(); destination ??= context.createMediaStreamDestination();
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

BUSY = {"no cell": None, "time.sleep": "sleep", "Python loop": "python", "NumPy loop": "numpy"}


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(np.asarray(values), share)) if values else float("nan")


def line(name: str, values: Sequence[float], extra: str = "") -> None:
    print(
        f"{name:42} p50 {percentile(values, 50):7.1f} ms   p95 {percentile(values, 95):7.1f} ms   "
        f"max {max(values, default=float('nan')):7.1f} ms   n {len(values)}{extra}",
        flush=True,
    )


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


def microphone_to_socket(lab: Lab, browser: Browser, url: str, clicks: int) -> None:
    notebook = open_notebook(lab, browser, [TIMED, SERVED.format(url=url)], scripts=(CLICKING_MICROPHONE,))
    notebook.run(0)
    notebook.run(1)
    Card(notebook.page).start()
    times = notebook.page.evaluate("([n, step]) => window.__click(n, step)", [clicks, 0.473])
    written = read(notebook, "written")
    delivered = ages_of_clicks(written, times["delivered"])
    line("microphone sample -> provider's socket", delivered, f" of {clicks} clicks (40 ms chunks)")
    line("  with the test's own microphone", ages_of_clicks(written, times["made"]))
    notebook.page.context.close()


def ages_of_clicks(written: list[tuple[float, str]], times: list[float]) -> list[float]:
    """Milliseconds from each click to the frame on the socket that holds its first sample."""
    import base64

    at = np.concatenate([np.full(len(base64.b64decode(data)) // 2, when) for when, data in written])
    sound = np.abs(np.concatenate([to_float(base64.b64decode(data)) for _, data in written]))
    loud = np.flatnonzero(sound > 0.1)
    onsets = loud[np.concatenate([[True], np.diff(loud) > 1600])]
    found = [float(at[onset]) for onset in onsets]
    return [sent - time for time, sent in zip(times, found, strict=False)]


def microphone_while_busy(lab: Lab, browser: Browser) -> None:
    for kind, cell in BUSY.items():
        cells = [FIRST, WATCH, busy(cell, 15) if cell else ""]
        notebook = open_notebook(lab, browser, cells, scripts=(CLICKING_MICROPHONE,))
        notebook.run(0)
        notebook.run(1)
        Card(notebook.page).start()
        origin = notebook.page.evaluate("() => performance.timeOrigin")
        notebook.python("arrived.clear()")
        notebook.run(2, wait=False)
        notebook.page.wait_for_timeout(12_000)
        if cell:
            assert notebook.page.evaluate("() => window.__done[2]") is False
            notebook.wait_for_cell(2, timeout=40)
        rows = read(notebook, "arrived")
        ages = [when - origin - captured for _, captured, when in rows]
        lost = rows[-1][0] - rows[0][0] + 1 - len(rows)
        line(f"microphone -> kernel, {kind}", ages, f", lost {lost}")
        notebook.page.context.close()


def interruptions(lab: Lab, browser: Browser, trials: int) -> None:
    notebook = open_notebook(lab, browser, [TIMED, TONE], scripts=(CLICKING_MICROPHONE, EDGES))
    notebook.run(0)
    notebook.run(1)
    card = Card(notebook.page)
    card.start()
    for trial in range(trials):
        card.type(f"story number {trial}")
        notebook.page.wait_for_function("() => window.__edges.at(-1)?.on === true", timeout=15_000)
        notebook.page.wait_for_timeout(700 + 37 * (trial % 11))
        card.type(f"stop {trial}")
        notebook.page.wait_for_function(
            "n => window.__edges.filter(e => !e.on).length >= n", arg=trial + 2, timeout=15_000
        )
        notebook.page.wait_for_timeout(300)
    offset = notebook.page.evaluate("() => window.__offset(window.__player)")
    falls = [e["at"] * 1000 + offset for e in notebook.page.evaluate("() => window.__edges") if not e["on"]]
    wire = read(notebook, "interruptions")
    delays = [min((fall - at for fall in falls if fall > at - 50), default=float("nan")) for at in wire]
    line("interrupted on the wire -> silence", delays, f" of {trials} trials")
    notebook.page.context.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--only", choices=["socket", "busy", "interruptions"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            with chromium() as browser, tutor() as url:
                if options.only in (None, "socket"):
                    microphone_to_socket(lab, browser, url, max(20, options.trials))
                if options.only in (None, "busy"):
                    microphone_while_busy(lab, browser)
                if options.only in (None, "interruptions"):
                    interruptions(lab, browser, max(20, options.trials))
        finally:
            lab.close()


if __name__ == "__main__":
    main()
