// src/audio/clock.ts
var ClockMap = class {
  #window;
  #since = Number.NEGATIVE_INFINITY;
  #smallest = Number.POSITIVE_INFINITY;
  #former = Number.POSITIVE_INFINITY;
  /** `window` in ms: how long a smallest difference holds at least. */
  constructor(window2 = 5e3) {
    this.#window = window2;
  }
  /** Something of stream time `streamMs` arrived at `now`; returns when it happened, on the page's clock. */
  seen(streamMs, now) {
    const difference = now - streamMs;
    if (now - this.#since > this.#window) {
      this.#former = this.#smallest;
      this.#smallest = difference;
      this.#since = now;
    }
    this.#smallest = Math.min(this.#smallest, difference);
    return Math.max(0, streamMs + Math.min(this.#smallest, this.#former));
  }
  reset() {
    this.#since = Number.NEGATIVE_INFINITY;
    this.#smallest = Number.POSITIVE_INFINITY;
    this.#former = Number.POSITIVE_INFINITY;
  }
};
var SLEPT_MS = 2e3;
var GRACE_MS = 1500;
var Lease = class {
  #length;
  #ends;
  #checked;
  /** `first` is longer: a kernel may have a cell to finish before it says its first word. */
  constructor(now, length = 5e3, first = 15e3) {
    this.#length = length;
    this.#ends = now + first;
    this.#checked = now;
  }
  renew(now) {
    this.#ends = now + this.#length;
  }
  /** The connection was reported lost: only a prompt word saves the lease. */
  doubt(now) {
    this.#ends = Math.min(this.#ends, now + GRACE_MS);
  }
  /** To be called often. False once the kernel has been silent for too long. */
  holds(now) {
    if (now - this.#checked > SLEPT_MS && now >= this.#ends) {
      this.#ends = now + GRACE_MS;
    }
    this.#checked = now;
    return now < this.#ends;
  }
};

// src/audio/levels.ts
function peakOf(samples3) {
  let peak2 = 0;
  for (const sample of samples3) {
    const magnitude = sample < 0 ? -sample : sample;
    if (magnitude > peak2) {
      peak2 = magnitude;
    }
  }
  return peak2 / 32768;
}
var RATE = 25;
var KEPT = RATE * 180;
var BACKLOG = 4;
var LevelLanes = class {
  rate = RATE;
  #bars = { user: new Float32Array(KEPT), model: new Float32Array(KEPT) };
  #waiting = { user: [], model: [] };
  #count = 0;
  #marks = [];
  #next = null;
  get count() {
    return this.#count;
  }
  get marks() {
    return this.#marks;
  }
  at(speaker, index) {
    if (index < 0 || index >= this.#count || index < this.#count - KEPT) {
      return 0;
    }
    return this.#bars[speaker][index % KEPT];
  }
  /** Adds the peak (0..1) of the next 1/rate second of a speaker. */
  put(speaker, peak2) {
    const waiting = this.#waiting[speaker];
    waiting.push(peak2);
    while (waiting.length > BACKLOG) {
      const oldest = waiting.shift();
      waiting[0] = Math.max(oldest, waiting[0]);
    }
  }
  /** Writes the bars that are due at `now` (ms). */
  advance(now) {
    const width = 1e3 / RATE;
    if (this.#next === null || now - this.#next > 1e3) {
      this.#next = now;
    }
    while (this.#next <= now) {
      const place = this.#count % KEPT;
      this.#bars.user[place] = this.#waiting.user.shift() ?? 0;
      this.#bars.model[place] = this.#waiting.model.shift() ?? 0;
      this.#count += 1;
      this.#next += width;
    }
    this.#marks = this.#marks.filter((mark) => mark >= this.#count - KEPT);
  }
  /** Marks an interruption at the newest bar. */
  mark() {
    this.#marks = [...this.#marks, Math.max(0, this.#count - 1)];
  }
};
var SILENT = 10 ** (-70 / 20);
var SilenceWatch = class {
  #limit;
  #silentMs = 0;
  constructor(limit = 5e3) {
    this.#limit = limit;
  }
  /** Hears `ms` of sound with that peak (0..1); true while the silence has lasted too long. */
  hear(peak2, ms2) {
    this.#silentMs = peak2 > SILENT ? 0 : this.#silentMs + ms2;
    return this.#silentMs >= this.#limit;
  }
  reset() {
    this.#silentMs = 0;
  }
};

// src/audio/pcm.ts
function samplesOf(buffer) {
  const bytes = ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
  const copy = new Uint8Array(bytes.length & ~1);
  copy.set(bytes.subarray(0, copy.length));
  return new Int16Array(copy.buffer);
}

// src/lanes.ts
var CAPACITY = 256;
var RESEND_MS = 2e3;
var SLOWEST_MS = 3e4;
var Outbox = class {
  #seq = 0;
  #acked = 0;
  #waiting = [];
  #moved = 0;
  #patience = RESEND_MS;
  /** The number given last. */
  get seq() {
    return this.#seq;
  }
  /** All that is not acknowledged yet, oldest first; at most 256, the oldest are given up. */
  get waiting() {
    return this.#waiting;
  }
  add(message, now) {
    if (this.#waiting.length === 0) {
      this.#moved = now;
      this.#patience = RESEND_MS;
    }
    this.#seq += 1;
    this.#waiting.push({ seq: this.#seq, message });
    if (this.#waiting.length > CAPACITY) {
      this.#waiting.shift();
    }
    return this.#seq;
  }
  /** The other side has all up to `ack`; older news, and numbers never given, change nothing. */
  acknowledge(ack, now) {
    if (ack <= this.#acked || ack > this.#seq) {
      return;
    }
    this.#acked = ack;
    this.#moved = now;
    this.#patience = RESEND_MS;
    this.#waiting = this.#waiting.filter((sent) => sent.seq > ack);
  }
  /**
   * What to send again: all that waits, when nothing was acknowledged for two seconds; then after four, eight and so on,
   * for a kernel that is busy gets every copy.
   */
  stalled(now) {
    if (this.#waiting.length === 0 || now - this.#moved < this.#patience) {
      return [];
    }
    this.#moved = now;
    this.#patience = Math.min(2 * this.#patience, SLOWEST_MS);
    return [...this.#waiting];
  }
};
var Inbox = class {
  #last;
  #held = /* @__PURE__ */ new Map();
  /** `last` is the number before the first that counts. */
  constructor(last = 0) {
    this.#last = last;
  }
  /** The highest number without a hole before it: what to acknowledge. */
  get last() {
    return this.#last;
  }
  /** True while a message is missing before one that has come. */
  get hole() {
    return this.#held.size > 0;
  }
  /** Returns the messages that are now in order. One too far ahead is not kept: it will be sent again. */
  receive(seq, message) {
    if (seq <= this.#last || seq > this.#last + CAPACITY || this.#held.has(seq)) {
      return [];
    }
    this.#held.set(seq, message);
    return this.#ready();
  }
  /** Gives up on what is missing: goes on at the next message that is here. */
  skip() {
    if (this.#held.size === 0) {
      return [];
    }
    this.#last = Math.min(...this.#held.keys()) - 1;
    return this.#ready();
  }
  /** Begins anew after `last`; what was held beyond it stays. */
  restart(last) {
    this.#last = last;
    for (const seq of [...this.#held.keys()]) {
      if (seq <= last || seq > last + CAPACITY) {
        this.#held.delete(seq);
      }
    }
    return this.#ready();
  }
  #ready() {
    const ready = [];
    let next = this.#held.get(this.#last + 1);
    while (next !== void 0) {
      this.#last += 1;
      this.#held.delete(this.#last);
      ready.push(next);
      next = this.#held.get(this.#last + 1);
    }
    return ready;
  }
};

// src/messages.ts
var text = (value) => typeof value === "string";
var flag = (value) => typeof value === "boolean";
var count = (value) => Number.isSafeInteger(value) && value >= 0;
var amount = (value) => Number.isFinite(value);
var isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
var maybe = (check) => (value) => value === null || check(value);
var list = (check) => (value) => Array.isArray(value) && value.every(check);
var oneOf = (...words2) => (value) => words2.includes(value);
var fields = (checks) => (value) => isObject(value) && Object.entries(checks).every(([name2, check]) => check(value[name2]));
var phase = oneOf("idle", "connecting", "live", "ended");
var floor = oneOf("listening", "user", "thinking", "model", "tool");
var mode = oneOf("automatic", "push_to_talk");
var notice = { level: oneOf("info", "warning", "error"), code: text, text };
var tool = fields({
  id: text,
  name: text,
  args: text,
  result: maybe(text),
  error: maybe(text),
  duration_ms: amount,
  state: oneOf("running", "done", "failed", "cancelled")
});
var turn = {
  index: count,
  speaker: oneOf("user", "model"),
  spans: list(fields({ text, sample: count })),
  interim: text,
  final: flag,
  interrupted: flag,
  heard_sample: maybe(count),
  latency_ms: maybe(amount),
  thoughts: text,
  tools: list(tool)
};
var session = { phase, floor, turn_taking: mode, elapsed_ms: amount, owner: text };
var FROM_KERNEL = {
  "control welcome": fields({
    ...session,
    client: text,
    name: text,
    speaker: text,
    badge: text,
    model: text,
    suggestions: list(text),
    turns: list(fields(turn)),
    notices: list(fields(notice)),
    transcript_class: text,
    speaker_seq: count
  }),
  "control state": fields(session),
  "control turn": fields(turn),
  "control flush": fields({ turn: count }),
  "control notice": fields(notice),
  "control clear_notice": fields({ code: text }),
  "control heartbeat": fields({
    microphone_ack: count,
    microphone_resend: flag,
    acks: (value) => isObject(value) && Object.values(value).every(count)
  }),
  "speaker audio": fields({ turn: count, first_sample: count, sample_rate: count }),
  "speaker end": fields({ turn: count, samples: count })
};
function readKernelMessage(content) {
  if (!isObject(content) || !count(content.epoch) || !count(content.seq) || !count(content.ack)) {
    return null;
  }
  const check = Object.hasOwn(FROM_KERNEL, `${content.lane} ${content.kind}`) ? FROM_KERNEL[`${content.lane} ${content.kind}`] : void 0;
  return check?.(content.body) ? content : null;
}

// src/bridge.ts
var SPEAKER_HOLE_MS = 5e3;
var CONTROL_HOLE_MS = 3e3;
var REPORTS_UNDER_WAY = 8;
var Bridge = class {
  client;
  #wire;
  #now;
  #ears;
  #out = new Outbox();
  #control = new Inbox();
  #speaker = new Inbox();
  #epoch = 0;
  #welcomed = false;
  #named = false;
  #owning = false;
  #cameraSeq = 0;
  #holeSince = { control: null, speaker: null };
  #ignored = 0;
  /** `client` names this page among those that show the same widget. */
  constructor(client, wire, now, ears) {
    this.client = client;
    this.#wire = wire;
    this.#now = now;
    this.#ears = ears;
  }
  get epoch() {
    return this.#epoch;
  }
  /** The highest number of the speaker lane without a hole. */
  get speakerAck() {
    return this.#speaker.last;
  }
  /** How many messages could not be read. */
  get ignored() {
    return this.#ignored;
  }
  /** True once the kernel has greeted this page. */
  get welcomed() {
    return this.#welcomed;
  }
  /** Asks for all there is to show; also after the connection was lost. */
  hello() {
    this.send({
      lane: "control",
      kind: "hello",
      body: { client: this.client, last_seq: this.#control.last }
    });
  }
  /** Sends a message that will arrive, once and in order. */
  send(message) {
    if (message.kind === "played" && this.#reportsUnderWay() >= REPORTS_UNDER_WAY) {
      return;
    }
    this.#post(message, this.#out.add(message, this.#now()), this.#control.last);
  }
  /** Sends microphone audio under the number that the uplink gave it. */
  sendVoice(seq, body, samples3) {
    this.#post({ lane: "microphone", kind: "audio", body }, seq, 0, [samples3.buffer]);
  }
  /** Sends a picture; one that is lost stays lost. */
  sendFrame(body, image) {
    this.#cameraSeq += 1;
    this.#post({ lane: "camera", kind: "frame", body }, this.#cameraSeq, 0, [image]);
  }
  /** Takes whatever the comm delivered. */
  receive(content, buffers = []) {
    const message = readKernelMessage(content);
    if (message === null) {
      this.#ignored += 1;
      return;
    }
    this.#ears.alive();
    if (message.lane === "speaker") {
      this.#hear({ message, buffers: [...buffers] });
    } else {
      this.#acknowledged(message);
      this.#take(message);
    }
    this.#watchHoles();
  }
  /** To be called a few times a second: repeats what was lost and gives up on what will not come. */
  tick() {
    const now = this.#now();
    for (const { seq, message } of this.#out.stalled(now)) {
      this.#post(message, seq, this.#control.last);
    }
    const { control, speaker } = this.#holeSince;
    if (control !== null && now - control > CONTROL_HOLE_MS) {
      this.#holeSince.control = now;
      this.hello();
    }
    if (speaker !== null && now - speaker > SPEAKER_HOLE_MS) {
      this.#holeSince.speaker = null;
      this.#play(this.#speaker.skip());
      this.#watchHoles();
    }
  }
  #post(message, seq, ack, buffers = []) {
    this.#wire({ ...message, epoch: this.#epoch, seq, ack }, buffers);
  }
  #reportsUnderWay() {
    return this.#out.waiting.reduce((sum, sent) => sum + (sent.message.kind === "played" ? 1 : 0), 0);
  }
  /** The envelope speaks of one page's lane only; a heartbeat names all. */
  #acknowledged(message) {
    const mine = message.kind === "heartbeat" && Object.hasOwn(message.body.acks, this.client) ? message.body.acks[this.client] : void 0;
    if (mine !== void 0) {
      this.#named = true;
      this.#out.acknowledge(mine, this.#now());
    } else if (!this.#named) {
      this.#out.acknowledge(message.ack, this.#now());
    }
  }
  #take(message) {
    const greeted = message.kind === "welcome" && message.body.client === this.client;
    if (greeted && (!this.#welcomed || message.seq > this.#control.last)) {
      this.#begin(message);
      return;
    }
    if (!this.#welcomed) {
      return;
    }
    for (const ready of this.#control.receive(message.seq, message)) {
      this.#act(ready);
    }
  }
  /** The welcome is a snapshot: whatever was missing before it no longer matters. */
  #begin(message) {
    const waiting = this.#control.restart(message.seq);
    if (!this.#welcomed || message.body.owner !== this.client) {
      this.#play(this.#speaker.restart(message.body.speaker_seq));
    }
    this.#welcomed = true;
    for (const ready of [message, ...waiting]) {
      this.#act(ready);
    }
  }
  #act(message) {
    if (message.kind === "welcome" && message.body.client !== this.client) {
      return;
    }
    if (message.kind === "welcome" || message.kind === "state") {
      this.#owning = message.body.owner === this.client;
    }
    if (message.epoch > this.#epoch || message.kind === "flush") {
      this.#raise(Math.max(message.epoch, this.#epoch), message.kind === "flush" ? message.body.turn : null);
    }
    this.#ears.message(message);
  }
  #raise(epoch, turn2) {
    this.#epoch = epoch;
    this.#ears.flush(epoch, turn2);
    this.#play(this.#speaker.skip());
  }
  #hear(spoken) {
    if (!this.#welcomed) {
      return;
    }
    const before = this.#speaker.last;
    this.#play(this.#speaker.receive(spoken.message.seq, spoken));
    if (this.#speaker.hole && this.#speaker.last === before && spoken.message.epoch > this.#epoch) {
      this.#play(this.#speaker.skip());
    }
  }
  #play(ready) {
    for (const { message, buffers } of ready) {
      if (message.epoch > this.#epoch) {
        this.#epoch = message.epoch;
        this.#ears.flush(message.epoch, null);
      }
      if (message.epoch < this.#epoch || !this.#owning) {
        continue;
      }
      if (message.kind === "end") {
        this.#ears.message(message);
      } else if (buffers[0] && message.body.sample_rate === 24e3) {
        this.#ears.voice(message.body.turn, message.body.first_sample, samplesOf(buffers[0]));
      }
    }
  }
  #watchHoles() {
    const now = this.#now();
    this.#holeSince = {
      control: this.#control.hole ? this.#holeSince.control ?? now : null,
      speaker: this.#speaker.hole ? this.#holeSince.speaker ?? now : null
    };
  }
};

