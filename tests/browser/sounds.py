"""Sounds for the browser tests: spoken WAVs for the microphone, and the scripts that speak and listen in the page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

#: Replaces the microphone by one that speaks when the test says so: `__say(base64 of a 16-bit WAV)`. Until then it
#: gives the noise of a quiet room, some -60 dBFS: one that gives nothing at all is complained of after five seconds.
#: `__switch(false)` makes it give exact zeros, as a switch on a headset does; `__switch(30)` makes the room a loud one.
SCRIPTED_MICROPHONE = """
(() => {
  let context, destination, gain;
  const scripted = navigator.mediaDevices.getUserMedia = async () => {
    if (context) return destination.stream.clone();
    context = new AudioContext();
    destination = context.createMediaStreamDestination();
    gain = new GainNode(context); gain.connect(destination);
    await context.resume();
    const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
    noise.copyToChannel(Float32Array.from({ length: noise.length }, () => 0.003 * (Math.random() - 0.5)), 0);
    const room = context.createBufferSource(); room.buffer = noise; room.loop = true;
    room.connect(gain); room.start();
    return destination.stream.clone();
  };
  window.__unplug = async () => {
    await context?.close(); context = destination = gain = undefined;
    navigator.mediaDevices.getUserMedia = scripted;
  };
  window.__switch = (on) => { gain.gain.value = Number(on); };
  window.__say = async (wav) => {
    const bytes = Uint8Array.from(atob(wav), (c) => c.charCodeAt(0));
    const buffer = await context.decodeAudioData(bytes.buffer);
    const source = context.createBufferSource(); source.buffer = buffer; source.connect(gain); source.start();
    const at = performance.now();
    return new Promise((done) => { source.onended = () => done({ began: at, ended: performance.now() }); });
  };
})();
"""

#: Records what leaves the player (`__heard`: float32 blocks and when they were made) and counts devices left open.
TAP = """
(() => {
  const tap = { clear: () => Object.assign(tap, { blocks: [], rate: 0, tracks: [], contexts: [], ready: false }) };
  window.__tap = tap.clear();
  const source = `registerProcessor('tap', class extends AudioWorkletProcessor {
    constructor() { super(); this.block = new Float32Array(1024); this.fill = 0; }
    process(inputs) {
      const x = inputs[0][0] || new Float32Array(128);
      this.block.set(x, this.fill); this.fill += x.length;
      if (this.fill === 1024) { this.port.postMessage({ at: currentTime, block: this.block }, [this.block.buffer]);
        this.block = new Float32Array(1024); this.fill = 0; }
      return true;
    } });`;
  window.__livewidgetTap = {
    onPlayer: async (context, node) => {
      tap.rate = context.sampleRate; tap.contexts.push(context);
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
      const recorder = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
      recorder.port.onmessage = ({ data }) => tap.blocks.push(data.block);
      node.connect(recorder); tap.ready = true;
    },
    onMicrophone: (track, context) => { tap.tracks.push(track); tap.contexts.push(context); },
  };
  window.__dump = () => {
    const total = tap.blocks.reduce((n, b) => n + b.length, 0), all = new Float32Array(total);
    let at = 0; for (const b of tap.blocks) { all.set(b, at); at += b.length; }
    const bytes = new Uint8Array(all.buffer); let text = '';
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return { rate: tap.rate, data: btoa(text) };
  };
})();
"""


def heard(page: Page) -> tuple[npt.NDArray[np.float32], int]:
    """All that left the player so far: float32, shape (n,), in [-1, 1], and its rate in Hz."""
    dump: dict[str, Any] = page.evaluate("() => window.__dump()")
    return np.frombuffer(base64.b64decode(dump["data"]), np.float32), int(dump["rate"])


def say(page: Page, wav: Path, *, wait: bool = True) -> Any:
    """Speak a WAV into the scripted microphone; `wait` until it has been spoken."""
    text = base64.b64encode(wav.read_bytes()).decode()
    return page.evaluate("(wav) => window.__say(wav)" if wait else "(wav) => void window.__say(wav)", text)
