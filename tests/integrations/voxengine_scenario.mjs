// VoxEngine in Node: runs a scenario in a context of its own, with one call, over a real WebSocket.
//
// argv: the scenario's file, and the caller's number. stdin: "tone 5", "hangup". stdout: what the scenario does, a JSON object
// a line. As in VoxEngine, messages with `event` are the media stream's and never reach the scenario.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

const [file, number] = process.argv.slice(2);
const tell = (did, more = {}) => process.stdout.write(`${JSON.stringify({ did, ...more })}\n`);

class Emitter {
  #listeners = new Map();

  addEventListener(event, listener) {
    if (event === undefined || typeof listener !== "function") {
      throw new Error("VoxEngine ends a scenario that adds such a listener");
    }
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event, details = {}) {
    for (const listener of this.#listeners.get(event) ?? []) {
      listener(details);
    }
  }
}

const names = (...all) => Object.fromEntries(all.map((name) => [name, name]));
const CallEvents = names("Connected", "Disconnected", "Failed", "ToneReceived");
const WebSocketEvents = names("OPEN", "MESSAGE", "ERROR", "CLOSE", "MEDIA_STARTED", "MEDIA_ENDED");
const WebSocketAudioEncoding = { PCM16_16KHZ: "PCM16_16KHZ", PCM16_8KHZ: "PCM16_8KHZ", ULAW: "ULAW", ALAW: "ALAW" };

class MediaSocket extends Emitter {
  #socket;
  #media = 0;
  #timer;

  constructor(url, parameters) {
    super();
    tell("createWebSocket", { parameters });
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.emit(WebSocketEvents.OPEN);
    this.#socket.onerror = () => this.emit(WebSocketEvents.ERROR);
    this.#socket.onclose = ({ code, reason }) => {
      clearInterval(this.#timer);
      this.emit(WebSocketEvents.CLOSE, { code, reason });
    };
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event !== "media") {
        tell("received", { message });
      } else if (this.#media++ === 0) {
        tell("media");
      }
      if (message.event === undefined) {
        this.emit(WebSocketEvents.MESSAGE, { text: data });
      }
    };
  }

  send(text) {
    if (this.#socket.readyState === 1) {
      this.#socket.send(text);
    }
  }

  sendMediaTo(unit) {
    tell("play", { to: unit.constructor.name });
  }

  clearMediaBuffer(parameters) {
    tell("clearMediaBuffer", { parameters });
  }

  close() {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  stream({ encoding, tag, customParameters }) {
    const rate = encoding === WebSocketAudioEncoding.PCM16_16KHZ ? 16000 : 8000;
    const mediaFormat = { encoding: rate === 16000 ? "PCM16" : "PCM8", sampleRate: rate };
    const start = { tag, mediaFormat, customParameters: JSON.stringify(customParameters) };
    this.send(JSON.stringify({ event: "start", sequenceNumber: 0, start }));
    let chunk = 0;
    const payload = Buffer.alloc(rate / 25).toString("base64");
    this.#timer = setInterval(() => {
      const media = { tag, chunk, timestamp: (chunk * rate) / 50, payload };
      chunk += 1;
      this.send(JSON.stringify({ event: "media", sequenceNumber: chunk, media }));
    }, 20);
  }
}

class PhoneCall extends Emitter {
  callerid() {
    return number;
  }

  answer() {
    tell("answer");
    setTimeout(() => this.emit(CallEvents.Connected, { call: this }));
  }

  reject(code) {
    tell("reject", { code });
  }

  hangup() {
    tell("hangup");
  }

  handleTones(on) {
    tell("handleTones", { on });
  }

  sendMediaTo(unit, parameters) {
    tell("sendMediaTo", parameters);
    unit.stream(parameters);
  }
}

const app = new Emitter();
const VoxEngine = {
  addEventListener: (event, listener) => app.addEventListener(event, listener),
  createWebSocket: (url, parameters) => new MediaSocket(url, parameters),
  terminate: () => {
    tell("terminate");
    setTimeout(() => process.exit(0), 500);
  },
};
const Logger = { write: (text) => tell("log", { text }) };
const AppEvents = names("CallAlerting");
const context = vm.createContext({
  VoxEngine,
  AppEvents,
  CallEvents,
  WebSocketEvents,
  WebSocketAudioEncoding,
  Logger,
});
vm.runInContext(readFileSync(file, "utf8"), context, { filename: "scenario.js" });
const call = new PhoneCall();
app.emit(AppEvents.CallAlerting, { call });
createInterface({ input: process.stdin }).on("line", (line) => {
  const [what, value] = line.split(" ");
  if (what === "tone") {
    call.emit(CallEvents.ToneReceived, { call, tone: value });
  } else if (what === "hangup") {
    call.emit(CallEvents.Disconnected, { call });
  }
});