// src/hide.ts
function hideClass(name2, scope, page = document) {
  if (!/^[\w-]+$/.test(name2)) {
    return;
  }
  const style = page.createElement("style");
  style.textContent = `.${name2} { display: none !important; }`;
  page.head.append(style);
  scope.add(() => style.remove());
}

// worklet:src/worklets/capture.ts
var capture_default = '// src/audio/pcm.ts\nfunction toInt16(value) {\n  const scaled = Math.round(value * 32768);\n  if (scaled > 32767) {\n    return 32767;\n  }\n  if (scaled < -32768) {\n    return -32768;\n  }\n  return scaled || 0;\n}\nfunction encode(samples) {\n  const out = new Int16Array(samples.length);\n  for (let i = 0; i < samples.length; i++) {\n    out[i] = toInt16(samples[i]);\n  }\n  return out;\n}\n\n// src/audio/resampler.ts\nvar CROSSINGS = 24;\nvar BETA = 6.76;\nvar CUTOFF = 0.91;\nfunction gcd(a, b) {\n  return b === 0 ? a : gcd(b, a % b);\n}\nfunction bessel(x) {\n  let term = 1;\n  let sum = 1;\n  for (let k = 1; term > 1e-12 * sum; k++) {\n    term *= (x / (2 * k)) ** 2;\n    sum += term;\n  }\n  return sum;\n}\nfunction sinc(x) {\n  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);\n}\nfunction filterBank(up, half, cutoff) {\n  const bank = new Float32Array(up * 2 * half);\n  for (let phase = 0; phase < up; phase++) {\n    const row = bank.subarray(phase * 2 * half, (phase + 1) * 2 * half);\n    let sum = 0;\n    for (let tap = 0; tap < row.length; tap++) {\n      const k = tap - half + 1 - phase / up;\n      const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (k / half) ** 2))) / bessel(BETA);\n      row[tap] = cutoff * sinc(cutoff * k) * window;\n      sum += row[tap];\n    }\n    for (let tap = 0; tap < row.length; tap++) {\n      row[tap] /= sum;\n    }\n  }\n  return bank;\n}\nvar Resampler = class {\n  #up;\n  #down;\n  #half;\n  #bank;\n  /** Inputs from `#base` on; the first `half - 1` before the stream are zeros. */\n  #buffer = new Float32Array(4096);\n  #length = 0;\n  #base = 0;\n  #index = 0;\n  #phase = 0;\n  /** `from` and `to` are whole numbers of Hz. Equal rates pass every sample as it is. */\n  constructor(from, to) {\n    const divisor = gcd(from, to);\n    this.#up = to / divisor;\n    this.#down = from / divisor;\n    if (from === to) {\n      this.#half = 1;\n      this.#bank = Float32Array.of(1, 0);\n    } else {\n      const ratio = Math.min(1, to / from);\n      this.#half = Math.ceil(CROSSINGS / ratio);\n      this.#bank = filterBank(this.#up, this.#half, CUTOFF * ratio);\n    }\n    this.reset();\n  }\n  /** Input position of the next output, whole samples since the start: everything before it has come out. */\n  get position() {\n    return this.#index;\n  }\n  /** Inputs pushed since the start, the zeros of `drain` included. */\n  get pushed() {\n    return this.#base + this.#length;\n  }\n  push(input) {\n    this.#drop();\n    if (this.#length + input.length > this.#buffer.length) {\n      const larger = new Float32Array(2 * (this.#length + input.length));\n      larger.set(this.#buffer.subarray(0, this.#length));\n      this.#buffer = larger;\n    }\n    this.#buffer.set(input, this.#length);\n    this.#length += input.length;\n  }\n  /** Pushes as much silence as it takes to pull the last true sample. */\n  drain() {\n    this.push(new Float32Array(this.#half));\n  }\n  /** How many outputs can be pulled now. */\n  get available() {\n    const reach = this.pushed - this.#half - this.#index;\n    return reach > 0 ? Math.floor((reach * this.#up - 1 - this.#phase) / this.#down) + 1 : 0;\n  }\n  /** Writes up to `count` outputs at `start` of `out`; returns how many there were. */\n  pull(out, start = 0, count = out.length - start) {\n    const made = Math.min(count, this.available);\n    const taps = 2 * this.#half;\n    for (let n = 0; n < made; n++) {\n      const first = this.#index - this.#half + 1 - this.#base;\n      const row = this.#phase * taps;\n      let sum = 0;\n      for (let tap = 0; tap < taps; tap++) {\n        sum += this.#bank[row + tap] * this.#buffer[first + tap];\n      }\n      out[start + n] = sum;\n      this.#phase += this.#down;\n      this.#index += Math.floor(this.#phase / this.#up);\n      this.#phase %= this.#up;\n    }\n    return made;\n  }\n  /** Forgets everything. */\n  reset() {\n    this.#buffer.fill(0);\n    this.#length = this.#half - 1;\n    this.#base = 1 - this.#half;\n    this.#index = 0;\n    this.#phase = 0;\n  }\n  /** Lets go of inputs that no output needs any more. */\n  #drop() {\n    const unused = this.#index - this.#half + 1 - this.#base;\n    if (unused > 1024) {\n      this.#buffer.copyWithin(0, unused, this.#length);\n      this.#length -= unused;\n      this.#base += unused;\n    }\n  }\n};\n\n// src/worklets/capture.ts\nvar RATE = 16e3;\nvar CHUNK = 320;\nvar CaptureProcessor = class extends AudioWorkletProcessor {\n  #resampler = new Resampler(sampleRate, RATE);\n  #silence = new Float32Array(128);\n  #chunk = new Float32Array(CHUNK);\n  #filled = 0;\n  #first = 0;\n  #alive = true;\n  constructor() {\n    super();\n    this.port.onmessage = ({ data }) => this.#take(data);\n  }\n  process(inputs) {\n    this.#resampler.push(inputs[0]?.[0] ?? this.#silence);\n    this.#pull();\n    return this.#alive;\n  }\n  #take(message) {\n    if (message.kind === "close") {\n      this.#alive = false;\n    } else {\n      this.#post();\n      this.#send({ kind: "flushed" });\n    }\n  }\n  #pull() {\n    for (; ; ) {\n      const made = this.#resampler.pull(this.#chunk, this.#filled);\n      this.#filled += made;\n      if (this.#filled === CHUNK) {\n        this.#post();\n      } else if (made === 0) {\n        return;\n      }\n    }\n  }\n  #post() {\n    if (this.#filled > 0) {\n      const samples = encode(this.#chunk.subarray(0, this.#filled));\n      this.#send({ kind: "audio", first: this.#first, samples }, [samples.buffer]);\n      this.#first += this.#filled;\n      this.#filled = 0;\n    }\n  }\n  #send(message, transfer = []) {\n    this.port.postMessage(message, transfer);\n  }\n};\nregisterProcessor("livewidget-capture", CaptureProcessor);\nexport {\n  CaptureProcessor\n};\n';

// src/media/trouble.ts
var TEXTS = {
  "microphone-refused": [
    "refused",
    "The browser refused the microphone. Click the camera icon in the address bar, allow the microphone for this page, then press ● again. You can type meanwhile."
  ],
  "microphone-blocked": [
    "refused",
    "The program that shows this notebook keeps the microphone from it. Open the notebook in a browser, at its own address, to speak. You can type meanwhile."
  ],
  "microphone-missing": [
    "missing",
    "No microphone was found. Plug one in or switch it on, then press ● again. You can type meanwhile."
  ],
  "microphone-busy": [
    "off",
    "The microphone cannot be opened: another program may be using it. Close that program or pick another microphone in the settings, then press ● again."
  ],
  "microphone-ended": [
    "off",
    "The microphone went away. It was unplugged, or its permission was taken back; plug it in or pick another in the settings, then press ● again."
  ],
  "microphone-failed": [
    "off",
    "The microphone could not be started. Reload the page and press ● again. You can type meanwhile."
  ],
  "page-not-secure": [
    "refused",
    "This page has no microphone because its address is not secure. Open the notebook through https:// or at http://localhost, then press ● again. You can type meanwhile."
  ]
};
var CODES = {
  NotAllowedError: "microphone-refused",
  SecurityError: "microphone-refused",
  PermissionDeniedError: "microphone-refused",
  NotFoundError: "microphone-missing",
  OverconstrainedError: "microphone-missing",
  NotReadableError: "microphone-busy",
  AbortError: "microphone-busy",
  NotSecure: "page-not-secure",
  TrackEnded: "microphone-ended"
};
function frameMay() {
  const page = globalThis.document;
  const policy = page?.permissionsPolicy ?? page?.featurePolicy;
  try {
    return policy?.allowsFeature("microphone") ?? true;
  } catch {
    return true;
  }
}
function trouble(error, allowed = frameMay) {
  const name2 = error instanceof Error || error instanceof DOMException ? error.name : "";
  let code = Object.hasOwn(CODES, name2) ? CODES[name2] : "microphone-failed";
  if (code === "microphone-refused" && !allowed()) {
    code = "microphone-blocked";
  }
  const [state, text3] = TEXTS[code];
  return {
    state,
    detail: name2 === "NotSecure" || name2 === "TrackEnded" ? "" : name2,
    notice: { level: "error", code, text: text3 }
  };
}
var TROUBLES = [...Object.keys(TEXTS), "microphone-silent"];
var SILENT2 = {
  level: "warning",
  code: "microphone-silent",
  text: "The microphone gives no sound. Check its switch and its volume in the system's settings, or pick another in the settings here."
};

// src/media/worklet.ts
function tap() {
  const found = globalThis.__livewidgetTap;
  return typeof found === "object" && found !== null ? found : {};
}
async function addWorklet(context, source) {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
function closeWith(scope, context) {
  scope.add(() => {
    if (context.state !== "closed") {
      context.close().catch(() => {
      });
    }
  });
}

// src/media/microphone.ts
var STORED = "livewidget.microphone";
var TAIL_MS = 100;
var memory = {
  get() {
    try {
      return sessionStorage.getItem(STORED) ?? "";
    } catch {
      return "";
    }
  },
  set(id) {
    try {
      sessionStorage.setItem(STORED, id);
    } catch {
    }
  }
};
var Microphone = class {
  #scope;
  #ears;
  #take = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #asking = false;
  #muted = false;
  #deviceId = memory.get();
  #first = 0;
  #tails = [];
  constructor(scope, ears) {
    this.#scope = scope;
    this.#ears = ears;
    scope.add(() => this.stop());
    const devices2 = navigator.mediaDevices;
    if (devices2) {
      scope.listen(devices2, "devicechange", () => void this.#list());
    }
  }
  /** True from the click until it is given back. */
  get wanted() {
    return this.#asking || this.#take !== null;
  }
  get muted() {
    return this.#muted;
  }
  /** Takes the microphone. To be called from a click or a key only. */
  async start() {
    if (this.wanted || this.#scope.disposed) {
      return;
    }
    const generation = ++this.#generation;
    this.#asking = true;
    this.#muted = false;
    this.#ears.state("asking", "");
    let stream = null;
    try {
      stream = await this.#ask();
      const take = generation === this.#generation ? await this.#connect(stream, generation) : null;
      if (take === null) {
        stop(stream);
        return;
      }
      this.#take = take;
      this.#asking = false;
      this.#ears.state("on", "");
      await this.#list();
    } catch (error) {
      stop(stream);
      if (generation === this.#generation) {
        this.#asking = false;
        const found = trouble(error);
        this.#ears.trouble(found);
        this.#ears.state(found.state, found.detail);
      }
    }
  }
  /** Gives the microphone back, whatever state it is in. */
  stop() {
    const was = this.wanted;
    this.#generation += 1;
    this.#asking = false;
    this.#muted = false;
    this.#take?.scope.dispose();
    this.#take = null;
    this.#settleTails();
    if (was) {
      this.#ears.state("off", "");
    }
  }
  mute(muted) {
    if (this.#take) {
      this.#muted = muted;
      this.#take.track.enabled = !muted;
      this.#ears.state(muted ? "muted" : "on", "");
    }
  }
  /** Uses another device, now and from now on. */
  pick(deviceId) {
    this.#deviceId = deviceId;
    memory.set(deviceId);
    void this.#list();
    if (this.wanted) {
      this.stop();
      void this.start();
    }
  }
  /** Brings out what is captured but not yet a whole chunk; then calls `done`. */
  flush(done) {
    if (!this.#take) {
      done();
      return;
    }
    this.#tails.push(done);
    this.#take.node.port.postMessage({ kind: "flush" });
    this.#take.scope.timeout(() => this.#settleTails(), TAIL_MS);
  }
  async #ask() {
    if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      throw new DOMException("", "NotSecure");
    }
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    if (this.#deviceId === "") {
      return navigator.mediaDevices.getUserMedia({ audio });
    }
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: { ...audio, deviceId: { exact: this.#deviceId } }
      });
    } catch (error) {
      if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name)) {
        return navigator.mediaDevices.getUserMedia({ audio });
      }
      throw error;
    }
  }
  async #connect(stream, generation) {
    const track = stream.getAudioTracks()[0];
    if (!track) {
      throw new DOMException("", "NotFoundError");
    }
    const scope = this.#scope.child();
    scope.add(() => stop(stream));
    try {
      const context = new AudioContext({ latencyHint: "interactive" });
      closeWith(scope, context);
      context.resume().catch(() => {
      });
      await addWorklet(context, capture_default);
      if (generation !== this.#generation || scope.disposed) {
        scope.dispose();
        return null;
      }
      const node = this.#wire(context, stream, scope);
      scope.listen(track, "ended", () => this.#ended());
      tap().onMicrophone?.(track, context);
      return { scope, track, node };
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }
  #wire(context, stream, scope) {
    const input = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, "livewidget-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1]
    });
    const base = this.#first;
    node.port.onmessage = ({ data }) => {
      if (data.kind === "flushed") {
        this.#settleTails();
        return;
      }
      this.#first = base + data.first + data.samples.length;
      this.#ears.chunk(data.samples, base + data.first);
    };
    input.connect(node).connect(context.destination);
    scope.add(() => {
      node.port.postMessage({ kind: "close" });
      node.port.onmessage = null;
      input.disconnect();
      node.disconnect();
    });
    return node;
  }
  /** The device went away, or the permission was taken back. */
  #ended() {
    this.stop();
    this.#ears.trouble(trouble(new DOMException("", "TrackEnded")));
  }
  #settleTails() {
    for (const done of this.#tails.splice(0)) {
      done();
    }
  }
  async #list() {
    try {
      const found = await navigator.mediaDevices?.enumerateDevices() ?? [];
      const devices2 = found.filter((device) => device.kind === "audioinput" && device.deviceId !== "").map((device) => ({ id: device.deviceId, label: device.label }));
      this.#ears.devices(devices2, this.#deviceId);
    } catch {
    }
  }
};
function stop(stream) {
  for (const track of stream?.getTracks() ?? []) {
    track.stop();
  }
}

