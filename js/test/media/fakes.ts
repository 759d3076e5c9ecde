// A browser's audio without a browser: contexts, nodes, tracks and devices that do what they are told.

import { vi } from "vitest";

export class FakePort {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: { kind: string; [field: string]: unknown }[] = [];

  postMessage(message: { kind: string }): void {
    this.sent.push(message);
  }

  /** What the audio thread says. */
  say(data: unknown): void {
    this.onmessage?.({ data });
  }
}

class FakeNode {
  connected = 0;

  connect<T>(node: T): T {
    this.connected += 1;
    return node;
  }

  disconnect(): void {
    this.connected = 0;
  }
}

export class FakeWorkletNode extends FakeNode {
  static made: FakeWorkletNode[] = [];
  readonly port = new FakePort();

  constructor(
    readonly context: FakeContext,
    readonly name: string,
  ) {
    super();
    FakeWorkletNode.made.push(this);
  }
}

class FakeGain extends FakeNode {
  readonly gain = { setTargetAtTime: vi.fn() };
}

export class FakeContext extends EventTarget {
  static made: FakeContext[] = [];
  static state: AudioContextState = "running";
  static refusesRate = false;
  state: AudioContextState = FakeContext.state;
  readonly currentTime = 0;
  readonly destination = {};
  readonly audioWorklet = { addModule: vi.fn(async () => {}) };
  readonly sampleRate: number;

  constructor(options: AudioContextOptions = {}) {
    super();
    if (options.sampleRate && FakeContext.refusesRate) {
      throw new DOMException("", "NotSupportedError");
    }
    this.sampleRate = options.sampleRate ?? 48_000;
    FakeContext.made.push(this);
  }

  createMediaStreamSource(): FakeNode {
    return new FakeNode();
  }

  async resume(): Promise<void> {
    this.state = "running";
    this.dispatchEvent(new Event("statechange"));
  }

  async close(): Promise<void> {
    this.state = "closed";
  }
}

export class FakeTrack extends EventTarget {
  static made: FakeTrack[] = [];
  readyState = "live";
  enabled = true;
  muted = false;

  constructor() {
    super();
    FakeTrack.made.push(this);
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: "a" };
  }

  stop(): void {
    this.readyState = "ended";
  }
}

export class FakeDevices extends EventTarget {
  asked: MediaStreamConstraints[] = [];
  /** What the next request meets: a failure's name, or a promise to wait for. */
  next: (string | Promise<void>)[] = [];

  async getUserMedia(constraints: MediaStreamConstraints): Promise<unknown> {
    this.asked.push(constraints);
    const fate = this.next.shift();
    if (typeof fate === "string") {
      throw new DOMException("", fate);
    }
    await fate;
    const track = new FakeTrack();
    return { getAudioTracks: () => [track], getVideoTracks: () => [track], getTracks: () => [track] };
  }

  async getDisplayMedia(constraints: MediaStreamConstraints): Promise<unknown> {
    return this.getUserMedia(constraints);
  }

  /** What is plugged in. */
  present = [
    { kind: "audioinput", deviceId: "a", label: "Headset" },
    { kind: "audioinput", deviceId: "b", label: "Webcam" },
    { kind: "videoinput", deviceId: "c", label: "Webcam" },
    { kind: "audioinput", deviceId: "", label: "" },
  ];

  async enumerateDevices(): Promise<unknown[]> {
    return this.present;
  }
}

/** Puts the fakes where the browser would be; vi.unstubAllGlobals takes them away. */
export function installFakes(): FakeDevices {
  FakeContext.made = [];
  FakeContext.state = "running";
  FakeContext.refusesRate = false;
  FakeWorkletNode.made = [];
  FakeTrack.made = [];
  const devices = new FakeDevices();
  const stored = new Map<string, string>();
  vi.stubGlobal("AudioContext", FakeContext);
  vi.stubGlobal("AudioWorkletNode", FakeWorkletNode);
  vi.stubGlobal("GainNode", FakeGain);
  vi.stubGlobal("navigator", { mediaDevices: devices });
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("document", new EventTarget());
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
  return devices;
}

/** Lets promises that wait for nothing run. */
export const settle = () => vi.advanceTimersByTimeAsync(1);