// worklet:src/worklets/playback.ts
var playback_default = '// src/audio/pcm.ts\nfunction decode(samples2) {\n  const out = new Float32Array(samples2.length);\n  for (let i = 0; i < samples2.length; i++) {\n    out[i] = samples2[i] / 32768;\n  }\n  return out;\n}\n\n// src/audio/resampler.ts\nvar CROSSINGS = 24;\nvar BETA = 6.76;\nvar CUTOFF = 0.91;\nfunction gcd(a, b) {\n  return b === 0 ? a : gcd(b, a % b);\n}\nfunction bessel(x) {\n  let term = 1;\n  let sum = 1;\n  for (let k = 1; term > 1e-12 * sum; k++) {\n    term *= (x / (2 * k)) ** 2;\n    sum += term;\n  }\n  return sum;\n}\nfunction sinc(x) {\n  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);\n}\nfunction filterBank(up, half, cutoff) {\n  const bank = new Float32Array(up * 2 * half);\n  for (let phase = 0; phase < up; phase++) {\n    const row = bank.subarray(phase * 2 * half, (phase + 1) * 2 * half);\n    let sum = 0;\n    for (let tap = 0; tap < row.length; tap++) {\n      const k = tap - half + 1 - phase / up;\n      const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (k / half) ** 2))) / bessel(BETA);\n      row[tap] = cutoff * sinc(cutoff * k) * window;\n      sum += row[tap];\n    }\n    for (let tap = 0; tap < row.length; tap++) {\n      row[tap] /= sum;\n    }\n  }\n  return bank;\n}\nvar Resampler = class {\n  #up;\n  #down;\n  #half;\n  #bank;\n  /** Inputs from `#base` on; the first `half - 1` before the stream are zeros. */\n  #buffer = new Float32Array(4096);\n  #length = 0;\n  #base = 0;\n  #index = 0;\n  #phase = 0;\n  /** `from` and `to` are whole numbers of Hz. Equal rates pass every sample as it is. */\n  constructor(from, to) {\n    const divisor = gcd(from, to);\n    this.#up = to / divisor;\n    this.#down = from / divisor;\n    if (from === to) {\n      this.#half = 1;\n      this.#bank = Float32Array.of(1, 0);\n    } else {\n      const ratio = Math.min(1, to / from);\n      this.#half = Math.ceil(CROSSINGS / ratio);\n      this.#bank = filterBank(this.#up, this.#half, CUTOFF * ratio);\n    }\n    this.reset();\n  }\n  /** Input position of the next output, whole samples since the start: everything before it has come out. */\n  get position() {\n    return this.#index;\n  }\n  /** Inputs pushed since the start, the zeros of `drain` included. */\n  get pushed() {\n    return this.#base + this.#length;\n  }\n  push(input) {\n    this.#drop();\n    if (this.#length + input.length > this.#buffer.length) {\n      const larger = new Float32Array(2 * (this.#length + input.length));\n      larger.set(this.#buffer.subarray(0, this.#length));\n      this.#buffer = larger;\n    }\n    this.#buffer.set(input, this.#length);\n    this.#length += input.length;\n  }\n  /** Pushes as much silence as it takes to pull the last true sample. */\n  drain() {\n    this.push(new Float32Array(this.#half));\n  }\n  /** How many outputs can be pulled now. */\n  get available() {\n    const reach = this.pushed - this.#half - this.#index;\n    return reach > 0 ? Math.floor((reach * this.#up - 1 - this.#phase) / this.#down) + 1 : 0;\n  }\n  /** Writes up to `count` outputs at `start` of `out`; returns how many there were. */\n  pull(out, start = 0, count = out.length - start) {\n    const made = Math.min(count, this.available);\n    const taps = 2 * this.#half;\n    for (let n = 0; n < made; n++) {\n      const first = this.#index - this.#half + 1 - this.#base;\n      const row = this.#phase * taps;\n      let sum = 0;\n      for (let tap = 0; tap < taps; tap++) {\n        sum += this.#bank[row + tap] * this.#buffer[first + tap];\n      }\n      out[start + n] = sum;\n      this.#phase += this.#down;\n      this.#index += Math.floor(this.#phase / this.#up);\n      this.#phase %= this.#up;\n    }\n    return made;\n  }\n  /** Forgets everything. */\n  reset() {\n    this.#buffer.fill(0);\n    this.#length = this.#half - 1;\n    this.#base = 1 - this.#half;\n    this.#index = 0;\n    this.#phase = 0;\n  }\n  /** Lets go of inputs that no output needs any more. */\n  #drop() {\n    const unused = this.#index - this.#half + 1 - this.#base;\n    if (unused > 1024) {\n      this.#buffer.copyWithin(0, unused, this.#length);\n      this.#length -= unused;\n      this.#base += unused;\n    }\n  }\n};\n\n// src/audio/ring.ts\nvar Ring = class {\n  #samples;\n  #read = 0;\n  #length = 0;\n  /** `capacity` in samples; it doubles when more is written. */\n  constructor(capacity) {\n    this.#samples = new Float32Array(Math.max(1, capacity));\n  }\n  /** Samples that wait to be read. */\n  get length() {\n    return this.#length;\n  }\n  write(samples2) {\n    if (this.#length + samples2.length > this.#samples.length) {\n      this.#grow(this.#length + samples2.length);\n    }\n    const start = (this.#read + this.#length) % this.#samples.length;\n    const head = Math.min(samples2.length, this.#samples.length - start);\n    this.#samples.set(samples2.subarray(0, head), start);\n    this.#samples.set(samples2.subarray(head), 0);\n    this.#length += samples2.length;\n  }\n  /** Moves up to `out.length` samples into `out`; returns how many. */\n  read(out) {\n    const count = Math.min(out.length, this.#length);\n    const head = Math.min(count, this.#samples.length - this.#read);\n    out.set(this.#samples.subarray(this.#read, this.#read + head));\n    out.set(this.#samples.subarray(0, count - head), head);\n    this.#read = (this.#read + count) % this.#samples.length;\n    this.#length -= count;\n    return count;\n  }\n  clear() {\n    this.#read = 0;\n    this.#length = 0;\n  }\n  #grow(needed) {\n    let capacity = this.#samples.length;\n    while (capacity < needed) {\n      capacity *= 2;\n    }\n    const kept = new Float32Array(capacity);\n    const length = this.read(kept);\n    this.#samples = kept;\n    this.#read = 0;\n    this.#length = length;\n  }\n};\n\n// src/audio/playout.ts\nvar VOICE_RATE = 24e3;\nvar samples = (ms) => VOICE_RATE * ms / 1e3;\nvar START = samples(100);\nvar REFILL = samples(70);\nvar PATIENCE_S = 0.3;\nvar ABANDONED_S = 2;\nvar RAMP_S = 5e-3;\nvar Playout = class {\n  #rate;\n  #resampler;\n  #ring = new Ring(VOICE_RATE * 8);\n  #scratch = new Float32Array(64);\n  #step;\n  #segments = [];\n  #phase = "idle";\n  #target = START;\n  #waited = 0;\n  #gain = 0;\n  #last = 0;\n  #silent = 0;\n  /** Stream position after the last sample written: pushed to the resampler and waiting in the ring. */\n  #written = 0;\n  /** True once no more is to come for the newest turn. */\n  #closed = true;\n  /** True between the first and the last sample heard of a turn. */\n  #inside = false;\n  #drained = true;\n  #heard = { turn: 0, sample: 0 };\n  #afterFade = [];\n  #onFlushed = null;\n  /** `rate` is the device\'s, in Hz. */\n  constructor(rate) {\n    this.#rate = rate;\n    this.#resampler = new Resampler(VOICE_RATE, rate);\n    this.#step = 1 / (rate * RAMP_S);\n  }\n  /** Adds samples (-1..1, 24 kHz) of `turn` that begin at its sample `first`; what was written already is left out. */\n  write(turn, first, voice) {\n    if (this.#phase === "fading") {\n      this.#afterFade.push(() => this.write(turn, first, voice));\n      return;\n    }\n    const newest = this.#segments.at(-1);\n    const known = newest?.turn === turn ? newest.first + newest.length - first : 0;\n    if (known >= voice.length && known > 0) {\n      return;\n    }\n    this.#append({ turn, first: first + Math.max(0, known), samples: voice.subarray(Math.max(0, known)) });\n    this.#closed = false;\n    if (this.#phase === "idle") {\n      this.#fill(START);\n    }\n  }\n  /** No more samples come for `turn`. */\n  end(turn) {\n    if (this.#phase === "fading") {\n      this.#afterFade.push(() => this.end(turn));\n    } else if (this.#segments.at(-1)?.turn === turn) {\n      this.#closed = true;\n    }\n  }\n  /** Drops everything; what sounds fades in 5 ms, then `done` hears which sample was the last. */\n  flush(done) {\n    if (this.#phase === "fading") {\n      this.#afterFade.push(() => this.flush(done));\n      return;\n    }\n    this.#onFlushed = done;\n    if (this.#phase === "playing") {\n      this.#phase = "fading";\n    } else {\n      this.#drop();\n    }\n  }\n  report() {\n    return { ...this.#heard, buffered: this.#buffered, silent: Math.round(this.#silent) };\n  }\n  /** Fills one quantum for the device. */\n  render(out) {\n    if (this.#phase === "filling" && this.#ready()) {\n      this.#phase = "playing";\n      this.#inside = true;\n    }\n    let done = 0;\n    while (done < out.length && (this.#phase === "playing" || this.#phase === "fading")) {\n      const made = this.#resampler.pull(out, done, Math.min(out.length - done, this.#limit));\n      this.#shape(out, done, made);\n      done += made;\n      if (made === 0) {\n        this.#feed();\n      }\n    }\n    this.#settle();\n    if (done < out.length) {\n      this.#rest(out.subarray(done));\n    }\n  }\n  get #buffered() {\n    return Math.max(0, this.#written - Math.max(this.#resampler.position, 0));\n  }\n  /** How many samples may still be heard: all, or what a fade needs to its end. */\n  get #limit() {\n    return this.#phase === "fading" ? Math.max(1, Math.ceil(this.#gain / this.#step)) : Number.POSITIVE_INFINITY;\n  }\n  #append(written) {\n    const newest = this.#segments.at(-1);\n    if (newest && newest.turn === written.turn && newest.first + newest.length === written.first && !this.#drained) {\n      newest.length += written.samples.length;\n    } else {\n      const start = this.#resampler.pushed + this.#ring.length;\n      this.#segments.push({\n        turn: written.turn,\n        first: written.first,\n        start,\n        length: written.samples.length\n      });\n    }\n    this.#ring.write(written.samples);\n    this.#written = this.#resampler.pushed + this.#ring.length;\n    this.#drained = false;\n  }\n  #fill(target) {\n    this.#phase = "filling";\n    this.#target = target;\n    this.#waited = 0;\n    this.#gain = 0;\n  }\n  #ready() {\n    if (this.#ring.length === 0 && !this.#closed) {\n      return false;\n    }\n    return this.#closed || this.#buffered >= this.#target || this.#waited > PATIENCE_S * this.#rate;\n  }\n  /** Gives the resampler more, or finds that there is no more: the end of the turn, or a gap in it. */\n  #feed() {\n    const count = this.#ring.read(this.#scratch);\n    if (count > 0) {\n      this.#resampler.push(this.#scratch.subarray(0, count));\n    } else if ((this.#closed || this.#phase === "fading") && !this.#drained) {\n      this.#resampler.drain();\n      this.#drained = true;\n    } else if (this.#phase === "fading") {\n      this.#drop();\n    } else if (this.#closed) {\n      this.#phase = "idle";\n      this.#inside = false;\n      this.#gain = 0;\n    } else {\n      this.#fill(REFILL);\n    }\n  }\n  /** Ramps in or out, sample by sample. */\n  #shape(out, start, count) {\n    const direction = this.#phase === "fading" ? -this.#step : this.#step;\n    for (let i = start; i < start + count; i++) {\n      out[i] *= this.#gain;\n      this.#gain = Math.min(1, Math.max(0, this.#gain + direction));\n    }\n    if (count > 0) {\n      this.#last = out[start + count - 1];\n    }\n    if (this.#phase === "fading" && this.#gain === 0) {\n      this.#settle();\n      this.#drop();\n    }\n  }\n  /** Silence, after the last sample has died away without a click. */\n  #rest(out) {\n    const decay = 1 - 4 * this.#step;\n    for (let i = 0; i < out.length; i++) {\n      this.#last = Math.abs(this.#last) < 1e-5 ? 0 : this.#last * decay;\n      out[i] = this.#last;\n    }\n    if (this.#phase === "filling") {\n      this.#waited += out.length;\n      if (this.#inside) {\n        this.#silent += out.length * VOICE_RATE / this.#rate;\n      }\n      if (this.#waited > ABANDONED_S * this.#rate && this.#ring.length === 0) {\n        this.#closed = true;\n      }\n    }\n  }\n  /** Moves the account on to what the resampler has let out. */\n  #settle() {\n    const position = this.#resampler.position;\n    while (this.#segments.length > 1 && this.#segments[1].start < position) {\n      this.#segments.shift();\n    }\n    const segment = this.#segments[0];\n    if (segment && position > segment.start) {\n      const sample = segment.first + Math.min(segment.length, position - segment.start);\n      this.#heard = { turn: segment.turn, sample };\n    }\n  }\n  #drop() {\n    this.#ring.clear();\n    this.#resampler.reset();\n    this.#segments = [];\n    this.#written = 0;\n    this.#phase = "idle";\n    this.#closed = true;\n    this.#inside = false;\n    this.#drained = true;\n    this.#gain = 0;\n    this.#onFlushed?.(this.#heard);\n    this.#onFlushed = null;\n    const waiting = this.#afterFade;\n    this.#afterFade = [];\n    for (const write of waiting) {\n      write();\n    }\n  }\n};\n\n// src/worklets/playback.ts\nvar REPORTS = 25;\nvar PlaybackProcessor = class extends AudioWorkletProcessor {\n  #playout = new Playout(sampleRate);\n  #interval = Math.round(sampleRate / REPORTS);\n  #epoch = 0;\n  #frames = 0;\n  #peak = 0;\n  #told = "";\n  #alive = true;\n  constructor() {\n    super();\n    this.port.onmessage = ({ data }) => this.#take(data);\n  }\n  process(_inputs, outputs) {\n    const out = outputs[0]?.[0];\n    if (out) {\n      this.#playout.render(out);\n      for (const sample of out) {\n        this.#peak = Math.max(this.#peak, Math.abs(sample));\n      }\n      this.#frames += out.length;\n      if (this.#frames >= this.#interval) {\n        this.#frames -= this.#interval;\n        this.#report();\n      }\n    }\n    return this.#alive;\n  }\n  #take(message) {\n    if (message.kind === "close") {\n      this.#alive = false;\n    } else if (message.kind === "flush") {\n      const { epoch } = message;\n      this.#epoch = Math.max(this.#epoch, epoch);\n      this.#playout.flush(({ turn, sample }) => this.#post({ kind: "flushed", epoch, turn, sample }));\n    } else if (message.epoch < this.#epoch) {\n      return;\n    } else if (message.kind === "audio") {\n      this.#playout.write(message.turn, message.first, decode(message.samples));\n    } else {\n      this.#playout.end(message.turn);\n    }\n  }\n  #report() {\n    const { turn, sample, buffered, silent } = this.#playout.report();\n    const state = `${turn} ${sample} ${buffered} ${silent}`;\n    if (this.#peak > 0 || state !== this.#told) {\n      this.#told = state;\n      this.#post({ kind: "report", epoch: this.#epoch, turn, sample, buffered, silent, peak: this.#peak });\n      this.#peak = 0;\n    }\n  }\n  #post(message) {\n    this.port.postMessage(message);\n  }\n};\nregisterProcessor("livewidget-playback", PlaybackProcessor);\nexport {\n  PlaybackProcessor\n};\n';

// src/audio/playout.ts
var VOICE_RATE = 24e3;
var samples = (ms2) => VOICE_RATE * ms2 / 1e3;
var START = samples(100);
var REFILL = samples(70);

// src/media/player.ts
var BLOCKED_MS = 700;
var ANSWER_MS = 120;
var REMEMBERED = 16;
var RAMP_S = 0.02;
function openContext() {
  try {
    return new AudioContext({ sampleRate: VOICE_RATE, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" });
  }
}
var Player = class {
  #scope;
  #ears;
  #deck = null;
  #volume = 1;
  #epoch = 0;
  #progress = { turn: 0, sample: 0, bufferedMs: 0, silentSamples: 0 };
  /** Silence counted by contexts that are closed. */
  #silentBefore = 0;
  #heard = /* @__PURE__ */ new Map();
  #asked = [];
  #newest = -1;
  #voidTurn = -1;
  #blocked = false;
  constructor(scope, ears) {
    this.#scope = scope;
    this.#ears = ears;
    scope.add(() => this.close());
  }
  get progress() {
    return this.#progress;
  }
  /** Opens the context; to be called from a click or a key, or the browser may keep it silent. */
  unlock() {
    const { context } = this.#open();
    if (context.state === "suspended") {
      context.resume().catch(() => {
      });
    }
  }
  write(turn2, first, samples3) {
    if (turn2 <= this.#voidTurn) {
      return;
    }
    this.#newest = turn2;
    this.#open();
    this.#post({ kind: "audio", epoch: this.#epoch, turn: turn2, first, samples: samples3 }, [samples3.buffer]);
    this.#watchBlocked();
  }
  end(turn2) {
    if (this.#deck) {
      this.#post({ kind: "end", epoch: this.#epoch, turn: turn2 });
    }
  }
  /** Drops what is older than `epoch`; if `turn` is given, `heard` is told of it. The same epoch flushes once. */
  flush(epoch, turn2) {
    if (turn2 !== null) {
      this.#asked.push(turn2);
    }
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      this.#silence();
    } else {
      this.#answer();
    }
  }
  /** Silence at once for the turn that is here now, and for what still comes of it; the kernel's flush follows. */
  hush() {
    this.#voidTurn = Math.max(this.#voidTurn, this.#newest);
    this.#silence();
  }
  setVolume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    const deck = this.#deck;
    deck?.gain.gain.setTargetAtTime(this.#volume, deck.context.currentTime, RAMP_S);
  }
  /** Ends the voice and frees the device. */
  close() {
    const deck = this.#deck;
    if (deck) {
      this.#deck = null;
      this.#newest = -1;
      this.#voidTurn = -1;
      this.#silentBefore = this.#progress.silentSamples;
      this.#progress = { ...this.#progress, bufferedMs: 0 };
      deck.node?.port.postMessage({ kind: "close" });
      deck.scope.dispose();
      this.#answer();
      this.#setBlocked(false);
    }
  }
  #open() {
    if (this.#deck) {
      return this.#deck;
    }
    const scope = this.#scope.child();
    const context = openContext();
    const gain = new GainNode(context, { gain: this.#volume });
    gain.connect(context.destination);
    const deck = { scope, context, gain, node: null, waiting: [] };
    this.#deck = deck;
    closeWith(scope, context);
    scope.listen(
      context,
      "statechange",
      () => this.#setBlocked(this.#blocked && context.state !== "running")
    );
    this.#load(deck).catch((error) => console.error("livewidget:", error));
    return deck;
  }
  async #load(deck) {
    const { context, gain, scope } = deck;
    await addWorklet(context, playback_default);
    if (scope.disposed) {
      return;
    }
    const node = new AudioWorkletNode(context, "livewidget-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1]
    });
    node.connect(gain);
    node.port.onmessage = ({ data }) => this.#take(data);
    scope.add(() => {
      node.port.onmessage = null;
      node.disconnect();
      gain.disconnect();
    });
    deck.node = node;
    tap().onPlayer?.(context, gain);
    for (const message of deck.waiting.splice(0)) {
      this.#post(message);
    }
  }
  #post(message, transfer = []) {
    const deck = this.#deck;
    if (deck?.node) {
      deck.node.port.postMessage(message, transfer);
    } else {
      deck?.waiting.push(message);
    }
  }
  #silence() {
    const deck = this.#deck;
    if (deck?.node) {
      this.#post({ kind: "flush", epoch: this.#epoch });
      deck.scope.timeout(() => this.#answer(), ANSWER_MS);
    } else {
      deck?.waiting.splice(0);
      this.#answer();
    }
  }
  #take(message) {
    this.#remember(message.turn, message.sample);
    if (message.kind === "flushed") {
      this.#progress = { ...this.#progress, turn: message.turn, sample: message.sample, bufferedMs: 0 };
      this.#answer();
      return;
    }
    const { turn: turn2, sample, buffered, silent: silent2, peak: peak2 } = message;
    const silentSamples = this.#silentBefore + silent2;
    this.#progress = { turn: turn2, sample, bufferedMs: buffered * 1e3 / VOICE_RATE, silentSamples };
    this.#ears.progress(this.#progress, peak2);
  }
  #remember(turn2, sample) {
    this.#heard.set(turn2, Math.max(sample, this.#heard.get(turn2) ?? 0));
    if (this.#heard.size > REMEMBERED) {
      this.#heard.delete(this.#heard.keys().next().value);
    }
  }
  #answer() {
    for (const turn2 of this.#asked.splice(0)) {
      this.#ears.heard(turn2, this.#heard.get(turn2) ?? 0);
    }
  }
  #watchBlocked() {
    const deck = this.#deck;
    if (!deck || this.#blocked || deck.context.state === "running") {
      return;
    }
    deck.scope.timeout(() => {
      if (deck.context.state !== "running" && !this.#blocked) {
        this.#setBlocked(true);
        for (const gesture of ["pointerdown", "keydown"]) {
          deck.scope.listen(document, gesture, () => this.unlock(), { capture: true });
        }
      }
    }, BLOCKED_MS);
  }
  #setBlocked(blocked) {
    if (blocked !== this.#blocked) {
      this.#blocked = blocked;
      this.#ears.blocked(blocked);
    }
  }
};

// src/audio/staleness.ts
var MICROPHONE_RATE = 16e3;
var ms = (samples3) => samples3 * 1e3 / MICROPHONE_RATE;
var samples2 = (milliseconds) => MICROPHONE_RATE * milliseconds / 1e3;
var SHORT = samples2(40);
var LONG = samples2(100);
var LAGGING_MS = 400;
var BUSY_MS = 1e3;
var KEPT_MS = 1e4;
var FRESH_MS = 3e3;
var RESEND_MS2 = 1e3;
var endOf = (chunk) => chunk.captured_ms + ms(chunk.samples.length);
var lengthOf = (chunks) => chunks.reduce((sum, chunk) => sum + ms(chunk.samples.length), 0);
function joined(chunks) {
  const all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0));
  let place = 0;
  for (const chunk of chunks) {
    all.set(chunk.samples, place);
    place += chunk.samples.length;
  }
  return { first_sample: chunks[0].first_sample, captured_ms: chunks[0].captured_ms, samples: all };
}
var Uplink = class {
  #send;
  #seq = 0;
  #size = SHORT;
  /** Too short to be sent yet. */
  #gathering = [];
  #unacked = [];
  #waiting = [];
  #busy = false;
  #lastEnd = null;
  #resent = Number.NEGATIVE_INFINITY;
  #acked = 0;
  #ackedAt = Number.NEGATIVE_INFINITY;
  #busyAt = 0;
  #afterwards = [];
  constructor(send) {
    this.#send = send;
  }
  /** True while the kernel lives but does not take what it was sent. */
  get busy() {
    return this.#busy;
  }
  /** Sound that should reach the kernel now, in order. */
  add(chunk, now) {
    const before = this.#gathering.at(-1);
    if (before && before.first_sample + before.samples.length !== chunk.first_sample) {
      this.#release(now);
    }
    this.#gathering.push(chunk);
    if (this.#gathering.reduce((sum, part) => sum + part.samples.length, 0) >= this.#size) {
      this.#release(now);
    }
  }
  /** Sends what is gathered, however short; then, when all has gone, calls `done`: now, or after the kernel's pause. */
  flush(now, done = () => {
  }) {
    this.#release(now);
    if (this.#busy) {
      this.#afterwards.push(done);
    } else {
      done();
    }
  }
  /** The kernel has handled all up to `ack`. */
  heartbeat(ack, resend, now) {
    if (ack > this.#acked) {
      this.#acked = ack;
      this.#ackedAt = now;
    }
    this.#unacked = this.#unacked.filter((sent) => sent.packet.seq > ack);
    const oldest = this.#unacked[0];
    const age = oldest ? now - oldest.at : 0;
    this.#size = age > LAGGING_MS ? LONG : SHORT;
    if (this.#busy) {
      this.#listen(now);
    } else if (age > BUSY_MS) {
      this.#busy = true;
      this.#busyAt = now;
      this.#size = LONG;
    } else if (resend && now - this.#resent > RESEND_MS2) {
      this.#resent = now;
      this.#again(now);
    }
  }
  /** The microphone is off: nothing of before may be sent. */
  clear() {
    this.#gathering = [];
    this.#waiting = [];
    this.#unacked = [];
    this.#busy = false;
    this.#size = SHORT;
    this.#lastEnd = null;
    const afterwards = this.#afterwards;
    this.#afterwards = [];
    for (const done of afterwards) {
      done();
    }
  }
  /** Ends the pause once all that was sent is acknowledged, or part of it was and the rest seems lost. */
  #listen(now) {
    const moved = this.#ackedAt >= this.#busyAt;
    if (this.#acked >= this.#seq) {
      this.#recover(now);
    } else if (moved && now - this.#ackedAt >= BUSY_MS) {
      this.#again(now);
      this.#recover(now);
    }
  }
  #release(now) {
    if (this.#gathering.length === 0) {
      return;
    }
    const chunk = joined(this.#gathering);
    this.#gathering = [];
    if (this.#busy) {
      this.#waiting.push(chunk);
      while (lengthOf(this.#waiting) > KEPT_MS) {
        this.#waiting.shift();
      }
    } else {
      this.#post(chunk, now, false, 0);
    }
  }
  #post(chunk, now, stale, gap) {
    this.#seq += 1;
    const packet = { ...chunk, seq: this.#seq, stale, gap_ms: Math.max(0, Math.round(gap)) };
    this.#unacked.push({ packet, at: now });
    while (lengthOf(this.#unacked.map((sent) => sent.packet)) > KEPT_MS) {
      this.#unacked.shift();
    }
    this.#lastEnd = endOf(chunk);
    this.#send(packet);
  }
  /** The kernel takes messages again: a short pause is made good, of a long one the newest is sent and called stale. */
  #recover(now) {
    this.#busy = false;
    this.#size = SHORT;
    const before = this.#lastEnd;
    const long = lengthOf(this.#waiting) > FRESH_MS;
    let waiting = this.#waiting;
    this.#waiting = [];
    if (long) {
      waiting = waiting.filter((chunk) => endOf(chunk) > now - FRESH_MS);
    }
    waiting.forEach((chunk, place) => {
      const gap = long && place === 0 && before !== null ? chunk.captured_ms - before : 0;
      this.#post(chunk, now, long, gap);
    });
    const afterwards = this.#afterwards;
    this.#afterwards = [];
    for (const done of afterwards) {
      done();
    }
  }
  /** Sends again what the kernel says it never got. */
  #again(now) {
    for (const sent of this.#unacked) {
      const age = now - endOf(sent.packet);
      this.#send({ ...sent.packet, stale: sent.packet.stale || age > FRESH_MS });
      sent.at = now;
    }
  }
};

// src/media/voice.ts
var PREROLL_MS = 200;
var BAR_SAMPLES = MICROPHONE_RATE / 25;
var Voice = class {
  #ears;
  #now;
  #uplink;
  #clock = new ClockMap();
  #silence = new SilenceWatch();
  #gate = { live: false, pushToTalk: false };
  #talking = false;
  #before = [];
  #bar = { peak: 0, samples: 0 };
  #busy = false;
  #silent = false;
  constructor(ears, now) {
    this.#ears = ears;
    this.#now = now;
    this.#uplink = new Uplink((packet) => ears.send(packet));
  }
  get talking() {
    return this.#talking;
  }
  /** True while the kernel does not take what it is sent. */
  get busy() {
    return this.#busy;
  }
  /** Sets what may pass. What was captured before and is under way still goes out. */
  open(gate) {
    const was = this.#gate;
    this.#gate = gate;
    if (was.live && !gate.live) {
      this.#uplink.flush(this.#now());
      this.#talking = false;
    }
    if (was.pushToTalk !== gate.pushToTalk) {
      this.release();
    }
  }
  /** Takes a chunk from the capture worklet. */
  chunk(samples3, first) {
    const now = this.#now();
    const length = samples3.length * 1e3 / MICROPHONE_RATE;
    const streamMs = first * 1e3 / MICROPHONE_RATE;
    const captured_ms = Math.max(0, this.#clock.seen(streamMs + length, now) - length);
    this.#measure(samples3, length);
    const chunk = { first_sample: first, captured_ms, samples: samples3 };
    if (this.#gate.live && (!this.#gate.pushToTalk || this.#talking)) {
      this.#uplink.add(chunk, now);
    } else {
      this.#remember(chunk);
    }
  }
  /** Push-to-talk is pressed: says so, then sends from a little before. */
  press() {
    if (!this.#gate.live || !this.#gate.pushToTalk || this.#talking) {
      return;
    }
    this.#talking = true;
    this.#ears.activity(true);
    const now = this.#now();
    for (const chunk of this.#before.splice(0)) {
      this.#uplink.add(chunk, now);
    }
  }
  /** Push-to-talk is let go, and the tail is in: sends the rest, then says so. */
  release() {
    if (this.#talking) {
      this.#talking = false;
      this.#uplink.flush(this.#now(), () => this.#ears.activity(false));
    }
  }
  /** The kernel has taken packets up to `ack`. */
  heartbeat(ack, resend) {
    this.#uplink.heartbeat(ack, resend, this.#now());
    this.#tellBusy();
  }
  /** The microphone was given back. */
  off() {
    this.#talking = false;
    this.#before = [];
    this.#uplink.clear();
    this.#clock.reset();
    this.#tellBusy();
    this.quiet();
  }
  /** Silence is wanted now: muted or off. */
  quiet() {
    this.#silence.reset();
    this.#tellSilent(false);
  }
  #remember(chunk) {
    this.#before.push(chunk);
    while (this.#before.length > 0 && this.#before[0].captured_ms < chunk.captured_ms - PREROLL_MS) {
      this.#before.shift();
    }
  }
  #measure(samples3, length) {
    const peak2 = peakOf(samples3);
    this.#bar.peak = Math.max(this.#bar.peak, peak2);
    this.#bar.samples += samples3.length;
    if (this.#bar.samples >= BAR_SAMPLES) {
      this.#ears.level(this.#bar.peak);
      this.#bar = { peak: 0, samples: 0 };
    }
    this.#tellSilent(this.#silence.hear(peak2, length));
  }
  #tellSilent(silent2) {
    if (silent2 !== this.#silent) {
      this.#silent = silent2;
      this.#ears.silent(silent2);
    }
  }
  #tellBusy() {
    if (this.#uplink.busy !== this.#busy) {
      this.#busy = this.#uplink.busy;
      this.#ears.busy(this.#busy);
    }
  }
};

// src/notices.ts
var KERNEL_BUSY = {
  level: "warning",
  code: "kernel-busy",
  text: "Kernel busy: microphone paused. This kernel hears the browser only between cells; it goes on when the cell ends."
};
var KERNEL_GONE = {
  level: "error",
  code: "kernel-gone",
  text: "The kernel does not answer any more, so the microphone is off. Restart the kernel if need be, and run the cell again."
};
var SOUND_BLOCKED = {
  level: "warning",
  code: "sound-blocked",
  text: "The browser plays no sound yet. Click anywhere in this page to hear the voice."
};
var OTHER_PAGE = {
  level: "info",
  code: "other-page",
  text: "Another page has this conversation's microphone and voice. Here you can read along and type."
};
var Notices = class {
  #store;
  #own = /* @__PURE__ */ new Set();
  constructor(store) {
    this.#store = store;
  }
  /** Shows a notice of this page. */
  show(notice2) {
    this.#own.add(notice2.code);
    this.#put(notice2);
  }
  /** Shows a notice of the kernel. */
  take(notice2) {
    this.#own.delete(notice2.code);
    this.#put(notice2);
  }
  clear(...codes) {
    const notices = this.#store.get().notices.filter((notice2) => !codes.includes(notice2.code));
    if (notices.length !== this.#store.get().notices.length) {
      this.#store.set({ notices });
    }
  }
  /** The kernel's notices are these, and no others. */
  replace(notices) {
    const own = this.#store.get().notices.filter((notice2) => this.#own.has(notice2.code));
    const codes = new Set(notices.map((notice2) => notice2.code));
    this.#store.set({ notices: [...notices, ...own.filter((notice2) => !codes.has(notice2.code))] });
  }
  #put(notice2) {
    const others = this.#store.get().notices.filter((known) => known.code !== notice2.code);
    this.#store.set({ notices: [...others, notice2] });
  }
};

// src/scope.ts
var Scope = class _Scope {
  #controller = new AbortController();
  #children = /* @__PURE__ */ new Set();
  #disposers = /* @__PURE__ */ new Set();
  #report;
  /** `report` hears of a disposer that throws; the others run all the same. */
  constructor(report = (error) => console.error("livewidget:", error)) {
    this.#report = report;
  }
  get disposed() {
    return this.#controller.signal.aborted;
  }
  /** Aborted when this scope ends: for fetch, await and the like. */
  get signal() {
    return this.#controller.signal;
  }
  /** Runs `disposer` when the scope ends; at once if it has ended. The result takes it out again, without running it. */
  add(disposer) {
    if (this.disposed) {
      this.#run(disposer);
      return () => {
      };
    }
    const entry = () => disposer();
    this.#disposers.add(entry);
    return () => {
      this.#disposers.delete(entry);
    };
  }
  /** A scope that ends with this one, or earlier. */
  child() {
    const child = new _Scope(this.#report);
    if (this.disposed) {
      child.dispose();
      return child;
    }
    this.#children.add(child);
    child.add(() => this.#children.delete(child));
    return child;
  }
  listen(source, type, handler, options) {
    if (this.disposed) {
      return () => {
      };
    }
    const listener = handler;
    source.addEventListener(type, listener, options);
    return this.#undo(() => source.removeEventListener(type, listener, options));
  }
  /** Calls `callback` once after `ms`, unless the scope ends or the result is called first. */
  timeout(callback, ms2) {
    if (this.disposed) {
      return () => {
      };
    }
    let forget = () => {
    };
    const timer = setTimeout(() => {
      forget();
      callback();
    }, ms2);
    const cancel = () => clearTimeout(timer);
    forget = this.add(cancel);
    return () => {
      forget();
      cancel();
    };
  }
  interval(callback, ms2) {
    if (this.disposed) {
      return () => {
      };
    }
    const timer = setInterval(callback, ms2);
    return this.#undo(() => clearInterval(timer));
  }
  /** Calls `draw(time)` before every repaint, `time` as performance.now(). */
  frame(draw) {
    if (this.disposed) {
      return () => {
      };
    }
    let handle = 0;
    let running = true;
    const step = (time) => {
      draw(time);
      if (running) {
        handle = requestAnimationFrame(step);
      }
    };
    handle = requestAnimationFrame(step);
    return this.#undo(() => {
      running = false;
      cancelAnimationFrame(handle);
    });
  }
  /** Ends the children, then what this scope owns, last in first out. The second call does nothing. */
  dispose() {
    if (this.disposed) {
      return;
    }
    this.#controller.abort();
    for (const child of [...this.#children]) {
      child.dispose();
    }
    this.#children.clear();
    const disposers = [...this.#disposers].reverse();
    this.#disposers.clear();
    for (const disposer of disposers) {
      this.#run(disposer);
    }
  }
  /** Registers an undo that can also be called early; it runs once. */
  #undo(undo) {
    let done = false;
    const once = () => {
      if (!done) {
        done = true;
        undo();
      }
    };
    const forget = this.add(once);
    return () => {
      forget();
      once();
    };
  }
  #run(disposer) {
    try {
      disposer();
    } catch (error) {
      this.#report(error);
    }
  }
};

// src/store.ts
function initialState() {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    floor: "listening",
    turnTaking: "automatic",
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    holding: false,
    owner: false,
    connected: true
  };
}
function createStore(initial = {}) {
  let state = { ...initialState(), ...initial };
  let pending = false;
  const listeners = /* @__PURE__ */ new Set();
  function tell() {
    pending = false;
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) {
        continue;
      }
      try {
        listener(state);
      } catch (error) {
        console.error("livewidget:", error);
      }
    }
  }
  return {
    get: () => state,
    set(change) {
      state = { ...state, ...change };
      if (!pending) {
        pending = true;
        queueMicrotask(tell);
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    }
  };
}

// src/app.ts
var TICK_MS = 250;
var IDLE_TICKS = 4;
var BAR_MS = 40;
var VIEW_GRACE_MS = 1500;
var LONGEST_TEXT = 1e5;
var App = class {
  scope = new Scope();
  store = createStore();
  levels = new LevelLanes();
  bridge;
  #now = () => performance.now();
  #notices = new Notices(this.store);
  #player;
  #microphone;
  #voice;
  #lease;
  #views = /* @__PURE__ */ new Set();
  #transcriptClass = "";
  #owner = "";
  #ticks = 0;
  /** Touches no device: that takes a click. */
  constructor(wire) {
    this.#lease = new Lease(this.#now());
    this.bridge = new Bridge(crypto.randomUUID(), wire, this.#now, {
      message: (message) => this.#take(message),
      voice: (turn2, first, samples3) => this.#player.write(turn2, first, samples3),
      flush: (epoch, turn2) => this.#flush(epoch, turn2),
      alive: () => this.#alive()
    });
    this.#voice = this.#makeVoice();
    this.#player = this.#makePlayer();
    this.#microphone = this.#makeMicrophone();
    this.scope.interval(() => this.#tick(), TICK_MS);
    this.scope.interval(() => this.#moveLevels(), BAR_MS);
    this.scope.listen(window, "pagehide", () => this.#silenceAll());
    this.bridge.hello();
  }
  /** Draws the widget into `el` until `signal` ends or the result is called. */
  mount(el2, mount) {
    const view = this.scope.child();
    this.#views.add(view);
    view.add(() => this.#viewGone(view));
    this.#hideTranscript(view);
    mount(el2, this.store, this.levels, this, view);
    return () => view.dispose();
  }
  /** The connection says that it is lost, or back: only the kernel's own word counts, and soon. */
  doubt() {
    this.#lease.doubt(this.#now());
  }
  /** The model is gone. */
  dispose() {
    if (!this.scope.disposed) {
      this.#views.clear();
      this.#leave();
      this.scope.dispose();
    }
  }
  // --- What a person does ---
  start() {
    if (this.#elsewhere()) {
      this.#notices.show(OTHER_PAGE);
      return;
    }
    this.#player.unlock();
    this.#notices.clear(...TROUBLES, KERNEL_GONE.code);
    if (!this.store.get().connected) {
      this.#lease.renew(this.#now());
      this.bridge.hello();
    }
    this.#begin(true);
    void this.#microphone.start();
  }
  stop() {
    this.#silenceAll();
    this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }
  toggleMute() {
    this.#microphone.mute(!this.#microphone.muted);
  }
  sendText(text3) {
    const said = text3.trim().slice(0, LONGEST_TEXT);
    if (said === "") {
      return;
    }
    if (!this.#elsewhere()) {
      this.#player.unlock();
      this.#begin(false);
    }
    this.bridge.send({ lane: "control", kind: "text", body: { text: said } });
  }
  interrupt() {
    this.#player.hush();
    this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }
  hold(active) {
    if (active === this.store.get().holding || active && this.#elsewhere()) {
      return;
    }
    this.store.set({ holding: active });
    if (active) {
      this.#player.unlock();
      if (!this.#microphone.wanted) {
        this.start();
      }
      this.#openGate();
      this.#voice.press();
    } else {
      this.#microphone.flush(() => this.#voice.release());
    }
  }
  setTurnTaking(mode2) {
    this.store.set({ turnTaking: mode2 });
    this.#openGate();
    this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode: mode2 } });
  }
  setVolume(volume) {
    this.#player.setVolume(volume);
    this.store.set({ playback: { ...this.store.get().playback, volume } });
  }
  pickMicrophone(deviceId) {
    this.#microphone.pick(deviceId);
  }
  dismissNotice(code) {
    this.#notices.clear(code);
  }
  // --- Parts ---
  #makeVoice() {
    return new Voice(
      {
        send: ({ seq, samples: samples3, first_sample, captured_ms, stale, gap_ms }) => this.bridge.sendVoice(seq, { first_sample, captured_ms, stale, gap_ms }, samples3),
        activity: (active) => this.bridge.send({ lane: "control", kind: "activity", body: { active } }),
        level: (peak2) => this.levels.put("user", peak2),
        silent: (silent2) => silent2 ? this.#notices.show(SILENT2) : this.#notices.clear(SILENT2.code),
        busy: (busy) => this.#busy(busy)
      },
      this.#now
    );
  }
  #makePlayer() {
    return new Player(this.scope, {
      progress: ({ turn: turn2, sample }, peak2) => {
        this.levels.put("model", peak2);
        const playback = this.store.get().playback;
        if (playback.turn !== turn2 || playback.playedSample !== sample) {
          this.store.set({ playback: { ...playback, turn: turn2, playedSample: sample } });
        }
      },
      heard: (turn2, sample) => this.bridge.send({ lane: "control", kind: "heard", body: { turn: turn2, sample } }),
      blocked: (blocked) => blocked ? this.#notices.show(SOUND_BLOCKED) : this.#notices.clear(SOUND_BLOCKED.code)
    });
  }
  #makeMicrophone() {
    return new Microphone(this.scope, {
      chunk: (samples3, first) => {
        if (!this.#microphone.muted) {
          this.#voice.chunk(samples3, first);
        }
      },
      state: (state, detail) => this.#microphoneState(state, detail),
      devices: (devices2, deviceId) => this.store.set({ microphone: { ...this.store.get().microphone, devices: devices2, deviceId } }),
      trouble: ({ notice: notice2 }) => this.#notices.show(notice2)
    });
  }
  // --- From the kernel ---
  #take(message) {
    switch (message.kind) {
      case "welcome":
        this.#welcome(message.body);
        break;
      case "state":
        this.#session(message.body);
        break;
      case "turn":
        this.#turn(message.body);
        break;
      case "notice":
        this.#notices.take(message.body);
        break;
      case "clear_notice":
        this.#notices.clear(message.body.code);
        break;
      case "heartbeat":
        if (this.#owner === this.bridge.client) {
          this.#voice.heartbeat(message.body.microphone_ack, message.body.microphone_resend);
        }
        break;
      case "end":
        this.#player.end(message.body.turn);
        break;
      default:
        break;
    }
  }
  #welcome(welcome) {
    const { name: name2, speaker, badge, model, suggestions: suggestions2, turns } = welcome;
    this.store.set({ name: name2, speaker, badge, model, suggestions: suggestions2, turns });
    this.#notices.replace(welcome.notices);
    if (welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (const view of this.#views) {
        this.#hideTranscript(view);
      }
    }
    this.#session(welcome);
  }
  #session({ phase: phase2, floor: floor2, turn_taking, elapsed_ms, owner }) {
    const before = this.store.get();
    const liveSince = phase2 === "live" ? before.liveSince ?? this.#now() - elapsed_ms : null;
    const mine = owner === this.bridge.client;
    this.#owner = owner;
    this.store.set({ phase: phase2, floor: floor2, turnTaking: turn_taking, liveSince, owner: mine });
    if (owner !== "" && !mine) {
      this.#yield();
    } else {
      this.#notices.clear(OTHER_PAGE.code);
    }
    if (phase2 === "ended" && before.phase !== "ended") {
      this.#ended();
    }
    this.#openGate();
  }
  #turn(turn2) {
    const others = this.store.get().turns.filter((known) => known.index !== turn2.index);
    const place = others.findIndex((known) => known.index > turn2.index);
    others.splice(place === -1 ? others.length : place, 0, turn2);
    this.store.set({ turns: others });
  }
  #flush(epoch, turn2) {
    if (turn2 !== null) {
      this.levels.mark();
    }
    this.#player.flush(epoch, turn2);
  }
  #alive() {
    const back = !this.store.get().connected;
    this.#lease.renew(this.#now());
    if (back) {
      this.store.set({ connected: true });
      this.#notices.clear(KERNEL_GONE.code);
      this.bridge.hello();
    }
  }
  // --- What follows from it ---
  /** Whether another page talks. */
  #elsewhere() {
    return this.#owner !== "" && this.#owner !== this.bridge.client && this.store.get().phase === "live";
  }
  /** Asks the kernel to begin; what it says about that will follow. */
  #begin(microphone) {
    const { phase: phase2 } = this.store.get();
    const resting = phase2 === "idle" || phase2 === "ended";
    if (resting) {
      this.store.set({ phase: "connecting" });
    }
    if (resting || microphone) {
      this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
    }
  }
  /** The session is over: the microphone goes at once, the voice may finish its sentence. */
  #ended() {
    this.#microphone.stop();
    if (this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
  }
  /** Another page has microphone and voice. */
  #yield() {
    if (this.#microphone.wanted) {
      this.#notices.show(OTHER_PAGE);
    }
    this.#microphone.stop();
    this.#player.close();
  }
  #silenceAll() {
    this.#microphone.stop();
    this.#player.close();
  }
  #leave() {
    this.#silenceAll();
    if (this.#owner === "" || this.#owner === this.bridge.client) {
      this.bridge.send({ lane: "control", kind: "stop", body: {} });
    }
  }
  #viewGone(view) {
    this.#views.delete(view);
    if (this.#views.size > 0 || this.scope.disposed) {
      return;
    }
    this.#microphone.stop();
    this.scope.timeout(() => {
      if (this.#views.size === 0) {
        this.#leave();
      }
    }, VIEW_GRACE_MS);
  }
  #hideTranscript(view) {
    if (this.#transcriptClass !== "") {
      hideClass(this.#transcriptClass, view);
    }
  }
  #microphoneState(state, detail) {
    const shown = state === "on" && this.#voice.busy ? "paused" : state;
    this.store.set({ microphone: { ...this.store.get().microphone, state: shown } });
    if (state === "muted") {
      this.#voice.quiet();
    } else if (state !== "on") {
      this.#voice.off();
      this.store.set({ holding: this.store.get().holding && state === "asking" });
    }
    this.#openGate();
    this.bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
  }
  #openGate() {
    const { phase: phase2, microphone, turnTaking, holding, owner } = this.store.get();
    const on = microphone.state === "on" || microphone.state === "paused";
    this.#voice.open({ live: phase2 === "live" && owner && on, pushToTalk: turnTaking === "push_to_talk" });
    if (holding) {
      this.#voice.press();
    }
  }
  #busy(busy) {
    const microphone = this.store.get().microphone;
    if (busy) {
      this.#notices.show(KERNEL_BUSY);
      this.store.set({ microphone: { ...microphone, state: "paused" } });
    } else {
      this.#notices.clear(KERNEL_BUSY.code);
      if (microphone.state === "paused") {
        this.store.set({ microphone: { ...microphone, state: "on" } });
      }
    }
  }
  // --- Time ---
  #tick() {
    this.bridge.tick();
    this.#ticks += 1;
    const live2 = this.store.get().phase === "live" || this.store.get().phase === "connecting";
    if (live2 || this.#ticks % IDLE_TICKS === 0) {
      this.#report();
    }
    if (this.store.get().phase === "ended" && this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
    const held = this.#lease.holds(this.#now());
    if (!held && (this.store.get().connected || this.#microphone.wanted)) {
      this.#lost();
    }
  }
  #report() {
    if (!this.bridge.welcomed) {
      return;
    }
    const { turn: turn2, sample, bufferedMs, silentSamples } = this.#player.progress;
    const body = {
      ack_seq: this.bridge.speakerAck,
      turn: turn2,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.bridge.epoch
    };
    this.bridge.send({ lane: "control", kind: "played", body });
  }
  #lost() {
    const used = this.#microphone.wanted || this.store.get().phase === "live";
    this.store.set({ connected: false });
    this.#silenceAll();
    if (used) {
      this.#notices.show(KERNEL_GONE);
    }
  }
  #moveLevels() {
    if (this.store.get().phase === "live" || this.#microphone.wanted || this.#player.progress.bufferedMs > 0) {
      this.levels.advance(this.#now());
    }
  }
};

// src/views/dom.ts
function el(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  for (const [name2, value] of Object.entries(attributes)) {
    node.setAttribute(name2, value);
  }
  node.append(...children);
  return node;
}
function button(className, label, ...children) {
  return el("button", className, { type: "button", "aria-label": label, title: label }, ...children);
}
function name(node, label, title = label) {
  attribute(node, "aria-label", label);
  attribute(node, "title", title);
}
function text2(node, value) {
  if (node.textContent !== value) {
    node.textContent = value;
  }
}
function attribute(node, key, value) {
  if (node.getAttribute(key) === value) {
    return;
  }
  if (value === null) {
    node.removeAttribute(key);
  } else {
    node.setAttribute(key, value);
  }
}
function show(node, visible) {
  if (node.hidden === visible) {
    node.hidden = !visible;
  }
}
var ids = 0;
function freshId(part) {
  ids += 1;
  return `livewidget-${ids}-${part}`;
}
var PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  silent: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M4.5 3.5l15 17",
  send: "M12 19V5.5M6 11.5l6-6 6 6",
  settings: "M4 8h7M17 8h3M4 16h2M12 16h8M11 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M6 16a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  down: "M12 5v13.5M6 12.5l6 6 6-6"
};
var SVG = "http://www.w3.org/2000/svg";
function icon(picture2, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({
    class: "lw-icon",
    width: String(size),
    height: String(size),
    viewBox: "0 0 24 24",
    "aria-hidden": "true"
  })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[picture2]);
  svg.append(path);
  return svg;
}
function picture(svg, to) {
  attribute(svg.firstElementChild, "d", PATHS[to]);
}

// src/views/format.ts
var LONGEST_TEXT2 = 2e4;
var ANSI = /\u001b\[[0-?]*[ -/]*[@-~]/g;
var CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
var LINES = /\r\n?|[\u2028\u2029\u0085]/g;
var BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
var LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
function clean(text3, longest = LONGEST_TEXT2) {
  const cut2 = text3.length > longest ? `${text3.slice(0, longest)}…` : text3;
  return cut2.replace(ANSI, "").replace(LINES, "\n").replace(CONTROLS, "").replace(BIDI, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`).replace(LONE_SURROGATE, "�");
}
function cleanLine(text3, longest = 200) {
  return clean(text3, longest).replace(/\s+/g, " ").trim();
}
function elapsed(ms2) {
  const seconds = Math.max(0, Math.floor(ms2 / 1e3));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
function latency(ms2) {
  const seconds = Math.max(0, ms2) / 1e3;
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0)} s`;
}
function duration(ms2) {
  if (ms2 < 1) {
    return "< 1 ms";
  }
  return ms2 < 999.5 ? `${Math.round(ms2)} ms` : `${(ms2 / 1e3).toFixed(1)} s`;
}
function firstSentence(text3) {
  const match = /^(.+?[.!?…])\s+(\S.*)$/s.exec(text3);
  return match ? [match[1], match[2]] : [text3, ""];
}
function badgeParts(text3) {
  const at = text3.indexOf(" · ");
  return at < 0 ? [text3, ""] : [text3.slice(0, at), text3.slice(at)];
}

// src/views/status.ts
function status(state) {
  if (!state.connected) {
    return { word: "kernel gone", tone: "error" };
  }
  switch (state.phase) {
    case "idle":
      return { word: "ready", tone: "off" };
    case "connecting":
      return { word: "connecting…", tone: "wait" };
    case "ended":
      return { word: "ended", tone: "off" };
    case "live":
      return live(state);
  }
}
function live(state) {
  switch (state.floor) {
    case "model":
      return { word: "speaking", tone: "model-sounding" };
    case "thinking":
      return { word: "thinking…", tone: "model" };
    case "tool":
      return { word: "using a tool", tone: "model" };
    case "user":
      return { word: "hearing you", tone: "you-sounding" };
    case "listening":
      return silent(state) ?? { word: "listening", tone: "you" };
  }
}
function silent(state) {
  switch (state.microphone.state) {
    case "muted":
      return { word: "muted", tone: "off" };
    case "paused":
      return { word: "paused", tone: "warn" };
    case "asking":
      return { word: "asking…", tone: "wait" };
    case "refused":
    case "missing":
      return { word: "typing only", tone: "off" };
    default:
      return null;
  }
}
function mirrors(state) {
  return !state.owner && (state.phase === "live" || state.phase === "connecting");
}
function canInterrupt(state) {
  return state.connected && state.phase === "live" && state.floor === "model";
}
function canHold(state) {
  return state.connected && state.phase === "live" && state.owner && state.turnTaking === "push_to_talk" && (state.microphone.state === "on" || state.microphone.state === "muted");
}
var NO_MICROPHONE = "You can type; press ● to try again.";
function lacksMicrophone(state) {
  return state.microphone.state === "refused" || state.microphone.state === "missing";
}
function hint(state) {
  if (!state.connected) {
    return "Run this cell again, or press ● to retry.";
  }
  if (mirrors(state)) {
    return "Another page has the microphone.";
  }
  switch (state.phase) {
    case "idle":
      return lacksMicrophone(state) ? NO_MICROPHONE : "● asks the browser for the microphone.";
    case "connecting":
      return "The browser may ask for the microphone.";
    case "ended":
      return "The talk has ended. Press ● to start again.";
    case "live":
      return liveHint(state);
  }
}
function liveHint(state) {
  switch (state.microphone.state) {
    case "off":
      return "The microphone is off. Press ● to talk.";
    case "asking":
      return "Allow the microphone in the browser's question.";
    case "muted":
      return "Muted. Press the microphone to go on.";
    case "paused":
      return "The microphone is paused.";
    case "refused":
    case "missing":
      return NO_MICROPHONE;
    case "on":
      break;
  }
  if (state.turnTaking === "push_to_talk") {
    return state.holding ? "Release to send." : "Hold space, or the button, to talk.";
  }
  return state.floor === "model" ? "Speak to interrupt." : "Talk whenever you like.";
}
function invitation(state) {
  if (!state.connected) {
    return "The kernel is gone.";
  }
  if (state.phase === "connecting") {
    return "Connecting…";
  }
  if (state.phase === "live" && state.microphone.state === "asking") {
    return "Allow the microphone, then talk.";
  }
  if (state.phase !== "live" || state.microphone.state !== "on" || mirrors(state)) {
    return state.phase === "live" ? "Type something." : "Press ● and talk, or type.";
  }
  return state.turnTaking === "push_to_talk" ? "Hold space and talk." : "Just talk.";
}
function placeholder(state) {
  if (!state.connected) {
    return "Not connected";
  }
  const talks = state.phase === "live" && state.microphone.state === "on" && !mirrors(state);
  return talks && state.turnTaking === "automatic" ? "Type, or just talk…" : "Type a message…";
}
function microphoneButton(state) {
  const nothing = (label, look) => ({
    does: "nothing",
    look,
    label,
    pressed: null
  });
  if (!state.connected) {
    return { does: "start", look: "lost", label: "Try to reach the kernel again", pressed: null };
  }
  if (mirrors(state)) {
    return nothing("Another page has the microphone", "silent");
  }
  if (state.phase === "connecting") {
    return nothing("Connecting", "wait");
  }
  if (state.phase !== "live") {
    return { does: "start", look: "record", label: "Start talking", pressed: null };
  }
  switch (state.microphone.state) {
    case "asking":
      return nothing("Waiting for the browser's permission", "wait");
    case "off":
    case "refused":
    case "missing":
      return { does: "start", look: "record", label: "Turn the microphone on", pressed: null };
    default:
      return talking(state);
  }
}
function talking(state) {
  if (canHold(state)) {
    return {
      does: "hold",
      look: state.holding ? "held" : "armed",
      label: "Hold to talk",
      pressed: state.holding
    };
  }
  const heard = state.microphone.state === "on";
  return {
    does: "mute",
    look: heard ? "open" : "silent",
    label: "Mute the microphone",
    pressed: state.microphone.state === "muted"
  };
}
function displayName(state) {
  return cleanLine(state.name) || "Live";
}
function speakerName(state) {
  return cleanLine(state.speaker, 40) || "model";
}

// src/views/microphone-button.ts
var POINTER = "pointer";
var KEY = "button key";
var CLICK = "click";
function microphoneView(store, hold, actions, scope) {
  const glyph = icon("microphone", 22);
  const element = button("lw-microphone", "Start talking", glyph);
  const does = () => microphoneButton(store.get()).does;
  scope.listen(element, "click", (event) => {
    const now = does();
    if (now === "start") {
      actions.start();
    } else if (now === "mute") {
      actions.toggleMute();
    } else if (now === "hold" && event.detail === 0) {
      if (hold.holds(CLICK)) {
        hold.end(CLICK);
      } else {
        hold.begin(CLICK);
      }
    }
  });
  scope.listen(element, "pointerdown", (event) => {
    if (event.button === 0 && does() === "hold" && hold.begin(POINTER)) {
      element.setPointerCapture(event.pointerId);
    }
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    scope.listen(element, type, () => hold.end(POINTER));
  }
  scope.listen(element, "contextmenu", (event) => {
    if (does() === "hold") {
      event.preventDefault();
    }
  });
  scope.listen(element, "keydown", (event) => {
    if ((event.key === " " || event.key === "Enter") && does() === "hold") {
      event.preventDefault();
      if (!event.repeat) {
        hold.begin(KEY);
      }
    }
  });
  scope.listen(element, "keyup", (event) => {
    if ((event.key === " " || event.key === "Enter") && hold.holds(KEY)) {
      event.preventDefault();
      hold.end(KEY);
    }
  });
  scope.listen(element, "blur", () => hold.end(KEY));
  let shown = 0;
  return {
    element,
    level(value) {
      const rounded = Math.round(Math.sqrt(Math.min(1, Math.max(0, value))) * 20) / 20;
      if (rounded !== shown) {
        shown = rounded;
        element.style.setProperty("--lw-level", String(rounded));
      }
    },
    update(state) {
      const now = microphoneButton(state);
      attribute(element, "data-look", now.look);
      attribute(element, "aria-pressed", now.pressed === null ? null : String(now.pressed));
      attribute(element, "aria-disabled", now.does === "nothing" ? "true" : null);
      name(element, now.label, now.pressed && now.does === "mute" ? "Unmute the microphone" : now.label);
      picture(glyph, now.look === "silent" ? "silent" : "microphone");
    }
  };
}

// src/views/composer.ts
var LONGEST = 8e3;
function composer(store, hold, actions, scope) {
  const microphone = microphoneView(store, hold, actions, scope);
  const stop2 = button("lw-stop", "Stop the talk", el("span", "lw-square", { "aria-hidden": "true" }));
  const box = el("input", "lw-box", {
    type: "text",
    "aria-label": "Message",
    autocomplete: "off",
    enterkeyhint: "send",
    maxlength: String(LONGEST)
  });
  const send = el("button", "lw-plain lw-send", { type: "submit" }, icon("send"));
  name(send, "Send");
  const line = el("p", "lw-hint");
  const interrupt = interruptButton(actions);
  const below = el("div", "lw-below", {}, line, interrupt.element);
  const field = el("div", "lw-field", {}, box, send);
  const element = el("form", "lw-composer", {}, microphone.element, stop2, field, below);
  const ready = () => {
    attribute(send, "disabled", box.value.trim() && store.get().connected ? null : "");
  };
  stop2.onclick = () => actions.stop();
  scope.listen(box, "input", ready);
  scope.listen(element, "submit", (event) => {
    event.preventDefault();
    const message = box.value.trim();
    if (message && store.get().connected) {
      actions.sendText(message);
      box.value = "";
      ready();
    }
  });
  return {
    element,
    level: microphone.level,
    update(state) {
      microphone.update(state);
      const runs = state.connected && (state.phase === "live" || state.phase === "connecting");
      if (!runs && stop2 === document.activeElement) {
        microphone.element.focus();
      }
      attribute(stop2, "disabled", runs ? null : "");
      attribute(box, "disabled", state.connected ? null : "");
      attribute(box, "placeholder", placeholder(state));
      text2(line, hint(state));
      interrupt.update(state);
      ready();
    }
  };
}
function interruptButton(actions) {
  const key = el("kbd", "lw-key", {}, "esc");
  const element = el(
    "button",
    "lw-interrupt",
    { type: "button", title: "Interrupt (Escape)" },
    "Interrupt ",
    key
  );
  element.onclick = () => actions.interrupt();
  return {
    element,
    update(state) {
      const wanted = canInterrupt(state);
      if (!wanted && element === document.activeElement) {
        element.closest(".livewidget")?.focus();
      }
      show(element, wanted);
    }
  };
}

// src/views/header.ts
function header(scope) {
  const dot = el("span", "lw-dot", { "aria-hidden": "true" });
  const who = el("strong", "lw-who");
  const badge = el("span", "lw-badge");
  const badgeMore = el("span", "lw-wide");
  const badgeShort = el("span");
  badge.append(badgeShort, badgeMore);
  const word = el("span", "lw-word");
  const first = el("span", "lw-first lw-wide", {
    title: "From the end of your words to the first sound of the answer"
  });
  const clock = el("span", "lw-clock", { role: "timer", "aria-label": "Elapsed time" }, "00:00");
  const settings2 = button("lw-plain lw-settings-button", "Settings", icon("settings"));
  const element = el(
    "header",
    "lw-header",
    {},
    el("span", "lw-identity", {}, dot, who, badge),
    el("span", "lw-meta", {}, word, first, clock),
    settings2
  );
  let since = null;
  let counted = false;
  const tick = () => {
    if (since !== null) {
      text2(clock, elapsed(performance.now() - since));
    }
  };
  scope.interval(tick, 250);
  return {
    element,
    settings: settings2,
    update(state) {
      const { word: now, tone } = status(state);
      attribute(dot, "data-tone", tone);
      attribute(word, "data-tone", tone);
      text2(word, now);
      text2(who, displayName(state));
      attribute(who, "title", displayName(state));
      const [short, more] = badgeParts(cleanLine(state.badge));
      text2(badgeShort, short);
      text2(badgeMore, more);
      show(badge, short !== "");
      const ms2 = lastLatency(state);
      text2(first, ms2 === null ? "" : `first sound ${latency(ms2)}`);
      show(first, ms2 !== null);
      since = state.phase === "live" && state.connected ? state.liveSince : null;
      if (state.phase === "connecting") {
        text2(clock, elapsed(0));
      }
      counted ||= since !== null || state.phase === "idle" || state.phase === "connecting";
      show(clock, counted);
      tick();
    }
  };
}
function lastLatency(state) {
  return [...state.turns].reverse().find((turn2) => turn2.latency_ms !== null)?.latency_ms ?? null;
}

// src/views/hold.ts
function makeHold(store, actions, scope) {
  const sources = /* @__PURE__ */ new Set();
  const release = () => {
    if (sources.size > 0) {
      sources.clear();
      actions.hold(false);
    }
  };
  scope.listen(window, "blur", release);
  scope.listen(document, "visibilitychange", () => {
    if (document.hidden) {
      release();
    }
  });
  scope.add(release);
  return {
    begin(source) {
      if (!canHold(store.get())) {
        return false;
      }
      sources.add(source);
      if (sources.size === 1) {
        actions.hold(true);
      }
      return true;
    },
    end(source) {
      if (sources.delete(source) && sources.size === 0) {
        actions.hold(false);
      }
    },
    holds: (source) => sources.has(source),
    update(state) {
      if (!canHold(state)) {
        release();
      }
    }
  };
}

// src/views/keyboard.ts
var SPACE = "space bar";
var OWN_USE = "input, textarea, select, button, summary, [contenteditable]";
function keyboard(root, store, hold, actions, scope) {
  scope.listen(root, "keydown", (event) => {
    event.stopPropagation();
    if (event.defaultPrevented) {
      return;
    }
    if (event.key === "Escape" && canInterrupt(store.get())) {
      event.preventDefault();
      actions.interrupt();
    } else if (isTalkKey(event) && (hold.holds(SPACE) || !event.repeat && hold.begin(SPACE))) {
      event.preventDefault();
    }
  });
  for (const type of ["keyup", "keypress"]) {
    scope.listen(root, type, (event) => {
      event.stopPropagation();
      if (type === "keyup" && event.key === " ") {
        hold.end(SPACE);
      }
    });
  }
  scope.listen(root, "focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && root.contains(event.relatedTarget))) {
      hold.end(SPACE);
    }
  });
}
function isTalkKey(event) {
  if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
    return false;
  }
  return !(event.target instanceof Element && event.target.closest(OWN_USE));
}

// src/views/notes.ts
var MOST = 3;
function notes(actions) {
  const element = el("div", "lw-notes");
  const shown = /* @__PURE__ */ new Map();
  return {
    element,
    update(state) {
      const wanted = state.notices.slice(-MOST);
      for (const [code, note] of shown) {
        if (!wanted.some((notice2) => notice2.code === code)) {
          note.element.remove();
          shown.delete(code);
        }
      }
      for (const notice2 of wanted) {
        let note = shown.get(notice2.code);
        if (!note) {
          note = make(() => actions.dismissNotice(notice2.code));
          shown.set(notice2.code, note);
          element.append(note.element);
        }
        note.update(notice2);
      }
      show(element, wanted.length > 0);
    }
  };
}
function make(dismiss) {
  const first = el("span", "lw-note-first");
  const rest = el("span");
  const close = button("lw-plain lw-note-close", "Dismiss", icon("close", 16));
  close.onclick = dismiss;
  const element = el("div", "lw-note", {}, el("p", "lw-note-text", {}, first, rest), close);
  return {
    element,
    update({ level, text: words2 }) {
      attribute(element, "role", level === "error" ? "alert" : "status");
      attribute(
        element,
        "data-level",
        level === "error" ? "error" : level === "warning" ? "warning" : "info"
      );
      const [sentence, more] = firstSentence(clean(words2, 2e3));
      text2(first, sentence);
      text2(rest, more && ` ${more}`);
    }
  };
}

// src/views/settings.ts
var HERE = "This browser's microphone";
var MODES = [
  { mode: "automatic", label: "Automatic", explained: "it hears when you begin and end" },
  { mode: "push_to_talk", label: "Push to talk", explained: "hold space or the button" }
];
function settings(opener, actions, scope) {
  const id = freshId("settings");
  const parts = [microphoneRow(actions), volumeRow(actions), modeRow(actions), modelRow()];
  const element = el("div", "lw-settings", { id, role: "dialog", "aria-label": "Settings" });
  element.append(...parts.map((part) => part.element));
  element.hidden = true;
  attribute(opener, "aria-expanded", "false");
  attribute(opener, "aria-controls", id);
  attribute(opener, "aria-haspopup", "dialog");
  const turn2 = (open) => {
    show(element, open);
    attribute(opener, "aria-expanded", String(open));
  };
  const close = () => {
    if (element.hidden) {
      return false;
    }
    const inside = element.contains(document.activeElement);
    turn2(false);
    if (inside) {
      opener.focus();
    }
    return true;
  };
  scope.listen(opener, "click", () => {
    if (!close()) {
      turn2(true);
      element.querySelector("select, input")?.focus();
    }
  });
  const isElsewhere = (target) => target instanceof Node && !element.contains(target) && !opener.contains(target);
  scope.listen(document, "pointerdown", (event) => {
    if (isElsewhere(event.composedPath()[0])) {
      close();
    }
  });
  scope.listen(element, "focusout", (event) => {
    if (isElsewhere(event.relatedTarget)) {
      turn2(false);
    }
  });
  for (const node of [element, opener]) {
    scope.listen(node, "keydown", (event) => {
      if (event.key === "Escape" && close()) {
        event.preventDefault();
        opener.focus();
      }
    });
  }
  return {
    element,
    close,
    update(state) {
      for (const part of parts) {
        part.update(state);
      }
    }
  };
}
function row(label, control, ...more) {
  control.id = freshId("field");
  return el("div", "lw-row", {}, el("label", "lw-label", { for: control.id }, label), control, ...more);
}
function microphoneRow(actions) {
  const select = el("select", "lw-select");
  select.onchange = () => actions.pickMicrophone(select.value);
  let made = "";
  return {
    element: row("Microphone", select),
    update({ microphone }) {
      const options = devices(microphone);
      const key = JSON.stringify(options);
      if (key !== made) {
        made = key;
        select.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)));
      }
      if (select.value !== microphone.deviceId) {
        select.value = microphone.deviceId;
      }
    }
  };
}
function devices({ devices: known, deviceId }) {
  const named = known.filter((device) => device.id !== "").map((device, index) => ({
    id: device.id,
    label: cleanLine(device.label, 80) || `Microphone ${index + 1}`
  }));
  const all = [{ id: "", label: HERE }, ...named];
  return all.some((device) => device.id === deviceId) ? all : [...all, { id: deviceId, label: "Chosen microphone" }];
}
function volumeRow(actions) {
  const slider = el("input", "lw-slider", { type: "range", min: "0", max: "100", step: "5" });
  const shown = el("output", "lw-value");
  slider.oninput = () => {
    text2(shown, `${slider.value} %`);
    actions.setVolume(Number(slider.value) / 100);
  };
  return {
    element: row("Volume", slider, shown),
    update({ playback }) {
      const percent = String(Math.round(playback.volume * 100));
      if (slider.value !== percent && slider !== document.activeElement) {
        slider.value = percent;
      }
      text2(shown, `${slider.value} %`);
    }
  };
}
function modeRow(actions) {
  const group = freshId("turns");
  const inputs = MODES.map(({ mode: mode2 }) => {
    const input = el("input", "lw-radio", { type: "radio", name: group, value: mode2 });
    input.onchange = () => actions.setTurnTaking(mode2);
    return input;
  });
  const labels = MODES.map(
    ({ label, explained }, index) => el(
      "label",
      "lw-choice",
      {},
      inputs[index],
      el("span", "", {}, label, el("small", "lw-explained", {}, explained))
    )
  );
  const title = el("span", "lw-label", { id: freshId("label") }, "Turns");
  const choices = el("div", "lw-choices", { role: "radiogroup", "aria-labelledby": title.id }, ...labels);
  return {
    element: el("div", "lw-row", {}, title, choices),
    update(state) {
      for (const input of inputs) {
        const checked = input.value === state.turnTaking;
        if (input.checked !== checked) {
          input.checked = checked;
        }
      }
    }
  };
}
function modelRow() {
  const value = el("span", "lw-model-id");
  const element = el("div", "lw-row", {}, el("span", "lw-label", {}, "Talking to"), value);
  return {
    element,
    update(state) {
      text2(value, cleanLine(state.model));
      show(element, state.model !== "");
    }
  };
}

// src/views/suggestions.ts
var MOST2 = 6;
function suggestions(actions) {
  const label = el("span", "lw-try-label", {}, "Try saying");
  const element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label);
  let made = [];
  return {
    element,
    update(state) {
      const offered = state.suggestions.slice(0, MOST2);
      if (offered.length !== made.length || offered.some((words2, index) => words2 !== made[index])) {
        made = offered;
        element.replaceChildren(label, ...offered.map((words2) => chip(words2, () => actions.sendText(words2))));
      }
      for (const node of element.querySelectorAll("button")) {
        attribute(node, "disabled", state.connected ? null : "");
      }
      const wanted = state.turns.length === 0 || state.phase === "idle";
      show(element, wanted && offered.length > 0);
    }
  };
}
function chip(words2, send) {
  const shown = cleanLine(words2, 80);
  const node = button("lw-suggestion", `Say: ${shown}`);
  text2(node, shown);
  node.onclick = send;
  return node;
}

// src/views/words.ts
var RATE2 = 24e3;
var CHARACTERS_PER_SECOND = 20;
function pace(turn2, state) {
  if (turn2.speaker !== "model" || !state.owner || state.phase !== "live" || turn2.interrupted) {
    return "whole";
  }
  const { turn: playing, playedSample } = state.playback;
  if (turn2.index === playing) {
    return turn2.final && playedSample === 0 ? "whole" : "inStep";
  }
  return !turn2.final && turn2.index > playing && playedSample > 0 ? "ahead" : "whole";
}
function words(turn2, state) {
  const spans = turn2.interrupted && turn2.heard_sample !== null ? cut(turn2.spans, turn2.heard_sample) : turn2.spans;
  const { interim } = turn2;
  const at = pace(turn2, state);
  if (at === "whole") {
    return { said: join(spans), speaking: "", interim };
  }
  const played = at === "ahead" ? 0 : state.playback.playedSample;
  const begun = spans.filter((span) => span.sample <= played);
  const last = begun.at(-1);
  if (!last || played >= end(last, spans[begun.length])) {
    return { said: join(begun), speaking: "", interim };
  }
  return { said: join(begun.slice(0, -1)), speaking: last.text, interim };
}
function end(span, next) {
  const guess = span.sample + span.text.length / CHARACTERS_PER_SECOND * RATE2;
  return next ? Math.min(guess, next.sample) : guess;
}
function cut(spans, heard) {
  const begun = spans.filter((span) => span.sample < heard);
  const last = begun.at(-1);
  if (!last || heard >= end(last, spans[begun.length])) {
    return begun;
  }
  const room = Math.floor((heard - last.sample) / RATE2 * CHARACTERS_PER_SECOND);
  const boundary = last.text.lastIndexOf(" ", room);
  return [
    ...begun.slice(0, -1),
    { text: boundary > 0 ? last.text.slice(0, boundary) : "", sample: last.sample }
  ];
}
function join(spans) {
  return spans.map((span) => span.text).join("");
}

// src/views/turn.ts
var CHIP = 240;
function turnView(speaker) {
  const who = el("span", "lw-speaker");
  const said = document.createTextNode("");
  const speaking = el("span", "lw-soft");
  const interim = el("span", "lw-soft lw-interim");
  const interrupted = el("span", "lw-interrupted", {}, "interrupted");
  const line = el("p", "lw-words", { dir: "auto" }, said, speaking, interim, interrupted);
  const thought = el("div", "lw-thought");
  const thoughts = el("details", "lw-thoughts", {}, el("summary", "", {}, "thoughts"), thought);
  const tools = el("ul", "lw-tools", { "aria-label": "Tools" });
  const small = el("span", "lw-small", { title: "Time to the first sound" });
  const side = speaker === "user" ? "lw-user" : "lw-model";
  const content = el("div", "lw-content", {}, thoughts, tools, line);
  const element = el("li", `lw-turn ${side}`, {}, who, content, small);
  let last = null;
  let before = "";
  return {
    element,
    update(turn2, state) {
      const named = speaker === "user" ? "you" : speakerName(state);
      const now = words(turn2, state);
      const key = `${named}
${now.said.length} ${now.speaking.length}`;
      if (turn2 === last && key === before) {
        return false;
      }
      last = turn2;
      before = key;
      text2(who, named);
      putWords({ said, speaking, interim }, now);
      show(interrupted, turn2.interrupted);
      const waits = !turn2.final && turn2.tools.length === 0;
      show(line, !isEmpty(now) || turn2.interrupted || waits);
      attribute(line, "data-empty", isEmpty(now) && waits ? "true" : null);
      text2(thought, clean(turn2.thoughts).trim());
      show(thoughts, turn2.thoughts.trim() !== "");
      putTools(tools, turn2.tools);
      text2(small, turn2.latency_ms === null ? "" : latency(turn2.latency_ms));
      return true;
    }
  };
}
function isEmpty({ said, speaking, interim }) {
  return said + speaking + interim === "";
}
function putWords(nodes, now) {
  const lead = now.said.trimStart();
  const next = lead ? now.speaking : now.speaking.trimStart();
  text2(nodes.said, clean(lead));
  text2(nodes.speaking, clean(next));
  const gap = lead + next !== "" && now.interim !== "" && !/\s$/.test(lead + next) && !/^\s/.test(now.interim);
  text2(nodes.interim, clean((gap ? " " : "") + now.interim));
}
function putTools(list2, uses) {
  while (list2.children.length > uses.length) {
    list2.lastElementChild.remove();
  }
  uses.forEach((use, index) => {
    const chip2 = list2.children[index] ?? list2.appendChild(emptyChip());
    attribute(chip2, "data-state", use.state in OUTCOME ? use.state : "running");
    const [call, rest] = chip2.children;
    text2(call, cleanLine(use.name, 80));
    const outcome = OUTCOME[use.state] ?? OUTCOME.running;
    text2(rest, `(${cleanLine(use.args, CHIP)})${outcome(use)}`);
  });
  show(list2, uses.length > 0);
}
function emptyChip() {
  return el("li", "lw-chip", {}, el("b"), el("span"));
}
var OUTCOME = {
  running: () => " …",
  done: (use) => ` → ${cleanLine(use.result ?? "None", CHIP)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", CHIP)}`,
  cancelled: () => " cancelled"
};

// src/views/transcript.ts
var NEAR = 32;
var SPOKEN = 4;
function transcript(suggestions2, scope) {
  const list2 = el("ol", "lw-turns", { "aria-label": "Transcript" });
  const empty = el("p", "lw-empty");
  const scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, list2, suggestions2);
  const newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest");
  const element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = true;
  const views = /* @__PURE__ */ new Map();
  let following = true;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  const follow = () => {
    if (following) {
      toEnd();
    }
    show(newest, !following);
  };
  scope.listen(scroller, "scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    show(newest, !following);
  });
  newest.onclick = () => {
    following = true;
    follow();
    scroller.focus({ preventScroll: true });
  };
  if (typeof ResizeObserver !== "undefined") {
    const observer = new ResizeObserver(follow);
    observer.observe(list2);
    scope.add(() => observer.disconnect());
  }
  return {
    element,
    update(state) {
      const bare = state.turns.length === 0;
      show(empty, bare);
      show(list2, !bare);
      text2(empty, bare ? invitation(state) : "");
      attribute(scroller, "data-empty", bare ? "true" : null);
      if (patch(list2, views, state)) {
        follow();
      }
    }
  };
}
function patch(list2, views, state) {
  let changed = false;
  if (views.size > state.turns.length || state.turns.some((turn2) => !views.has(turn2.index))) {
    const kept = new Set(state.turns.map((turn2) => turn2.index));
    for (const [index, view] of views) {
      if (!kept.has(index)) {
        view.element.remove();
        views.delete(index);
        changed = true;
      }
    }
  }
  let place = list2.firstElementChild;
  for (const turn2 of state.turns) {
    let view = views.get(turn2.index);
    if (!view) {
      view = turnView(turn2.speaker);
      views.set(turn2.index, view);
    }
    if (view.element === place) {
      place = place.nextElementSibling;
    } else {
      list2.insertBefore(view.element, place);
    }
    changed = view.update(turn2, state) || changed;
  }
  return changed;
}
function announcer() {
  const element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" });
  let known = null;
  const isSaid = (turn2) => turn2.final && (turn2.spans.length > 0 || turn2.interim !== "");
  return {
    element,
    update(state) {
      if (known === null) {
        known = new Set(state.turns.filter(isSaid).map((turn2) => turn2.index));
        return;
      }
      for (const turn2 of state.turns) {
        if (known.has(turn2.index) || !isSaid(turn2)) {
          continue;
        }
        known.add(turn2.index);
        const who = turn2.speaker === "user" ? "you" : speakerName(state);
        const words2 = turn2.spans.map((span) => span.text).join("");
        element.append(el("p", "", {}, clean(`${who}: ${words2}${turn2.interrupted ? " (interrupted)" : ""}`)));
        if (element.children.length > SPOKEN) {
          element.firstElementChild.remove();
        }
      }
    }
  };
}

// src/views/theme.ts
var REDUCED = "(prefers-reduced-motion: reduce)";
var QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", REDUCED];
function reducedMotion() {
  return typeof matchMedia === "function" && matchMedia(REDUCED).matches;
}
function whenThemeChanges(scope, changed) {
  if (typeof matchMedia === "function") {
    for (const query of QUERIES) {
      scope.listen(matchMedia(query), "change", changed);
    }
  }
  const observer = new MutationObserver(() => {
    changed();
    scope.timeout(changed, 300);
  });
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, {
      attributeFilter: ["class", "theme", "data-jp-theme-light", "data-jp-theme-name"]
    });
  }
  scope.add(() => observer.disconnect());
}

// src/views/waveform-layout.ts
var PITCH = 4;
var BAR = 2.5;
var SPEED = 56;
var SILENCE = 6e-3;
function grouping(rate) {
  return Math.max(1, Math.round(rate * PITCH / SPEED));
}
function columns(head, count2, width, group) {
  const made = [];
  const newest = Math.ceil(Math.min(head, count2) / group) - 1;
  for (let column = newest; column >= 0; column -= 1) {
    const x = xOf(column * group, head, width, group);
    if (x <= -PITCH) {
      break;
    }
    made.push({ x, first: column * group, last: Math.min((column + 1) * group, count2) });
  }
  return made.reverse();
}
function xOf(level, head, width, group) {
  return width - (head - level) / group * PITCH;
}
function barHeight(peak2, lane) {
  if (!(peak2 >= SILENCE)) {
    return 0;
  }
  return Math.max(2, Math.min(1, Math.sqrt(peak2) * 1.08) * lane);
}
function advance(head, count2, rate, seconds) {
  const behind = count2 - head;
  if (behind < 0 || behind > rate || seconds > 0.5) {
    return count2;
  }
  const ease = Math.min(1, seconds * 2);
  return Math.min(count2, head + rate * seconds + (behind - 0.5) * ease);
}

// src/views/waveform.ts
var MIDDLE = 2.5;
var EDGE = 8;
var CALM_MS = 500;
function waveform(levels, onLevel, scope) {
  const canvas = el("canvas", "lw-canvas");
  const user = el("span", "lw-lane lw-lane-user", {}, "you");
  const model = el("span", "lw-lane lw-lane-model");
  const element = el("div", "lw-waveform", { "aria-hidden": "true" }, canvas, user, model);
  let live2 = false;
  let visible = typeof IntersectionObserver === "undefined";
  let colours = null;
  let head = levels.count;
  let last = 0;
  let stop2 = null;
  const draw = () => {
    colours ??= {
      user: getComputedStyle(user).color,
      model: getComputedStyle(model).color,
      mark: getComputedStyle(canvas).color
    };
    paint(canvas, levels, head, colours);
  };
  const still = () => {
    head = levels.count;
    draw();
  };
  const calm = () => {
    still();
    onLevel(0);
  };
  const moving = (time) => {
    head = advance(head, levels.count, levels.rate, last === 0 ? 0 : (time - last) / 1e3);
    last = time;
    draw();
    onLevel(levels.count > 0 ? levels.at("user", levels.count - 1) : 0);
  };
  const run = () => {
    const wanted = live2 && visible;
    if (wanted && !stop2) {
      last = 0;
      stop2 = reducedMotion() ? scope.interval(calm, CALM_MS) : scope.frame(moving);
    } else if (!wanted && stop2) {
      stop2();
      stop2 = null;
      onLevel(0);
    }
    if (!wanted && visible) {
      still();
    }
  };
  watchSize(element, scope, () => {
    if (visible) {
      draw();
    }
  });
  watchVisibility(element, scope, (now) => {
    visible = now;
    run();
  });
  whenThemeChanges(scope, () => {
    colours = null;
    stop2?.();
    stop2 = null;
    run();
  });
  return {
    element,
    update(state) {
      text2(model, speakerName(state));
      const now = state.phase === "live" && state.connected;
      if (now !== live2) {
        live2 = now;
        run();
      }
    }
  };
}
function paint(canvas, levels, head, colours) {
  const context = canvas.getContext("2d");
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!context || width === 0) {
    return;
  }
  const density = devicePixelRatio || 1;
  const wide = Math.round(width * density);
  const high = Math.round(height * density);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const group = grouping(levels.rate);
  const middle = height / 2;
  const lane = middle - MIDDLE - EDGE;
  const shown = columns(head, levels.count, width, group);
  for (const speaker of ["user", "model"]) {
    context.fillStyle = colours[speaker];
    context.beginPath();
    for (const { x, first, last } of shown) {
      const tall = barHeight(peak(levels, speaker, first, last), lane);
      if (tall > 0) {
        const top = speaker === "user" ? middle - MIDDLE - tall : middle + MIDDLE;
        context.roundRect(x + (PITCH - BAR) / 2, top, BAR, tall, BAR / 2);
      }
    }
    context.fill();
  }
  context.strokeStyle = colours.mark;
  context.lineWidth = 1.5;
  context.setLineDash([3, 3]);
  context.beginPath();
  for (const mark of levels.marks) {
    const x = xOf(mark, head, width, group);
    if (x > 0) {
      context.moveTo(x, EDGE / 2);
      context.lineTo(x, height - EDGE / 2);
    }
  }
  context.stroke();
}
function peak(levels, speaker, first, last) {
  let highest = 0;
  for (let index = first; index < last; index += 1) {
    highest = Math.max(highest, levels.at(speaker, index));
  }
  return highest;
}
function watchSize(element, scope, changed) {
  if (typeof ResizeObserver === "undefined") {
    return;
  }
  const observer = new ResizeObserver(changed);
  observer.observe(element);
  scope.add(() => observer.disconnect());
}
function watchVisibility(element, scope, changed) {
  if (typeof IntersectionObserver === "undefined") {
    return;
  }
  const observer = new IntersectionObserver((entries) => changed(entries.at(-1).isIntersecting));
  observer.observe(element);
  scope.add(() => observer.disconnect());
}

// src/views/card.ts
function mountCard(host, store, levels, actions, scope) {
  const root = el("section", "livewidget", {
    role: "region",
    // A click beside the controls keeps the keys here instead of handing them to the notebook.
    tabindex: "-1",
    // JupyterLab's own mark for "keys typed in here are no commands".
    "data-lm-suppress-shortcuts": "true"
  });
  const hold = makeHold(store, actions, scope);
  const top = header(scope);
  const choices = settings(top.settings, actions, scope);
  const say = composer(store, hold, actions, scope);
  const chips = suggestions(actions);
  const picture2 = waveform(levels, say.level, scope);
  const notices = notes(actions);
  const stage = el("div", "lw-stage", {}, picture2.element, notices.element);
  const talk = transcript(chips.element, scope);
  const spoken = announcer();
  root.append(top.element, stage, talk.element, say.element, choices.element, spoken.element);
  keyboard(root, store, hold, actions, scope);
  const views = [hold, top, choices, notices, picture2, chips, talk, say, spoken];
  const draw = () => {
    const state = store.get();
    attribute(root, "aria-label", `Live conversation with ${displayName(state)}`);
    for (const view of views) {
      view.update(state);
    }
  };
  draw();
  host.append(root);
  scope.add(() => root.remove());
  scope.add(store.subscribe(draw));
}

// src/index.ts
function launch(model) {
  const app = new App((content, buffers) => {
    try {
      model.send(content, void 0, buffers);
    } catch {
    }
  });
  const hear = (content, buffers) => app.bridge.receive(content, buffers);
  const doubt = () => app.doubt();
  model.on("msg:custom", hear);
  model.on("comm_live_update", doubt);
  app.scope.add(() => {
    model.off("msg:custom", hear);
    model.off("comm_live_update", doubt);
  });
  return app;
}
function until(signal, app, end2) {
  if (signal?.aborted) {
    end2();
  } else if (signal) {
    app.scope.listen(signal, "abort", end2, { once: true });
  }
  return end2;
}
function widget() {
  const apps = /* @__PURE__ */ new WeakMap();
  let newest = null;
  return {
    initialize({ model, signal }) {
      const app = launch(model);
      apps.set(model, app);
      newest = app;
      return until(signal, app, () => app.dispose());
    },
    render({ model, el: el2, signal }) {
      const app = apps.get(model) ?? newest;
      return app ? until(signal, app, app.mount(el2, mountCard)) : void 0;
    }
  };
}
export {
  widget as default
};
