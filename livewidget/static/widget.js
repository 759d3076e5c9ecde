// src/audio/levels.ts
function peakOf(samples) {
  let peak2 = 0;
  for (let sample of samples) {
    let magnitude = sample < 0 ? -sample : sample;
    magnitude > peak2 && (peak2 = magnitude);
  }
  return peak2 / 32768;
}
var SPEECH_RATIO = 2.5, THRESHOLD_MIN = 10 ** (-55 / 20), THRESHOLD_MAX = 10 ** (-36 / 20), ROOM_RISE = 10 ** (0.5 / 20 / 50), SpeechLevel = class {
  #room = THRESHOLD_MIN / 1.4;
  /** Takes the next chunk of the microphone, 20 ms of PCM16 at 16 kHz; when in doubt, it is speech. */
  isSpeech(samples) {
    let energy = samples.reduce((sum, sample) => sum + sample * sample, 0), level = Math.sqrt(energy / samples.length) / 32768, found = level > Math.min(Math.max(this.#room * SPEECH_RATIO, THRESHOLD_MIN), THRESHOLD_MAX);
    return this.#room = level < this.#room ? level : this.#room * ROOM_RISE, found;
  }
}, RATE = 25, KEPT_BARS = RATE * 180, MAX_WAITING = 4, LevelTimeline = class {
  rate = RATE;
  #bars = { user: new Float32Array(KEPT_BARS), model: new Float32Array(KEPT_BARS) };
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
    return index < 0 || index >= this.#count || index < this.#count - KEPT_BARS ? 0 : this.#bars[speaker][index % KEPT_BARS];
  }
  /** Adds the peak, 0..1, of the next 1/rate second of a speaker. */
  put(speaker, peak2) {
    let waiting = this.#waiting[speaker];
    for (waiting.push(peak2); waiting.length > MAX_WAITING; ) {
      let oldest = waiting.shift();
      waiting[0] = Math.max(oldest, waiting[0]);
    }
  }
  /** Writes the bars that are due at `now` (ms). */
  advance(now2) {
    let width = 1e3 / RATE;
    for ((this.#next === null || now2 - this.#next > 1e3) && (this.#next = now2); this.#next <= now2; ) {
      let place = this.#count % KEPT_BARS;
      this.#bars.user[place] = this.#waiting.user.shift() ?? 0, this.#bars.model[place] = this.#waiting.model.shift() ?? 0, this.#count += 1, this.#next += width;
    }
    this.#marks = this.#marks.filter((mark) => mark >= this.#count - KEPT_BARS);
  }
  /** Marks an interruption at the newest bar and drops peaks of the model that are not drawn yet. */
  mark() {
    this.#waiting.model = [], this.#marks = [...this.#marks, Math.max(0, this.#count - 1)];
  }
};

// src/audio/packets.ts
var ClockMap = class {
  #window;
  #since = Number.NEGATIVE_INFINITY;
  #smallest = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;
  /** `window` in ms: how long a smallest difference is kept at least. */
  constructor(window2 = 5e3) {
    this.#window = window2;
  }
  /** Something of stream time `streamMs` arrived at `now`; returns that stream time on the page's clock. */
  toPageClock(streamMs, now2) {
    let difference = now2 - streamMs;
    return now2 - this.#since > this.#window && (this.#previous = this.#smallest, this.#smallest = difference, this.#since = now2), this.#smallest = Math.min(this.#smallest, difference), Math.max(0, streamMs + Math.min(this.#smallest, this.#previous));
  }
  reset() {
    this.#since = Number.NEGATIVE_INFINITY, this.#smallest = Number.POSITIVE_INFINITY, this.#previous = Number.POSITIVE_INFINITY;
  }
}, SLEEP_MS = 2e3, GRACE_MS = 1500, Lease = class {
  #length;
  #ends;
  #checked;
  /** `first` is longer: the kernel may have to finish a cell before it answers. */
  constructor(now2, length = 5e3, first = 15e3) {
    this.#length = length, this.#ends = now2 + first, this.#checked = now2;
  }
  renew(now2) {
    this.#ends = now2 + this.#length;
  }
  /** The connection was reported lost: the lease ends soon unless it is renewed. */
  suspect(now2) {
    this.#ends = Math.min(this.#ends, now2 + GRACE_MS);
  }
  /** To be called often; false once the kernel has been silent for too long. */
  isValid(now2) {
    return now2 - this.#checked > SLEEP_MS && now2 >= this.#ends && (this.#ends = now2 + GRACE_MS), this.#checked = now2, now2 < this.#ends;
  }
}, MICROPHONE_RATE = 16e3, toMs = (samples) => samples * 1e3 / MICROPHONE_RATE, toSamples = (milliseconds) => MICROPHONE_RATE * milliseconds / 1e3, SHORT_PACKET = { comm: toSamples(40), socket: toSamples(20) }, LONG_PACKET = toSamples(100), QUIET_MS = 2e3, LAGGING_MS = 400, BUSY_MS = 1e3, MAX_QUEUED_MS = 1e4, STALE_AFTER_MS = 3e3, RESEND_MS = 1e3, endMs = (chunk) => chunk.captured_ms + toMs(chunk.samples.length), lengthMs = (chunks) => chunks.reduce((sum, chunk) => sum + toMs(chunk.samples.length), 0);
function concatenate(chunks) {
  let all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0)), place = 0;
  for (let chunk of chunks)
    all.set(chunk.samples, place), place += chunk.samples.length;
  return { first_sample: chunks[0].first_sample, captured_ms: chunks[0].captured_ms, samples: all };
}
var PacketQueue = class {
  #send;
  #seq = 0;
  #short = SHORT_PACKET.comm;
  #size = this.#short;
  #level = new SpeechLevel();
  #quietMs = 0;
  /** Too short to be sent yet. */
  #gathering = [];
  #unacked = [];
  #waiting = [];
  #busy = !1;
  #lastEnd = null;
  #resentMs = Number.NEGATIVE_INFINITY;
  #acked = 0;
  #ackedMs = Number.NEGATIVE_INFINITY;
  #busyMs = 0;
  #onDrained = [];
  constructor(send) {
    this.#send = send;
  }
  /** True while the kernel is alive but does not acknowledge packets. */
  get busy() {
    return this.#busy;
  }
  /** Adds audio that should reach the kernel now. */
  add(chunk, now2) {
    let before = this.#gathering.at(-1);
    before && before.first_sample + before.samples.length !== chunk.first_sample && this.#sendGathered(now2), this.#gathering.push(chunk);
    let isSpeech = this.#level.isSpeech(chunk.samples);
    this.#quietMs = isSpeech ? 0 : this.#quietMs + toMs(chunk.samples.length);
    let size = this.#quietMs > QUIET_MS ? LONG_PACKET : this.#size;
    this.#gathering.reduce((sum, part) => sum + part.samples.length, 0) >= size && this.#sendGathered(now2);
  }
  /** Sends what is gathered, however short; calls `done` once it is sent: now, or when the kernel is no longer busy. */
  flush(now2, done = () => {
  }) {
    this.#sendGathered(now2), this.#busy ? this.#onDrained.push(done) : done();
  }
  /** The kernel has received everything up to `ack`; with `resend` it reports a gap. */
  heartbeat(ack, resend, now2) {
    ack > this.#acked && (this.#acked = ack, this.#ackedMs = now2), this.#unacked = this.#unacked.filter((sent) => sent.packet.seq > ack);
    let oldest = this.#unacked[0], age = oldest ? now2 - oldest.at : 0;
    this.#size = age > LAGGING_MS ? LONG_PACKET : this.#short, this.#busy ? this.#checkRecovery(now2) : age > BUSY_MS ? (this.#busy = !0, this.#busyMs = now2, this.#size = LONG_PACKET) : resend && now2 - this.#resentMs > RESEND_MS && (this.#resentMs = now2, this.#resend(now2));
  }
  /**
   * Packets take another way from now on: those that are not acknowledged may be lost on the last one and go again, and what
   * kept them waiting there counts no more.
   */
  changeWay(way, now2) {
    this.#short = SHORT_PACKET[way], this.#size = this.#short, this.#resend(now2), this.#busy && this.#recover(now2);
  }
  /** The microphone is off: earlier audio must not be sent any more. */
  clear() {
    this.#gathering = [], this.#waiting = [], this.#unacked = [], this.#busy = !1, this.#size = this.#short, this.#lastEnd = null;
    for (let done of this.#onDrained.splice(0))
      done();
  }
  /** Ends the pause once everything is acknowledged, or a part is and the rest seems lost. */
  #checkRecovery(now2) {
    let moved = this.#ackedMs >= this.#busyMs;
    this.#acked >= this.#seq ? this.#recover(now2) : moved && now2 - this.#ackedMs >= BUSY_MS && (this.#resend(now2), this.#recover(now2));
  }
  #sendGathered(now2) {
    if (this.#gathering.length === 0)
      return;
    let chunk = concatenate(this.#gathering);
    if (this.#gathering = [], this.#busy)
      for (this.#waiting.push(chunk); lengthMs(this.#waiting) > MAX_QUEUED_MS; )
        this.#waiting.shift();
    else
      this.#sendPacket(chunk, now2, !1, 0);
  }
  #sendPacket(chunk, now2, stale, gap) {
    this.#seq += 1;
    let packet = { ...chunk, seq: this.#seq, stale, gap_ms: Math.max(0, Math.round(gap)) };
    for (this.#unacked.push({ packet, at: now2 }); lengthMs(this.#unacked.map((sent) => sent.packet)) > MAX_QUEUED_MS; )
      this.#unacked.shift();
    this.#lastEnd = endMs(chunk), this.#send(packet);
  }
  /** The kernel answers again: after a short pause everything is sent, after a long one the newest, marked stale. */
  #recover(now2) {
    this.#busy = !1, this.#size = this.#short;
    let before = this.#lastEnd, long = lengthMs(this.#waiting) > STALE_AFTER_MS, waiting = this.#waiting;
    this.#waiting = [], long && (waiting = waiting.filter((chunk) => endMs(chunk) > now2 - STALE_AFTER_MS)), waiting.forEach((chunk, place) => {
      let gap = long && place === 0 && before !== null ? chunk.captured_ms - before : 0;
      this.#sendPacket(chunk, now2, long, gap);
    });
    for (let done of this.#onDrained.splice(0))
      done();
  }
  /** Sends again what the kernel reports as missing. */
  #resend(now2) {
    for (let sent of this.#unacked) {
      let age = now2 - endMs(sent.packet);
      this.#send({ ...sent.packet, stale: sent.packet.stale || age > STALE_AFTER_MS }), sent.at = now2;
    }
  }
};

// src/audio/sound-watch.ts
var Lasting = class {
  #value = null;
  #since = 0;
  /** `value` as soon as it has been the same for `ms`; null before. */
  after(value, ms, now2) {
    return value !== this.#value && (this.#value = value, this.#since = now2), now2 - this.#since >= ms ? value : null;
  }
  restart(now2) {
    this.#since = now2;
  }
}, MicrophoneWatch = class {
  #trouble = new Lasting();
  #silence = new SilenceDetector();
  #silent = !1;
  #isOn = !1;
  /** A chunk has come since it was turned on. */
  #hasStarted = !1;
  #chunkAt = 0;
  #checkedAt = 0;
  #fault = null;
  /** A chunk of `ms` with that peak, 0..1, came at `now`. */
  onChunk(peak2, ms, now2) {
    this.#chunkAt = now2, this.#hasStarted = !0, (this.#fault === null || this.#fault === "silent") && (this.#silent = this.#silence.observe(peak2, ms));
  }
  /** `probe` is null while the microphone is off, or muted here. To be called a few times a second. */
  check(probe, now2) {
    let slept = now2 - this.#checkedAt > 2e3;
    if (this.#checkedAt = now2, (probe === null || !this.#isOn || slept) && (this.#isOn = probe !== null, this.#chunkAt = now2, this.#trouble.restart(now2)), probe === null)
      return this.#hasStarted = !1, this.#silence.reset(), this.#silent = !1, this.#fault = null, null;
    let trouble = troubleOf(probe), believed = this.#trouble.after(trouble, this.#hasStarted ? 1e3 : 4e3, now2);
    return trouble !== null ? (this.#chunkAt = now2, this.#fault = believed ?? this.#fault) : now2 - this.#chunkAt >= (this.#hasStarted ? 2e3 : 4e3) ? this.#fault = "stopped" : this.#fault = this.#silent ? "silent" : null, this.#fault;
  }
};
function troubleOf({ context, muted, ended }) {
  return ended || context === "closed" ? "stopped" : context !== "running" ? context === "interrupted" ? "interrupted" : "suspended" : muted ? "muted" : null;
}
var PlayerWatch = class {
  #trouble = new Lasting();
  #position = new Lasting();
  #ran = !1;
  #checkedAt = 0;
  /** `probe` is null while no player is open. To be called a few times a second. */
  check(probe, now2) {
    let slept = now2 - this.#checkedAt > 2e3;
    if (this.#checkedAt = now2, (probe === null || slept) && (this.#trouble.restart(now2), this.#position.restart(now2)), probe === null)
      return this.#ran = !1, null;
    let runs = probe.context === "running";
    this.#ran ||= runs;
    let trouble = runs ? null : this.#notRunning(probe), patience = this.#ran || probe.needsGesture ? 1e3 : 4e3, believed = this.#trouble.after(trouble, patience, now2), stuck = this.#position.after(runs && probe.waiting ? probe.position : null, 4e3, now2);
    return believed ?? (stuck === null ? null : "stalled");
  }
  #notRunning({ context, needsGesture: needsGesture2 }) {
    return context === "interrupted" ? "interrupted" : needsGesture2 && !this.#ran ? "blocked" : "suspended";
  }
}, SILENT = 10 ** (-70 / 20), FIRST_LIMIT_MS = 5e3, QUIET_LIMIT_MS = 2e4, ZERO_LIMIT_MS = 5e3, GATED_MS = 200, SilenceDetector = class {
  #quietMs = 0;
  #zeroMs = 0;
  #zeroLimit = ZERO_LIMIT_MS;
  #hadSound = !1;
  /** Adds `ms` of audio with that peak, 0..1; true while the silence has lasted too long. */
  observe(peak2, ms) {
    if (peak2 > 0 && this.#hadSound && this.#zeroMs >= GATED_MS) {
      let gated = this.#zeroMs < this.#zeroLimit;
      this.#zeroLimit = gated ? QUIET_LIMIT_MS : Math.min(2 * this.#zeroLimit, QUIET_LIMIT_MS);
    }
    return this.#hadSound ||= peak2 > SILENT, this.#quietMs = peak2 > SILENT ? 0 : this.#quietMs + ms, this.#zeroMs = peak2 > 0 ? 0 : this.#zeroMs + ms, this.#hadSound ? this.#quietMs >= QUIET_LIMIT_MS || this.#zeroMs >= this.#zeroLimit : this.#quietMs >= FIRST_LIMIT_MS;
  }
  /** The microphone was turned off or muted here. */
  reset() {
    this.#quietMs = 0, this.#zeroMs = 0, this.#hadSound = !1;
  }
};

// src/notices.ts
var MICROPHONE_WAITS = {
  cell: {
    level: "warning",
    code: "kernel-busy",
    text: "Kernel busy: microphone paused. This kernel hears the browser only between cells; it goes on when the cell ends."
  },
  kernel: {
    level: "warning",
    code: "kernel-busy",
    text: "Kernel busy: microphone paused. The kernel takes no messages now; it goes on by itself."
  },
  "": {
    level: "warning",
    code: "kernel-busy",
    text: "Microphone paused: what you say reaches the kernel too late. It goes on by itself; if this stays, close other programs and tabs, or check the network."
  }
}, lost = (level, text2) => ({ level, code: "kernel-gone", text: text2 }), LOSSES = {
  offline: lost(
    "warning",
    "You are offline, so the microphone is off. The conversation goes on when the network is back."
  ),
  server: lost(
    "warning",
    "The notebook server does not answer, so the microphone is off. The conversation goes on when it does."
  ),
  busy: lost(
    "warning",
    "The kernel is busy and takes no messages, so the microphone is off. Wait, or interrupt the running cell."
  ),
  restarted: lost("error", "The kernel was restarted. Run this cell to talk again."),
  shut_down: lost("error", "The kernel was shut down. Run this cell to talk again."),
  silent: lost(
    "warning",
    "The kernel does not answer, so the microphone is off. It may be busy: wait, or run this cell to talk again."
  ),
  unknown: lost(
    "error",
    "The kernel does not answer, so the microphone is off. Run this cell to talk again."
  ),
  program: lost(
    "warning",
    "The program behind this page does not answer, so the microphone is off. The conversation goes on when it does."
  ),
  closed: lost(
    "error",
    "This conversation was closed, so the microphone is off. Start it again where you started it: in the notebook or the terminal."
  ),
  refused: lost(
    "error",
    "This page may not join the conversation any more. Open it anew, from the notebook or the terminal."
  )
}, MICROPHONE_FAULTS = {
  suspended: {
    level: "warning",
    code: "microphone-suspended",
    text: "The browser suspended the microphone, so you are not heard. Click this card to turn it back on."
  },
  interrupted: {
    level: "warning",
    code: "microphone-interrupted",
    text: "The system interrupted the microphone, so you are not heard. Click this card to turn it back on."
  },
  muted: {
    level: "warning",
    code: "microphone-muted",
    text: "The microphone is muted outside this page, so you are not heard. Unmute it where it was muted: on the headset, in the browser or in the system's settings."
  },
  stopped: {
    level: "warning",
    code: "microphone-stopped",
    text: "The microphone sends no sound any more, so you are not heard. Press ● to restart it."
  },
  silent: {
    level: "warning",
    code: "microphone-silent",
    text: "The microphone gives no sound. Check its switch and its volume in the system's settings, or pick another in the settings here."
  }
}, NOT_SECURE_PAGE = {
  level: "error",
  code: "page-not-secure",
  text: "This page can neither hear you nor play the voice because its address is not secure. Open the notebook through https:// or at http://localhost; until then you can type, and read the answers."
}, MICROPHONE_MOVED = "microphone-moved", otherCard = (name2, mine) => name2 === "" || name2 === mine ? "another card in this page" : `“${name2}” in this page`;
function microphoneWent(to, mine) {
  let text2 = `The microphone moved to ${otherCard(to, mine)}, so you are not heard here. Press ● to take it back.`;
  return { level: "info", code: MICROPHONE_MOVED, text: text2 };
}
function microphoneCame(from, mine) {
  let text2 = `The microphone moved here from ${otherCard(from, mine)}, which does not hear you any more.`;
  return { level: "info", code: MICROPHONE_MOVED, text: text2 };
}
var PLAYER_FAULTS = {
  blocked: {
    level: "warning",
    code: "sound-blocked",
    text: "The browser blocks sound until you click. Click this card to hear the voice."
  },
  suspended: {
    level: "warning",
    code: "sound-suspended",
    text: "The browser suspended the sound, so you do not hear the voice. Click this card to go on."
  },
  interrupted: {
    level: "warning",
    code: "sound-interrupted",
    text: "The system interrupted the sound, so you do not hear the voice. Click this card to go on."
  },
  stalled: {
    level: "warning",
    code: "sound-stalled",
    text: "The voice waits because this computer plays no sound. Check its sound output; the voice goes on from there."
  },
  "not-secure": NOT_SECURE_PAGE,
  missing: {
    level: "warning",
    code: "no-player",
    text: "The voice cannot be played because the browser did not load the player. Reload this page to try again; until then you can read the answers."
  }
}, OTHER_PAGE = {
  level: "info",
  code: "other-page",
  text: "Another page has the microphone and the voice of this conversation. Here you can read along and type; press ● to take them."
}, SILENT_PROGRAM = "The program behind this page does not answer. Start it again where you started it, and open the address that it gives.", NO_PICTURE = {
  level: "error",
  code: "no-picture",
  text: "This file is no picture that the browser can read. Choose a JPEG, PNG, WebP or GIF file."
}, TOO_MANY_PICTURES = {
  level: "warning",
  code: "too-many-pictures",
  text: "This picture was not sent: eight are waiting, and one a second goes out. Wait a little, then show it again."
}, Notices = class {
  #store;
  #own = /* @__PURE__ */ new Set();
  constructor(store) {
    this.#store = store;
  }
  /** Shows a notice of this page. */
  show(notice) {
    this.#own.add(notice.code), this.#put(notice);
  }
  /** Shows a notice of the kernel. */
  showFromKernel(notice) {
    this.#own.delete(notice.code), this.#put(notice);
  }
  clear(...codes) {
    let notices = this.#store.get().notices.filter((notice) => !codes.includes(notice.code));
    notices.length !== this.#store.get().notices.length && this.#store.set({ notices });
  }
  /** Replaces all of the kernel's notices. */
  replace(notices) {
    let own = this.#store.get().notices.filter((notice) => this.#own.has(notice.code)), codes = new Set(notices.map((notice) => notice.code));
    this.#store.set({ notices: [...notices, ...own.filter((notice) => !codes.has(notice.code))] });
  }
  #put(notice) {
    let others = this.#store.get().notices.filter((known) => known.code !== notice.code);
    this.#store.set({ notices: [...others, notice] });
  }
};

// worklet:src/worklets/all.ts
var all_default = 'function v(i){let t=Math.round(i*32768);return t>32767?32767:t<-32768?-32768:t||0}function b(i){let t=new Int16Array(i.length);for(let s=0;s<i.length;s++)t[s]=v(i[s]);return t}function g(i){let t=new Float32Array(i.length);for(let s=0;s<i.length;s++)t[s]=i[s]/32768;return t}function k(i,t){return t===0?i:k(t,i%t)}function A(i){let t=1,s=1;for(let e=1;t>1e-12*s;e++)t*=(i/(2*e))**2,s+=t;return s}function P(i){return i===0?1:Math.sin(Math.PI*i)/(Math.PI*i)}function T(i,t,s){let e=new Float32Array(i*2*t);for(let r=0;r<i;r++){let n=e.subarray(r*2*t,(r+1)*2*t),a=0;for(let h=0;h<n.length;h++){let l=h-t+1-r/i,u=A(6.76*Math.sqrt(Math.max(0,1-(l/t)**2)))/A(6.76);n[h]=s*P(s*l)*u,a+=n[h]}for(let h=0;h<n.length;h++)n[h]/=a}return e}var o=class{#s;#i;#t;#h;#n=new Float32Array(4096);#r=0;#e=0;#l=0;#a=0;constructor(t,s){let e=k(t,s);if(this.#s=s/e,this.#i=t/e,t===s)this.#t=1,this.#h=Float32Array.of(1,0);else{let r=Math.min(1,s/t);this.#t=Math.ceil(24/r),this.#h=T(this.#s,this.#t,.91*r)}this.reset()}get position(){return this.#l}get pushed(){return this.#e+this.#r}push(t){if(this.#o(),this.#r+t.length>this.#n.length){let s=new Float32Array(2*(this.#r+t.length));s.set(this.#n.subarray(0,this.#r)),this.#n=s}this.#n.set(t,this.#r),this.#r+=t.length}drain(){this.push(new Float32Array(this.#t))}get available(){let t=this.pushed-this.#t-this.#l;return t>0?Math.floor((t*this.#s-1-this.#a)/this.#i)+1:0}pull(t,s=0,e=t.length-s){let r=Math.min(e,this.available),n=2*this.#t;for(let a=0;a<r;a++){let h=this.#l-this.#t+1-this.#e,l=this.#a*n,u=0;for(let d=0;d<n;d++)u+=this.#h[l+d]*this.#n[h+d];t[s+a]=u,this.#a+=this.#i,this.#l+=Math.floor(this.#a/this.#s),this.#a%=this.#s}return r}reset(){this.#n.fill(0),this.#r=this.#t-1,this.#e=1-this.#t,this.#l=0,this.#a=0}#o(){let t=this.#l-this.#t+1-this.#e;t>1024&&(this.#n.copyWithin(0,t,this.#r),this.#r-=t,this.#e+=t)}};var x=16e3,F=320,p=class extends AudioWorkletProcessor{#s=new o(sampleRate,x);#i=new Float32Array(128);#t=new Float32Array(F);#h=0;#n=0;#r=!0;constructor(){super(),this.port.onmessage=({data:t})=>this.#e(t)}process(t){return this.#s.push(t[0]?.[0]??this.#i),this.#l(),this.#r}#e(t){t.kind==="close"?this.#r=!1:(this.#a(),this.#o({kind:"flushed"}))}#l(){for(;;){let t=this.#s.pull(this.#t,this.#h);if(this.#h+=t,this.#h===F)this.#a();else if(t===0)return}}#a(){if(this.#h>0){let t=b(this.#t.subarray(0,this.#h));this.#o({kind:"audio",first:this.#n,samples:t},[t.buffer]),this.#n+=this.#h,this.#h=0}}#o(t,s=[]){this.port.postMessage(t,s)}};registerProcessor("livewidget-capture",p);var m=class{#s;#i=0;#t=0;constructor(t){this.#s=new Float32Array(Math.max(1,t))}get length(){return this.#t}write(t){this.#t+t.length>this.#s.length&&this.#h(this.#t+t.length);let s=(this.#i+this.#t)%this.#s.length,e=Math.min(t.length,this.#s.length-s);this.#s.set(t.subarray(0,e),s),this.#s.set(t.subarray(e),0),this.#t+=t.length}read(t){let s=Math.min(t.length,this.#t),e=Math.min(s,this.#s.length-this.#i);return t.set(this.#s.subarray(this.#i,this.#i+e)),t.set(this.#s.subarray(0,s-e),e),this.#i=(this.#i+s)%this.#s.length,this.#t-=s,s}clear(){this.#i=0,this.#t=0}#h(t){let s=this.#s.length;for(;s<t;)s*=2;let e=new Float32Array(s),r=this.read(e);this.#s=e,this.#i=0,this.#t=r}},f=24e3,w=i=>f*i/1e3,M=w(100),S=w(70),I=.3,E=2,R=.005,c=class{#s;#i;#t=new m(f*8);#h=new Float32Array(64);#n;#r=[];#e="idle";#l=M;#a=0;#o=0;#d=0;#A=0;#m=0;#u=!0;#p=!1;#f=!0;#y={turn:0,sample:0};#c=[];#b=null;constructor(t){this.#s=t,this.#i=new o(f,t),this.#n=1/(t*R)}write(t,s,e){if(this.#e==="fading"){this.#c.push(()=>this.write(t,s,e));return}let r=this.#r.at(-1),n=r?.turn===t?r.first+r.length-s:0;n>=e.length&&n>0||(this.#v({turn:t,first:s+Math.max(0,n),samples:e.subarray(Math.max(0,n))}),this.#u=!1,this.#e==="idle"&&this.#F(M))}end(t){this.#e==="fading"?this.#c.push(()=>this.end(t)):this.#r.at(-1)?.turn===t&&(this.#u=!0)}flush(t){if(this.#e==="fading"){this.#c.push(()=>this.flush(t));return}this.#b=t,this.#e==="playing"?this.#e="fading":this.#g()}report(){return{...this.#y,buffered:this.#k,silent:Math.round(this.#A)}}render(t){this.#e==="filling"&&this.#P()&&(this.#e="playing",this.#p=!0);let s=0;for(;s<t.length&&(this.#e==="playing"||this.#e==="fading");){let e=this.#i.pull(t,s,Math.min(t.length-s,this.#w));this.#x(t,s,e),s+=e,e===0&&this.#T()}this.#M(),s<t.length&&this.#S(t.subarray(s))}get#k(){return Math.max(0,this.#m-Math.max(this.#i.position,0))}get#w(){return this.#e==="fading"?Math.max(1,Math.ceil(this.#o/this.#n)):Number.POSITIVE_INFINITY}#v(t){let s=this.#r.at(-1);if(s&&s.turn===t.turn&&s.first+s.length===t.first&&!this.#f)s.length+=t.samples.length;else{let e=this.#i.pushed+this.#t.length;this.#r.push({turn:t.turn,first:t.first,start:e,length:t.samples.length})}this.#t.write(t.samples),this.#m=this.#i.pushed+this.#t.length,this.#f=!1}#F(t){this.#e="filling",this.#l=t,this.#a=0,this.#o=0}#P(){return this.#t.length===0&&!this.#u?!1:this.#u||this.#k>=this.#l||this.#a>I*this.#s}#T(){let t=this.#t.read(this.#h);t>0?this.#i.push(this.#h.subarray(0,t)):(this.#u||this.#e==="fading")&&!this.#f?(this.#i.drain(),this.#f=!0):this.#e==="fading"?this.#g():this.#u?(this.#e="idle",this.#p=!1,this.#o=0):this.#F(S)}#x(t,s,e){let r=this.#e==="fading"?-this.#n:this.#n;for(let n=s;n<s+e;n++)t[n]*=this.#o,this.#o=Math.min(1,Math.max(0,this.#o+r));e>0&&(this.#d=t[s+e-1]),this.#e==="fading"&&this.#o===0&&(this.#M(),this.#g())}#S(t){let s=1-4*this.#n;for(let e=0;e<t.length;e++)this.#d=Math.abs(this.#d)<1e-5?0:this.#d*s,t[e]=this.#d;this.#e==="filling"&&(this.#a+=t.length,this.#p&&(this.#A+=t.length*f/this.#s),this.#a>E*this.#s&&this.#t.length===0&&(this.#u=!0))}#M(){let t=this.#i.position;for(;this.#r.length>1&&this.#r[1].start<t;)this.#r.shift();let s=this.#r[0];if(s&&t>s.start){let e=s.first+Math.min(s.length,t-s.start);this.#y={turn:s.turn,sample:e}}}#g(){this.#t.clear(),this.#i.reset(),this.#r=[],this.#m=0,this.#e="idle",this.#u=!0,this.#p=!1,this.#f=!0,this.#o=0,this.#b?.(this.#y),this.#b=null;let t=this.#c;this.#c=[];for(let s of t)s()}};var _=25,y=class extends AudioWorkletProcessor{#s=new c(sampleRate);#i=Math.round(sampleRate/_);#t=0;#h=0;#n=0;#r="";#e=!0;constructor(){super(),this.port.onmessage=({data:t})=>this.#l(t)}process(t,s){let e=s[0]?.[0];if(e){this.#s.render(e);for(let r of e)this.#n=Math.max(this.#n,Math.abs(r));this.#h+=e.length,this.#h>=this.#i&&(this.#h-=this.#i,this.#a())}return this.#e}#l(t){if(t.kind==="close")this.#e=!1;else if(t.kind==="flush"){let{epoch:s}=t;this.#t=Math.max(this.#t,s),this.#s.flush(({turn:e,sample:r})=>this.#o({kind:"flushed",epoch:s,turn:e,sample:r}))}else{if(t.epoch<this.#t)return;t.kind==="audio"?this.#s.write(t.turn,t.first,g(t.samples)):this.#s.end(t.turn)}}#a(){let{turn:t,sample:s,buffered:e,silent:r}=this.#s.report(),n=`${t} ${s} ${e} ${r}`;(this.#n>0||n!==this.#r)&&(this.#r=n,this.#o({kind:"report",epoch:this.#t,turn:t,sample:s,buffered:e,silent:r,peak:this.#n}),this.#n=0)}#o(t){this.port.postMessage(t)}};registerProcessor("livewidget-playback",y);\n';

// src/media/context.ts
function testTap() {
  let found = globalThis.__livewidgetTap;
  return typeof found == "object" && found !== null ? found : {};
}
function hasWorklets() {
  return typeof AudioContext == "function" && typeof AudioWorkletNode == "function" && (typeof BaseAudioContext != "function" || "audioWorklet" in BaseAudioContext.prototype);
}
function resume(context) {
  context && context.state !== "running" && context.state !== "closed" && context.resume().catch(() => {
  });
}
async function addWorklets(context) {
  let url = URL.createObjectURL(new Blob([all_default], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
function closeWith(scope, context) {
  scope.add(() => {
    context.state !== "closed" && context.close().catch(() => {
    });
  });
}

// src/media/devices.ts
var DeviceCapture = class {
  #parent;
  #kind;
  #memory;
  #handlers;
  /** Ends with the release: a grant that comes later is given back at once. */
  #scope = null;
  #connection = null;
  #deviceId;
  /** `storageKey` is where the picked device is remembered for this tab. */
  constructor(scope, kind, storageKey, handlers) {
    this.#parent = scope, this.#kind = kind, this.#memory = rememberedDevice(storageKey), this.#handlers = handlers, this.#deviceId = this.#memory.get(), scope.add(() => this.stop()), navigator.mediaDevices && scope.listen(navigator.mediaDevices, "devicechange", () => {
      this.#list();
    });
  }
  /** True from the click until the device is released. */
  get isWanted() {
    return this.#scope !== null;
  }
  /** What the device is connected to; null unless it is on. */
  get connection() {
    return this.#connection;
  }
  /** Takes a device in place of the one that is on. To be called from a click or a key only. */
  async start(request) {
    if (this.stop(), this.#parent.disposed)
      return;
    let scope = this.#parent.child();
    this.#scope = scope, this.#handlers.onState("asking", "");
    let fail = (error) => {
      if (!scope.disposed) {
        this.#release();
        let problem = request.explain(error);
        this.#handlers.onProblem(problem), this.#handlers.onState(problem.state, problem.detail);
      }
    };
    try {
      let stream = await request.ask(this.#deviceId);
      scope.add(() => stopTracks(stream));
      let track = stream.getTracks()[0];
      if (!track)
        throw new DOMException("", "NotFoundError");
      let { deviceId } = track.getSettings?.() ?? {};
      scope.listen(track, "ended", () => {
        fail(new DOMException("", TRACK_ENDED)), this.#tellWhyEnded(request, deviceId);
      });
      let connection = scope.disposed ? null : await request.connect(stream, track, scope);
      connection !== null && !scope.disposed && (this.#connection = connection, this.#handlers.onState("on", ""), await this.#list());
    } catch (error) {
      fail(error);
    }
  }
  /** Releases the device, whatever state it is in, so that the browser's indicator goes out. */
  stop() {
    this.#scope && (this.#release(), this.#handlers.onState("off", ""));
  }
  /** Uses another device from the next start on. */
  pick(deviceId) {
    this.#deviceId = deviceId, this.#memory.set(deviceId), this.#list();
  }
  #release() {
    let scope = this.#scope;
    this.#scope = null, this.#connection = null, scope?.dispose();
  }
  /** The device ended by itself and was given back: names the cause, if it can be found out. */
  async #tellWhyEnded(request, deviceId) {
    let cause = request.permission && await causeOfEnd(request.permission, this.#kind, deviceId);
    cause && !this.isWanted && !this.#parent.disposed && this.#handlers.onProblem(request.explain(new DOMException("", cause)));
  }
  async #list() {
    let devices = await listDevices(this.#kind);
    devices && this.#handlers.onDevices(devices, this.#deviceId);
  }
};
function rememberedDevice(key) {
  return {
    get() {
      try {
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    set(id) {
      try {
        sessionStorage.setItem(key, id);
      } catch {
      }
    }
  };
}
async function listDevices(kind) {
  try {
    return (await navigator.mediaDevices?.enumerateDevices() ?? []).filter((device) => device.kind === kind && device.deviceId !== "").map((device) => ({ id: device.deviceId, label: device.label }));
  } catch {
    return null;
  }
}
function stopTracks(stream) {
  for (let track of stream.getTracks())
    track.stop();
}
var canAsk = () => globalThis.isSecureContext && !!navigator.mediaDevices?.getUserMedia;
function isBarred() {
  return !canAsk() || !isAllowed("microphone");
}
async function requestDevice(kind, constraints, deviceId) {
  if (!canAsk())
    throw new DOMException("", NOT_SECURE);
  let ask = (track) => navigator.mediaDevices.getUserMedia({ [kind]: track });
  if (deviceId === "")
    return ask(constraints);
  try {
    return await ask({ ...constraints, deviceId: { exact: deviceId } });
  } catch (error) {
    if (["OverconstrainedError", "NotFoundError"].includes(errorName(error)))
      return ask(constraints);
    throw error;
  }
}
var NOT_SECURE = "NotSecure", TRACK_ENDED = "TrackEnded", UNPLUGGED = "Unplugged", PERMISSION_GONE = "PermissionGone";
async function causeOfEnd(permission, kind, deviceId) {
  try {
    let { state } = await navigator.permissions.query({ name: permission });
    if (state !== "granted")
      return PERMISSION_GONE;
  } catch {
  }
  let devices = await listDevices(kind);
  return deviceId && devices && !devices.some(({ id }) => id === deviceId) ? UNPLUGGED : null;
}
var STATES = {
  refused: "refused",
  blocked: "refused",
  "not-secure": "refused",
  missing: "missing",
  busy: "off",
  ended: "off",
  unplugged: "off",
  revoked: "refused",
  failed: "off"
};
function codeOf(device, reason) {
  let name2 = reason === "unplugged" || reason === "revoked" ? "ended" : reason;
  return `${device === "microphone" && name2 === "not-secure" ? "page" : device}-${name2}`;
}
function problemCodes(device) {
  return [...new Set(Object.keys(STATES).map((reason) => codeOf(device, reason)))];
}
var REASONS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  // The former name of NotAllowedError in Chrome.
  PermissionDeniedError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
  [NOT_SECURE]: "not-secure",
  [TRACK_ENDED]: "ended",
  [UNPLUGGED]: "unplugged",
  [PERMISSION_GONE]: "revoked"
};
function errorName(error) {
  return error instanceof Error || error instanceof DOMException ? error.name : "";
}
function explainProblem(error, device, texts, isAllowed2) {
  let name2 = errorName(error), known = Object.hasOwn(REASONS, name2) ? REASONS[name2] : "failed", reason = known === "refused" && !isAllowed2() ? "blocked" : known, detail = [NOT_SECURE, TRACK_ENDED, UNPLUGGED, PERMISSION_GONE].includes(name2) ? "" : name2, notice = { level: "error", code: codeOf(device, reason), text: texts[reason] };
  return { state: STATES[reason], detail, notice };
}
function isAllowed(device) {
  let page = globalThis.document, policy = page?.permissionsPolicy ?? page?.featurePolicy;
  try {
    return policy?.allowsFeature(device) ?? !0;
  } catch {
    return !0;
  }
}

// src/media/microphone.ts
var CONSTRAINTS = {
  echoCancellation: !0,
  noiseSuppression: !0,
  autoGainControl: !0,
  channelCount: 1
}, TAKEN = "livewidget:microphone-taken";
function shareMicrophone(scope, card) {
  let me = {};
  return scope.listen(window, TAKEN, ({ detail }) => {
    detail.by !== me && card.giveUp(detail.name) && detail.from.push(card.name());
  }), () => {
    let detail = { by: me, name: card.name(), from: [] };
    return window.dispatchEvent(new CustomEvent(TAKEN, { detail })), detail.from;
  };
}
var FLUSH_TIMEOUT_MS = 100, TEXTS = {
  refused: "The browser refused the microphone. Click the camera icon in the address bar, allow the microphone for this page, then press ● again. You can type meanwhile.",
  blocked: "The program that shows this notebook keeps the microphone from it. Open the notebook in a browser, at its own address, to speak. You can type meanwhile.",
  missing: "No microphone was found. Plug one in or switch it on, then press ● again. You can type meanwhile.",
  busy: "The microphone cannot be opened: another program may be using it. Close that program or pick another microphone in the settings, then press ● again.",
  ended: "The microphone went away. Check that it is connected and switched on, then press ● again.",
  unplugged: "The microphone was unplugged. Plug it in or pick another in the settings, then press ● again.",
  revoked: "The browser took back the permission for the microphone. Allow it again beside the address of the page, then press ● again.",
  failed: "The microphone could not be started. Reload the page and press ● again. You can type meanwhile.",
  "not-secure": NOT_SECURE_PAGE.text
}, MICROPHONE_PROBLEMS = problemCodes("microphone");
function microphoneProblem(error, isFrameAllowed = () => isAllowed("microphone")) {
  return explainProblem(error, "microphone", TEXTS, isFrameAllowed);
}
var Microphone = class {
  #handlers;
  #device;
  #first = 0;
  /** Muted by the person at this card: others may disable the track as well. */
  #muted = !1;
  #flushCallbacks = [];
  constructor(scope, handlers) {
    this.#handlers = handlers, this.#device = new DeviceCapture(scope, "audioinput", "livewidget.microphone", handlers);
  }
  /** True from the click until it is released. */
  get isWanted() {
    return this.#device.isWanted;
  }
  get muted() {
    return this.#muted && this.#device.connection !== null;
  }
  /** What can be found out about a microphone that is on and not muted here; else null. */
  get probe() {
    let capture = this.#device.connection;
    if (!capture || this.#muted)
      return null;
    let { context, track } = capture;
    return {
      context: context.state,
      muted: track.muted || !track.enabled,
      ended: track.readyState === "ended"
    };
  }
  /** Makes a suspended microphone run again. To be called from a click or a key, or when the page is seen again. */
  resume() {
    resume(this.#device.connection?.context);
  }
  /** Takes the microphone. To be called from a click or a key only. */
  async start() {
    this.isWanted || (this.#muted = !1, await this.#device.start({
      ask: (deviceId) => requestDevice("audio", CONSTRAINTS, deviceId),
      connect: (stream, track, scope) => this.#connect(stream, track, scope),
      explain: (error) => microphoneProblem(error),
      permission: "microphone"
    }));
  }
  stop() {
    this.#device.stop();
  }
  mute(muted) {
    let capture = this.#device.connection;
    capture && this.#muted !== muted && (this.#muted = muted, capture.track.enabled = !muted, this.#handlers.onState(muted ? "muted" : "on", ""));
  }
  /** Uses another device, now and from now on. */
  pick(deviceId) {
    this.#device.pick(deviceId), this.isWanted && (this.stop(), this.start());
  }
  /** Delivers what is captured but not yet a whole chunk; then calls `done`. */
  flush(done) {
    let capture = this.#device.connection;
    if (!capture) {
      done();
      return;
    }
    this.#flushCallbacks.push(done), capture.node.port.postMessage({ kind: "flush" }), capture.scope.timeout(() => this.#finishFlush(), FLUSH_TIMEOUT_MS);
  }
  async #connect(stream, track, scope) {
    let context = new AudioContext({ latencyHint: "interactive" });
    closeWith(scope, context), resume(context), scope.listen(context, "statechange", () => this.#handlers.onChange());
    for (let type of ["mute", "unmute"])
      scope.listen(track, type, () => this.#handlers.onChange());
    if (await addWorklets(context), scope.disposed)
      return null;
    let node = this.#wire(context, stream, scope);
    return testTap().onMicrophone?.(track, context), { scope, track, context, node };
  }
  #wire(context, stream, scope) {
    let input = context.createMediaStreamSource(stream), node = new AudioWorkletNode(context, "livewidget-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1]
    }), base = this.#first;
    return node.port.onmessage = ({ data }) => {
      if (data.kind === "flushed") {
        this.#finishFlush();
        return;
      }
      this.#first = base + data.first + data.samples.length, this.#handlers.onChunk(data.samples, base + data.first);
    }, input.connect(node).connect(context.destination), scope.add(() => {
      this.#finishFlush(), node.port.postMessage({ kind: "close" }), node.port.onmessage = null, input.disconnect(), node.disconnect();
    }), node;
  }
  #finishFlush() {
    for (let done of this.#flushCallbacks.splice(0))
      done();
  }
};

// src/media/microphone-sender.ts
var PREROLL_MS = 200, STARTING_MS = 1e4, BAR_SAMPLES = MICROPHONE_RATE / 25, MicrophoneSender = class {
  #handlers;
  #now;
  #queue;
  #clock = new ClockMap();
  #gate = { open: !1, starting: !1, pushToTalk: !1 };
  #pressed = !1;
  #preroll = [];
  #bar = { peak: 0, samples: 0 };
  #busy = !1;
  constructor(handlers, now2) {
    this.#handlers = handlers, this.#now = now2, this.#queue = new PacketQueue((packet) => handlers.onPacket(packet));
  }
  get pressed() {
    return this.#pressed;
  }
  /** True while the kernel does not acknowledge packets. */
  get busy() {
    return this.#busy;
  }
  /** Sets what may pass. What was captured before is still sent. */
  setGate(gate) {
    let was = this.#gate;
    this.#gate = gate, (was.open && !gate.open || was.pushToTalk !== gate.pushToTalk) && (this.#queue.flush(this.#now()), this.release()), !was.open && gate.open && was.starting && !gate.pushToTalk && this.#sendPreroll();
  }
  /** Takes a chunk from the capture worklet. */
  addChunk(samples, first) {
    let now2 = this.#now(), length = samples.length * 1e3 / MICROPHONE_RATE, streamMs = first * 1e3 / MICROPHONE_RATE, captured_ms = Math.max(0, this.#clock.toPageClock(streamMs + length, now2) - length);
    this.#measure(samples);
    let chunk = { first_sample: first, captured_ms, samples };
    this.#gate.open && (!this.#gate.pushToTalk || this.#pressed) ? this.#queue.add(chunk, now2) : this.#keepPreroll(chunk);
  }
  /** Push-to-talk was pressed: announces it, then sends from a little before. */
  press() {
    !this.#gate.open || !this.#gate.pushToTalk || this.#pressed || (this.#pressed = !0, this.#handlers.onActivity(!0), this.#sendPreroll());
  }
  /** Push-to-talk was released and the last samples are in: sends the rest, then announces it. */
  release() {
    this.#pressed && (this.#pressed = !1, this.#queue.flush(this.#now(), () => this.#handlers.onActivity(!1)));
  }
  /** The kernel has received packets up to `ack`. */
  heartbeat(ack, resend) {
    this.#queue.heartbeat(ack, resend, this.#now()), this.#updateBusy();
  }
  /** Packets take another way from now on; those that may be lost are sent again. */
  changeWay(way) {
    this.#queue.changeWay(way, this.#now()), this.#updateBusy();
  }
  /** The microphone stood still and goes on: its clock and the page's differ by more than before. */
  restartClock() {
    this.#queue.flush(this.#now()), this.#clock.reset();
  }
  /** The microphone was given back. A press ends with it, and the kernel is told so. */
  reset() {
    this.release(), this.#preroll = [], this.#queue.clear(), this.#clock.reset(), this.#updateBusy();
  }
  #sendPreroll() {
    let now2 = this.#now();
    for (let chunk of this.#preroll.splice(0))
      this.#queue.add(chunk, now2);
  }
  #keepPreroll(chunk) {
    let kept = this.#gate.starting && !this.#gate.pushToTalk ? STARTING_MS : PREROLL_MS;
    for (this.#preroll.push(chunk); this.#preroll.length > 0 && this.#preroll[0].captured_ms < chunk.captured_ms - kept; )
      this.#preroll.shift();
  }
  #measure(samples) {
    let peak2 = peakOf(samples);
    this.#bar.peak = Math.max(this.#bar.peak, peak2), this.#bar.samples += samples.length, this.#bar.samples >= BAR_SAMPLES && (this.#handlers.onLevel(this.#bar.peak), this.#bar = { peak: 0, samples: 0 });
  }
  #updateBusy() {
    this.#queue.busy !== this.#busy && (this.#busy = this.#queue.busy, this.#handlers.onBusy(this.#busy));
  }
};

// src/audio/playout.ts
var MODEL_AUDIO_RATE = 24e3, toSamples2 = (ms) => MODEL_AUDIO_RATE * ms / 1e3, START_SAMPLES = toSamples2(100), REFILL_SAMPLES = toSamples2(70);

// src/media/player.ts
var FLUSH_TIMEOUT_MS2 = 120, REMEMBERED_TURNS = 16, RAMP_S = 0.02;
function openContext() {
  try {
    return new AudioContext({ sampleRate: MODEL_AUDIO_RATE, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" });
  }
}
function needsGesture() {
  return navigator.userActivation?.hasBeenActive === !1;
}
var Player = class {
  #scope;
  #handlers;
  #graph = null;
  #volume = 1;
  #epoch = 0;
  #progress = { turn: 0, sample: 0, bufferedMs: 0, silentSamples: 0 };
  /** Inserted silence of contexts that are closed. */
  #silentBefore = 0;
  #playedSamples = /* @__PURE__ */ new Map();
  #awaitingFlush = [];
  #newestTurn = -1;
  #discardedTurn = -1;
  /** True from a write until the worklet reports again. */
  #isUnreported = !1;
  #failedToLoad = !1;
  constructor(scope, handlers) {
    this.#scope = scope, this.#handlers = handlers, scope.add(() => this.close());
  }
  get progress() {
    return this.#progress;
  }
  /** Why this page cannot play anything; null where it can, as far as is known. */
  get missing() {
    return hasWorklets() && !this.#failedToLoad ? null : globalThis.isSecureContext ? "missing" : "not-secure";
  }
  /** What can be found out about an open player; null while there is none. */
  get probe() {
    let deck = this.#graph;
    if (!deck)
      return null;
    let { turn, sample, bufferedMs } = this.#progress;
    return {
      context: deck.context.state,
      needsGesture: needsGesture(),
      waiting: this.#isUnreported || bufferedMs > 0,
      position: `${turn} ${sample}`
    };
  }
  /** Opens the context. To be called from a click or a key, or the browser may keep it suspended. */
  unlock() {
    this.#failedToLoad = !1, this.resume(), this.#open(), this.resume();
  }
  /** Makes a context run that the browser or the system suspended. */
  resume() {
    this.#graph?.context.state === "closed" && this.close(), resume(this.#graph?.context);
  }
  write(turn, first, samples) {
    turn <= this.#discardedTurn || (this.#newestTurn = turn, this.#open() && (this.#isUnreported = !0, this.#post({ kind: "audio", epoch: this.#epoch, turn, first, samples }, [samples.buffer])));
  }
  end(turn) {
    this.#graph && this.#post({ kind: "end", epoch: this.#epoch, turn });
  }
  /** Drops audio older than `epoch`; with a `turn`, `onFlushed` follows. The same epoch flushes once. */
  flush(epoch, turn) {
    turn !== null && this.#awaitingFlush.push(turn), epoch > this.#epoch ? (this.#epoch = epoch, this.#flushWorklet()) : this.#reportFlushed();
  }
  /** Silences the current turn at once, also what still comes of it; the kernel's flush follows. */
  stopNow() {
    this.#discardedTurn = Math.max(this.#discardedTurn, this.#newestTurn), this.#flushWorklet();
  }
  setVolume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    let deck = this.#graph;
    deck?.gain.gain.setTargetAtTime(this.#volume, deck.context.currentTime, RAMP_S);
  }
  /** Stops playback and releases the device. */
  close() {
    let deck = this.#graph;
    deck && (this.#graph = null, this.#newestTurn = -1, this.#discardedTurn = -1, this.#silentBefore = this.#progress.silentSamples, this.#progress = { ...this.#progress, bufferedMs: 0 }, deck.node?.port.postMessage({ kind: "close" }), deck.scope.dispose(), this.#isUnreported = !1, this.#reportFlushed(), this.#handlers.onChange());
  }
  /** The open player, opened if need be; null where this page has none. */
  #open() {
    if (this.#graph || this.missing)
      return this.#graph;
    let scope = this.#scope.child();
    try {
      let context = openContext();
      closeWith(scope, context);
      let gain = new GainNode(context, { gain: this.#volume });
      gain.connect(context.destination);
      let deck = { scope, context, gain, node: null, waiting: [] };
      this.#graph = deck, scope.listen(context, "statechange", () => this.#handlers.onChange()), this.#load(deck).catch((error) => this.#onFailed(scope, error));
    } catch (error) {
      this.#onFailed(scope, error);
    }
    return this.#graph;
  }
  /** The browser gave no context, or did not load the worklet into it: the page's rules may forbid that. */
  #onFailed(scope, error) {
    scope.disposed || (console.error("livewidget:", error), this.#failedToLoad = !0, scope.dispose(), this.close(), this.#handlers.onChange());
  }
  async #load(deck) {
    let { context, gain, scope } = deck;
    if (await addWorklets(context), scope.disposed)
      return;
    let node = new AudioWorkletNode(context, "livewidget-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1]
    });
    node.connect(gain), node.port.onmessage = ({ data }) => this.#onWorkletMessage(data), scope.add(() => {
      node.port.onmessage = null, node.disconnect(), gain.disconnect();
    }), deck.node = node, testTap().onPlayer?.(context, gain);
    for (let message of deck.waiting.splice(0))
      this.#post(message);
  }
  #post(message, transfer = []) {
    let deck = this.#graph;
    deck?.node ? deck.node.port.postMessage(message, transfer) : deck?.waiting.push(message);
  }
  #flushWorklet() {
    let deck = this.#graph;
    deck?.node ? (this.#post({ kind: "flush", epoch: this.#epoch }), deck.scope.timeout(() => this.#reportFlushed(), FLUSH_TIMEOUT_MS2)) : (deck?.waiting.splice(0), this.#reportFlushed());
  }
  #onWorkletMessage(message) {
    if (this.#isUnreported = !1, this.#recordPlayed(message.turn, message.sample), message.kind === "flushed") {
      this.#progress = { ...this.#progress, turn: message.turn, sample: message.sample, bufferedMs: 0 }, this.#reportFlushed();
      return;
    }
    let { turn, sample, buffered, silent, peak: peak2 } = message, silentSamples = this.#silentBefore + silent;
    this.#progress = { turn, sample, bufferedMs: buffered * 1e3 / MODEL_AUDIO_RATE, silentSamples }, this.#handlers.onProgress(this.#progress, peak2);
  }
  #recordPlayed(turn, sample) {
    this.#playedSamples.set(turn, Math.max(sample, this.#playedSamples.get(turn) ?? 0)), this.#playedSamples.size > REMEMBERED_TURNS && this.#playedSamples.delete(this.#playedSamples.keys().next().value);
  }
  #reportFlushed() {
    for (let turn of this.#awaitingFlush.splice(0))
      this.#handlers.onFlushed(turn, this.#playedSamples.get(turn) ?? 0);
  }
};

// src/audio-controller.ts
var BAR_MS = 40, SLOW_AFTER_MS = 2e3, UNASKED_MS = 250, WATCH_MS = 250, GESTURES = ["pointerdown", "pointerup", "touchend", "click", "keydown"], AudioController = class {
  levels = new LevelTimeline();
  #scope;
  #store;
  #notices;
  #bridge;
  #now;
  #player;
  #microphone;
  #sender;
  /** Since when the microphone's audio is held back. */
  #waitsSince = null;
  #kernelBusy = "";
  #onSocket = !1;
  #askedMs = Number.NEGATIVE_INFINITY;
  #takeFromOthers;
  /** Another card of the page has taken the microphone since this one had it. */
  #isElsewhere = !1;
  #microphoneWatch = new MicrophoneWatch();
  #playerWatch = new PlayerWatch();
  /** True while the kernel has a session that takes audio, or is opening one. */
  #hasSession = !1;
  /** Uses no device: that takes a click. */
  constructor(scope, store, notices, bridge, now2) {
    this.#scope = scope, this.#store = store, this.#notices = notices, this.#bridge = bridge, this.#now = now2, this.#sender = this.#makeSender(), this.#player = this.#makePlayer(), this.#microphone = this.#makeMicrophone(), this.#takeFromOthers = shareMicrophone(scope, {
      name: () => this.#store.get().name,
      giveUp: (to) => {
        let hadIt = this.#microphone.isWanted;
        return this.#isElsewhere = !0, hadIt && (this.#microphone.stop(), this.#notices.show(microphoneWent(to, this.#store.get().name))), hadIt;
      }
    }), scope.interval(() => this.#advanceLevels(), BAR_MS), scope.interval(() => this.#watch(), WATCH_MS);
    for (let gesture of GESTURES)
      scope.listen(document, gesture, () => this.#resume(), { capture: !0 });
    scope.listen(document, "visibilitychange", () => {
      document.hidden || this.#resume();
    }), scope.listen(window, "focus", () => this.#resume());
  }
  get player() {
    return this.#player;
  }
  get microphone() {
    return this.#microphone;
  }
  /** Tells the kernel how far playback is: credit for more audio, statistics and a sign of life. */
  reportPlayback() {
    if (!this.#bridge.welcomed || !this.#store.get().connected)
      return;
    let { turn, sample, bufferedMs, silentSamples } = this.#player.progress, body = {
      ack_seq: this.#bridge.speakerAck,
      turn,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.#bridge.epoch,
      page_ms: this.#now(),
      plays: this.#player.missing === null,
      round_trip_ms: this.#bridge.roundTripMs
    };
    this.#bridge.send({ lane: "control", kind: "played", body });
  }
  /** The kernel has received microphone packets up to `ack`; `busy` says what keeps further ones waiting in it. */
  onHeartbeat(ack, resend, busy) {
    this.#kernelBusy = this.#onSocket && busy === "cell" ? "" : busy, this.#sender.heartbeat(ack, resend), this.#showWaiting();
  }
  /** Messages take another way from now on: sends again what may be lost on the last one. */
  changeWay(way) {
    this.#onSocket = way === "socket", this.reportPlayback(), this.#sender.changeWay(way), this.#showWaiting();
  }
  /** Takes the microphone, anew where it has stopped. To be called from a click or a key. */
  startMicrophone() {
    this.#store.get().sound.microphone === "stopped" && this.#microphone.stop(), this.#microphone.start();
  }
  /** Push-to-talk was pressed or released; the microphone is on or about to be. */
  pushToTalk(active) {
    active ? (this.#microphone.mute(!1), this.updateGate()) : this.#microphone.flush(() => this.#sender.release());
  }
  /** Releases microphone and loudspeaker at once. */
  releaseDevices() {
    this.#microphone.stop(), this.#player.close();
  }
  /** Takes the microphone again as it was, on or muted, unless another card of the page has it by now. */
  async resumeMicrophone(muted) {
    this.#isElsewhere || (await this.#microphone.start(), muted && this.#microphone.mute(!0));
  }
  /** Releases the loudspeaker if everything has been played. */
  closePlayerWhenDone() {
    this.#player.progress.bufferedMs === 0 && this.#player.close();
  }
  #makeSender() {
    return new MicrophoneSender(
      {
        onPacket: ({ seq, samples, first_sample, captured_ms, stale, gap_ms }) => this.#bridge.sendUserAudio(seq, { first_sample, captured_ms, stale, gap_ms }, samples),
        onActivity: (active) => this.#bridge.send({ lane: "control", kind: "activity", body: { active } }),
        onLevel: (peak2) => this.levels.put("user", peak2),
        onBusy: (busy) => {
          this.#waitsSince = busy ? this.#now() : null, this.#showWaiting();
        }
      },
      this.#now
    );
  }
  #makePlayer() {
    return new Player(this.#scope, {
      onProgress: ({ turn, sample }, peak2) => {
        this.levels.put("model", peak2);
        let playback = this.#store.get().playback;
        (playback.turn !== turn || playback.playedSample !== sample) && this.#store.set({ playback: { ...playback, turn, playedSample: sample } });
      },
      onFlushed: (turn, sample) => this.#bridge.send({ lane: "control", kind: "heard", body: { turn, sample } }),
      onChange: () => this.#watch()
    });
  }
  #makeMicrophone() {
    return new Microphone(this.#scope, {
      onChunk: (samples, first) => {
        if (!this.#microphone.muted) {
          let ms = samples.length * 1e3 / MICROPHONE_RATE;
          this.#microphoneWatch.onChunk(peakOf(samples), ms, this.#now()), this.#microphone.probe?.context !== "running" && this.#sender.restartClock(), this.#sender.addChunk(samples, first);
        }
      },
      onChange: () => {
        this.#sender.restartClock(), this.#watch();
      },
      onState: (state, detail) => this.#onMicrophoneState(state, detail),
      onDevices: (devices, deviceId) => this.#store.set({ microphone: { ...this.#store.get().microphone, devices, deviceId } }),
      onProblem: ({ notice }) => this.#notices.show(notice)
    });
  }
  #onMicrophoneState(state, detail) {
    state === "asking" ? this.#askedMs = this.#now() : state === "on" ? this.#store.set({ barred: !1 }) : state === "refused" && this.#now() - this.#askedMs < UNASKED_MS && this.#store.set({ barred: !0 });
    let shown = state === "on" && this.#sender.busy ? "paused" : state;
    if (this.#store.set({ microphone: { ...this.#store.get().microphone, state: shown } }), state === "asking" || state === "off")
      this.#notices.clear(MICROPHONE_MOVED);
    else if (state === "on") {
      this.#isElsewhere = !1;
      let [other] = this.#takeFromOthers();
      other !== void 0 && this.#notices.show(microphoneCame(other, this.#store.get().name));
    }
    state !== "on" && state !== "muted" && (this.#sender.reset(), this.#store.set({ holding: this.#store.get().holding && state === "asking" })), this.updateGate(), this.#bridge.send({ lane: "control", kind: "microphone", body: { state, detail } }), this.#watch();
  }
  /** The kernel has said whether it has a session that takes audio, or is opening one; null: it was asked to. */
  onSession(hasSession) {
    this.#hasSession = hasSession ?? !1, this.updateGate();
  }
  /** Looks whether sound arrives that should, and says so if it does not. */
  #watch() {
    let { phase, owner, sound } = this.#store.get(), now2 = this.#now(), talks = owner && (phase === "live" || phase === "connecting"), deaf = this.#microphoneWatch.check(this.#microphone.probe, now2), mute = this.#playerWatch.check(this.#player.probe, now2);
    this.#setMicrophoneFault(sound.microphone, deaf), this.#setPlayerFault(sound.player, talks ? this.#player.missing ?? mute : mute);
  }
  #setMicrophoneFault(before, fault) {
    if (fault === before)
      return;
    this.#store.set({ sound: { ...this.#store.get().sound, microphone: fault } }), this.#showFault(MICROPHONE_FAULTS, before, fault);
    let sends = (one) => one === null || one === "silent";
    if (sends(before) !== sends(fault) && this.#microphone.probe) {
      let body = { state: sends(fault) ? "on" : "paused", detail: fault ?? "" };
      this.#bridge.send({ lane: "control", kind: "microphone", body }), this.#sender.restartClock();
    }
  }
  #setPlayerFault(before, fault) {
    fault !== before && (this.#store.set({ sound: { ...this.#store.get().sound, player: fault } }), this.reportPlayback(), this.#showFault(PLAYER_FAULTS, before, fault));
  }
  #showFault(notices, before, fault) {
    before !== null && this.#notices.clear(notices[before].code), fault !== null && this.#notices.show(notices[fault]);
  }
  /** The person is back, or asks for something: what was suspended may run again. */
  #resume() {
    this.#microphone.resume(), this.#player.resume();
  }
  /** Applies the state to what of the microphone may reach the kernel; to be called when the state changes. */
  updateGate() {
    let { phase, microphone, turnTaking, holding, owner } = this.#store.get(), on = microphone.state === "on" || microphone.state === "paused";
    this.#sender.setGate({
      open: this.#hasSession && owner && on,
      starting: phase === "connecting",
      pushToTalk: turnTaking === "push_to_talk"
    }), holding && this.#sender.press();
  }
  /** Says that the microphone's audio is held back, and why, or that it is no more. */
  #showWaiting() {
    let microphone = this.#store.get().microphone, since = this.#waitsSince, notice = MICROPHONE_WAITS[this.#kernelBusy], heldByCell = since !== null && this.#kernelBusy === "cell";
    heldByCell !== this.#store.get().heldByCell && this.#store.set({ heldByCell });
    let shown = this.#store.get().notices.find(({ code }) => code === notice.code);
    since === null ? (this.#notices.clear(notice.code), microphone.state === "paused" && this.#store.set({ microphone: { ...microphone, state: "on" } })) : (shown || this.#kernelBusy !== "" || this.#now() - since >= SLOW_AFTER_MS) && (shown?.text !== notice.text && this.#notices.show(notice), microphone.state === "on" && this.#store.set({ microphone: { ...microphone, state: "paused" } }));
  }
  #advanceLevels() {
    (this.#store.get().phase === "live" || this.#microphone.isWanted || this.#player.progress.bufferedMs > 0) && this.levels.advance(this.#now());
  }
};

// src/audio/pcm.ts
function samplesOf(buffer) {
  let bytes2 = ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer), copy = new Uint8Array(bytes2.length & -2);
  return copy.set(bytes2.subarray(0, copy.length)), new Int16Array(copy.buffer);
}

// src/messages.gen.ts
var KERNEL_KINDS = {
  control: ["welcome", "state", "turn", "flush", "notice", "clear_notice", "heartbeat", "catalogue", "settings", "meter"],
  speaker: ["audio", "end"],
  insight: ["wire", "speech", "picture", "socket_offer"],
  service: ["service_open", "service_send", "service_sound", "service_image", "service_talk", "service_release", "service_close", "service_voice"]
};

// src/bridge.ts
var CAPACITY = 256, RESEND_MS2 = 2e3, MAX_RESEND_MS = 3e4, ReliableSender = class {
  #seq = 0;
  #acked = 0;
  #unacked = [];
  #progressMs = 0;
  #resendAfterMs = RESEND_MS2;
  /** The highest number that was sent again. */
  #repeated = 0;
  /** What is not acknowledged yet, oldest first; beyond `CAPACITY` the oldest are dropped. */
  get unacked() {
    return this.#unacked;
  }
  add(message, now2) {
    return this.#unacked.length === 0 && (this.#progressMs = now2, this.#resendAfterMs = RESEND_MS2), this.#seq += 1, this.#unacked.push({ seq: this.#seq, message }), this.#unacked.length > CAPACITY && this.#unacked.shift(), this.#seq;
  }
  /** The other side has everything up to `ack`; older acknowledgements and numbers never sent change nothing. */
  acknowledge(ack, now2) {
    ack <= this.#acked || ack > this.#seq || (this.#acked = ack, this.#progressMs = now2, ack >= this.#repeated && (this.#resendAfterMs = RESEND_MS2), this.#unacked = this.#unacked.filter((sent) => sent.seq > ack));
  }
  /** What to send again at once; if that is lost as well, it is due again after two seconds. */
  restart(now2) {
    return this.#progressMs = now2, this.#repeated = 0, this.#resendAfterMs = RESEND_MS2, [...this.#unacked];
  }
  /**
   * What to send again: everything unacknowledged once nothing was acknowledged for two seconds, then four, eight and so
   * on: a busy kernel gets every copy later. It is two seconds again when the copies are acknowledged, and not with each
   * message that arrives late: a slow way would only be filled with copies.
   */
  dueForResend(now2) {
    return this.#unacked.length === 0 || now2 - this.#progressMs < this.#resendAfterMs ? [] : (this.#progressMs = now2, this.#repeated = this.#seq, this.#resendAfterMs = Math.min(2 * this.#resendAfterMs, MAX_RESEND_MS), [...this.#unacked]);
  }
}, ReliableReceiver = class {
  #last;
  #early = /* @__PURE__ */ new Map();
  /** `last` is the number before the first expected one. */
  constructor(last = 0) {
    this.#last = last;
  }
  /** The highest number without a gap before it: what to acknowledge. */
  get last() {
    return this.#last;
  }
  /** True while a message is missing before one that has arrived. */
  get hasGap() {
    return this.#early.size > 0;
  }
  /** Returns the messages that are now in order. One too far ahead is dropped: it will be sent again. */
  receive(seq, message) {
    return seq <= this.#last || seq > this.#last + CAPACITY || this.#early.has(seq) ? [] : (this.#early.set(seq, message), this.#takeReady());
  }
  /** Gives up on the missing messages and continues at the next one that has arrived. */
  skipGap() {
    return this.#early.size === 0 ? [] : (this.#last = Math.min(...this.#early.keys()) - 1, this.#takeReady());
  }
  /** Restarts after `last`; messages beyond it that have arrived already stay. */
  restart(last) {
    this.#last = last;
    for (let seq of [...this.#early.keys()])
      (seq <= last || seq > last + CAPACITY) && this.#early.delete(seq);
    return this.#takeReady();
  }
  #takeReady() {
    let ready = [], next = this.#early.get(this.#last + 1);
    for (; next !== void 0; )
      this.#last += 1, this.#early.delete(this.#last), ready.push(next), next = this.#early.get(this.#last + 1);
    return ready;
  }
}, isCount = (value) => Number.isSafeInteger(value) && value >= 0, isObject = (value) => typeof value == "object" && value !== null && !Array.isArray(value);
function readKernelMessage(content) {
  if (!isObject(content) || !isObject(content.body))
    return null;
  let { lane, kind, epoch, seq, ack } = content;
  return Object.hasOwn(KERNEL_KINDS, String(lane)) && KERNEL_KINDS[String(lane)].includes(String(kind)) && [epoch, seq, ack].every(isCount) ? content : null;
}
function readPlace(content) {
  if (!isObject(content))
    return null;
  let { lane, seq, ack } = content;
  return (lane === "control" || lane === "speaker") && isCount(seq) ? { lane, seq, ack: isCount(ack) ? ack : 0 } : null;
}
var SPEAKER_GAP_MS = 5e3, CONTROL_GAP_MS = 3e3, MAX_UNACKED_REPORTS = 8, ROUND_TRIPS = 5;
function randomClientId() {
  return Array.from(
    crypto.getRandomValues(new Uint8Array(8)),
    (byte) => byte.toString(16).padStart(2, "0")
  ).join("");
}
var Bridge = class {
  client;
  #wire;
  #now;
  #handlers;
  #sender = new ReliableSender();
  /** Null stands for a message that could not be read. */
  #control = new ReliableReceiver();
  #speaker = new ReliableReceiver();
  #epoch = 0;
  #welcomed = !1;
  #acksByClient = !1;
  #ownsAudio = !1;
  #cameraSeq = 0;
  #roundTrips = [];
  #echoedMs = null;
  #gapSince = { control: null, speaker: null };
  /** `client` identifies this page among those that show the same widget. */
  constructor(client, wire, now2, handlers) {
    this.client = client, this.#wire = wire, this.#now = now2, this.#handlers = handlers;
  }
  get epoch() {
    return this.#epoch;
  }
  /** The highest number of the speaker lane without a gap. */
  get speakerAck() {
    return this.#speaker.last;
  }
  /** How long a message takes to the kernel and back, in ms; null before that was measured. */
  get roundTripMs() {
    return [...this.#roundTrips].sort((a, b) => a - b)[this.#roundTrips.length >> 1] ?? null;
  }
  /** True once the kernel has welcomed this page. */
  get welcomed() {
    return this.#welcomed;
  }
  /** Asks for a welcome, at the beginning and after the connection was lost. */
  hello() {
    this.send({
      lane: "control",
      kind: "hello",
      body: { client: this.client, last_seq: this.#control.last }
    });
  }
  /** Sends a message reliably, once and in order; returns its number, 0 for a playback report that was skipped. */
  send(message) {
    if (message.kind === "played" && this.#unackedReports() >= MAX_UNACKED_REPORTS)
      return 0;
    let seq = this.#sender.add(message, this.#now());
    return this.#post(message, seq, this.#control.last), seq;
  }
  /** Sends microphone audio under the number that the packet queue gave it. */
  sendUserAudio(seq, body, samples) {
    this.#post({ lane: "microphone", kind: "audio", body }, seq, 0, [samples.buffer]);
  }
  /** Sends a picture once and returns its number; it is not repeated if it is lost. */
  sendFrame(body, image) {
    return this.#cameraSeq += 1, this.#post({ lane: "camera", kind: "frame", body }, this.#cameraSeq, 0, [image]), this.#cameraSeq;
  }
  /** Handles whatever the comm delivered. */
  receive(content, buffers = []) {
    let message = readKernelMessage(content);
    if (message === null) {
      this.#passUnreadable(content);
      return;
    }
    this.#handlers.onAlive(), message.lane === "speaker" ? this.#receiveAudio({ message, buffers: [...buffers] }) : message.lane === "insight" ? this.#handlers.onInsight(message, buffers) : (this.#acknowledge(message), this.#receiveControl(message)), this.#updateGaps();
  }
  #passUnreadable(content) {
    let place = readPlace(content);
    place === null || !this.#welcomed || (console.error(`livewidget: message ${place.seq} of the ${place.lane} lane cannot be read.`), place.lane === "control" ? this.#deliverAll(this.#control.receive(place.seq, null)) : this.#deliverAudio(this.#speaker.receive(place.seq, null)), this.#updateGaps());
  }
  /** Messages take another way from now on: sends all again that is not acknowledged and may be lost on the last one. */
  repeat() {
    for (let { seq, message } of this.#sender.restart(this.#now()))
      this.#post(message, seq, this.#control.last);
  }
  /** To be called a few times a second: repeats what was lost, and skips gaps that will not be filled. */
  tick() {
    let now2 = this.#now();
    for (let { seq, message } of this.#sender.dueForResend(now2))
      this.#post(message, seq, this.#control.last);
    let { control: control2, speaker } = this.#gapSince;
    control2 !== null && now2 - control2 > CONTROL_GAP_MS && (this.#gapSince.control = now2, this.hello()), speaker !== null && now2 - speaker > SPEAKER_GAP_MS && (this.#gapSince.speaker = null, this.#deliverAudio(this.#speaker.skipGap()), this.#updateGaps());
  }
  #post(message, seq, ack, buffers = []) {
    this.#wire({ ...message, epoch: this.#epoch, seq, ack, client: this.client }, buffers);
  }
  #unackedReports() {
    return this.#sender.unacked.reduce((sum, sent) => sum + (sent.message.kind === "played" ? 1 : 0), 0);
  }
  /** An envelope acknowledges one page's lane; a heartbeat has the acknowledgement of each page by its client id. */
  #acknowledge(message) {
    let mine = message.kind === "heartbeat" && Object.hasOwn(message.body.acks, this.client) ? message.body.acks[this.client] : void 0;
    mine !== void 0 ? (this.#acksByClient = !0, this.#sender.acknowledge(mine, this.#now())) : this.#acksByClient || this.#sender.acknowledge(message.ack, this.#now());
  }
  #receiveControl(message) {
    if (message.kind === "welcome" && message.body.client === this.client && (!this.#welcomed || message.seq > this.#control.last)) {
      this.#acceptWelcome(message);
      return;
    }
    this.#welcomed && this.#deliverAll(this.#control.receive(message.seq, message));
  }
  /** The welcome is a snapshot: anything missing before it no longer matters. */
  #acceptWelcome(message) {
    let waiting = this.#control.restart(message.seq);
    (!this.#welcomed || message.body.owner !== this.client) && this.#deliverAudio(this.#speaker.restart(message.body.speaker_seq)), this.#welcomed = !0, this.#deliverAll([message, ...waiting]);
  }
  #deliverAll(messages) {
    for (let message of messages)
      try {
        message !== null && this.#deliver(message);
      } catch (error) {
        console.error("livewidget:", error);
      }
  }
  #deliver(message) {
    if (!(message.kind === "welcome" && message.body.client !== this.client)) {
      if (message.kind === "welcome" || message.kind === "state") {
        let owns = message.body.owner === this.client;
        owns && !this.#ownsAudio && message.kind === "state" && this.#deliverAudio(this.#speaker.restart(message.body.speaker_seq)), this.#ownsAudio = owns;
      }
      message.kind === "heartbeat" && this.#ownsAudio && this.#measureRoundTrip(message.body), (message.epoch > this.#epoch || message.kind === "flush") && this.#raiseEpoch(
        Math.max(message.epoch, this.#epoch),
        message.kind === "flush" ? message.body.turn : null
      ), this.#handlers.onMessage(message);
    }
  }
  /** The kernel says which report it had last, and for how long: the rest of the time since then was spent on the way. */
  #measureRoundTrip({ page_ms, held_ms }) {
    page_ms !== null && page_ms !== this.#echoedMs && (this.#echoedMs = page_ms, this.#roundTrips.push(Math.max(0, this.#now() - page_ms - held_ms)), this.#roundTrips = this.#roundTrips.slice(-ROUND_TRIPS));
  }
  #raiseEpoch(epoch, turn) {
    this.#epoch = epoch, this.#handlers.onFlush(epoch, turn), this.#deliverAudio(this.#speaker.skipGap());
  }
  #receiveAudio(spoken) {
    if (!this.#welcomed)
      return;
    let before = this.#speaker.last;
    this.#deliverAudio(this.#speaker.receive(spoken.message.seq, spoken)), this.#speaker.hasGap && this.#speaker.last === before && spoken.message.epoch > this.#epoch && this.#deliverAudio(this.#speaker.skipGap());
  }
  #deliverAudio(ready) {
    for (let item of ready)
      try {
        item !== null && this.#deliverAudioItem(item);
      } catch (error) {
        console.error("livewidget:", error);
      }
  }
  #deliverAudioItem({ message, buffers }) {
    message.epoch > this.#epoch && (this.#epoch = message.epoch, this.#handlers.onFlush(message.epoch, null)), !(message.epoch < this.#epoch || !this.#ownsAudio) && (message.kind === "end" ? this.#handlers.onMessage(message) : buffers[0] && this.#handlers.onModelAudio(message.body.turn, message.body.first_sample, samplesOf(buffers[0])));
  }
  #updateGaps() {
    let now2 = this.#now();
    this.#gapSince = {
      control: this.#control.hasGap ? this.#gapSince.control ?? now2 : null,
      speaker: this.#speaker.hasGap ? this.#gapSince.speaker ?? now2 : null
    };
  }
};

// src/scope.ts
var Scope = class _Scope {
  #controller = new AbortController();
  #children = /* @__PURE__ */ new Set();
  #disposers = /* @__PURE__ */ new Set();
  #report;
  /** `report` gets the error of a disposer that throws; the others run all the same. */
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
  /** Runs `disposer` when the scope ends, at once if it has ended. The returned function removes it without running it. */
  add(disposer) {
    if (this.disposed)
      return this.#run(disposer), () => {
      };
    let entry2 = () => disposer();
    return this.#disposers.add(entry2), () => {
      this.#disposers.delete(entry2);
    };
  }
  /** A scope that ends with this one, or earlier. */
  child() {
    let child = new _Scope(this.#report);
    return this.disposed ? (child.dispose(), child) : (this.#children.add(child), child.add(() => this.#children.delete(child)), child);
  }
  listen(source, type, handler, options) {
    if (this.disposed)
      return () => {
      };
    let listener = handler;
    return source.addEventListener(type, listener, options), this.#undo(() => source.removeEventListener(type, listener, options));
  }
  /** Calls `callback` once after `ms`, unless the scope ends or the returned function is called first. */
  timeout(callback, ms) {
    if (this.disposed)
      return () => {
      };
    let forget = () => {
    }, timer = setTimeout(() => {
      forget(), callback();
    }, ms), cancel = () => clearTimeout(timer);
    return forget = this.add(cancel), () => {
      forget(), cancel();
    };
  }
  interval(callback, ms) {
    if (this.disposed)
      return () => {
      };
    let timer = setInterval(callback, ms);
    return this.#undo(() => clearInterval(timer));
  }
  /** Calls `draw(time)` before every repaint, `time` as performance.now(). */
  frame(draw) {
    if (this.disposed)
      return () => {
      };
    let handle = 0, running = !0, step = (time) => {
      draw(time), running && (handle = requestAnimationFrame(step));
    };
    return handle = requestAnimationFrame(step), this.#undo(() => {
      running = !1, cancelAnimationFrame(handle);
    });
  }
  /** Ends the children, then what this scope owns, in reverse order. A second call does nothing. */
  dispose() {
    if (this.disposed)
      return;
    this.#controller.abort();
    for (let child of [...this.#children])
      child.dispose();
    this.#children.clear();
    let disposers = [...this.#disposers].reverse();
    this.#disposers.clear();
    for (let disposer of disposers)
      this.#run(disposer);
  }
  /** Registers `undo`, which runs once: when the scope ends or when the returned function is called. */
  #undo(undo) {
    let done = !1, once = () => {
      done || (done = !0, undo());
    }, forget = this.add(once);
    return () => {
      forget(), once();
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

// src/state.ts
var EMPTY_FRAME_LOG = { list: [], lost: 0 };
function addFrames(known, news) {
  let last = known.list.at(-1)?.number ?? 0, fresh = news.frames.filter((frame) => frame.number > last);
  if (fresh.length === 0)
    return known;
  let skipped = known.list.length > 0 ? Math.max(0, fresh[0].number - last - 1) : news.lost, all = [...known.list, ...fresh], dropped = Math.max(0, all.length - 2e3);
  return { list: all.slice(dropped), lost: known.lost + skipped + dropped };
}
var EMPTY_SPEECH_TRACK = { windows: [], marks: [], settings: null, endMs: 0 };
function addSpeech(known, news) {
  let { levels, probabilities, marks, ...settings2 } = news, before = news.from_ms < known.endMs - news.step_ms ? EMPTY_SPEECH_TRACK : known, fresh = levels.map((level, index) => ({
    atMs: news.from_ms + index * news.step_ms,
    level,
    probability: probabilities[index] ?? 0
  })), endMs2 = news.from_ms + levels.length * news.step_ms, kept = (list, at) => list.filter((item) => at(item) >= endMs2 - 2e4);
  return {
    windows: kept([...before.windows, ...fresh], (window2) => window2.atMs),
    marks: kept([...before.marks, ...marks], (mark) => mark.at_ms),
    settings: settings2,
    endMs: endMs2
  };
}
function initialState() {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    ending: "",
    floor: "listening",
    turnTaking: "automatic",
    view: "talk",
    sees: !1,
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    sound: { microphone: null, player: null },
    holding: !1,
    direct: !1,
    owner: !1,
    ownedElsewhere: !1,
    connected: !0,
    loss: "",
    link: { way: "comm", proxied: !1, reason: "asking", says: "" },
    browser: null,
    page: !1,
    title: "",
    barred: !1,
    heldByCell: !1,
    video: {
      source: null,
      state: "off",
      devices: [],
      deviceId: "",
      maxSide: 768,
      quality: 80,
      preview: null,
      sent: 0,
      progress: ""
    },
    explorer: {
      open: !1,
      panel: "settings",
      catalogue: null,
      settings: null,
      meter: null,
      meterAt: 0,
      frames: EMPTY_FRAME_LOG,
      track: EMPTY_SPEECH_TRACK
    }
  };
}
function createStore(initial = {}) {
  let state = { ...initialState(), ...initial }, pending = !1, listeners = /* @__PURE__ */ new Set();
  function tell() {
    pending = !1;
    for (let listener of [...listeners])
      if (listeners.has(listener))
        try {
          listener(state);
        } catch (error) {
          console.error("livewidget:", error);
        }
  }
  return {
    get: () => state,
    set(change) {
      state = { ...state, ...change }, pending || (pending = !0, queueMicrotask(tell));
    },
    subscribe(listener) {
      return listeners.add(listener), () => {
        listeners.delete(listener);
      };
    }
  };
}

// src/settings-controller.ts
var SettingsController = class {
  #store;
  #bridge;
  #unconfirmed = [];
  #now;
  #welcomed = !1;
  constructor(store, bridge, now2) {
    this.#store = store, this.#bridge = bridge, this.#now = now2;
  }
  /** The kernel welcomes this page and does not know (any more) which panel is open. */
  onWelcome(open) {
    open && !this.#welcomed && this.#update({ open }), this.#welcomed = !0, this.#store.get().explorer.open && this.#sendVisibility();
  }
  onMessage(message) {
    switch (message.kind) {
      case "catalogue":
        this.#update({ catalogue: message.body });
        break;
      case "settings":
        this.#onSettings(message.body);
        break;
      case "meter":
        this.#update({ meter: message.body, meterAt: this.#now() });
        break;
    }
  }
  /** Frames of the connection or windows of turn detection, for the open panel. */
  onInsight(message) {
    let { frames, track } = this.#store.get().explorer;
    message.kind === "wire" ? this.#update({ frames: addFrames(frames, message.body) }) : message.kind === "speech" && this.#update({ track: addSpeech(track, message.body) });
  }
  show(open, panel = this.#store.get().explorer.panel) {
    let before = this.#store.get().explorer;
    (before.open !== open || before.panel !== panel) && (this.#update({ open, panel }), this.#sendVisibility());
  }
  configure(changes) {
    let named = Object.entries(changes).map(([name2, value]) => ({ name: name2, value })), seq = this.#bridge.send({ lane: "control", kind: "configure", body: { changes: named } });
    this.#applyEdit({ seq, applyTo: (pending) => ({ ...pending, ...changes }) });
  }
  apply() {
    this.#bridge.send({ lane: "control", kind: "apply", body: {} });
  }
  revert() {
    let seq = this.#bridge.send({ lane: "control", kind: "revert", body: {} });
    this.#applyEdit({ seq, applyTo: () => ({}) });
  }
  /** The kernel's settings are older than the unconfirmed edits, which are applied to them again. */
  #onSettings(settings2) {
    let taken = settings2.acks[this.#bridge.client] ?? 0;
    this.#unconfirmed = this.#unconfirmed.filter(({ seq }) => seq > taken);
    let pending = this.#unconfirmed.reduce((before, { applyTo }) => applyTo(before), settings2.pending);
    this.#update({ settings: { ...settings2, pending } });
  }
  /** Shows an edit at once: a control that waited for the kernel would jump back while a person uses it. */
  #applyEdit(asked) {
    this.#unconfirmed.push(asked);
    let { settings: settings2 } = this.#store.get().explorer;
    settings2 && this.#update({ settings: { ...settings2, pending: asked.applyTo(settings2.pending) } });
  }
  #update(change) {
    this.#store.set({ explorer: { ...this.#store.get().explorer, ...change } });
  }
  /** Tells the kernel which panel is open: it sends nothing else. */
  #sendVisibility() {
    let { open, panel } = this.#store.get().explorer, body = { open, wire: open && panel === "wire", tuner: open && panel === "tuner" };
    this.#bridge.send({ lane: "control", kind: "explorer", body });
  }
};

// src/media/frames.ts
var ChangeGate = class {
  #last = null;
  #sentMs = 0;
  /** Whether a frame is to be sent; the next ones are compared with it then. */
  passes(cells, now2) {
    return this.#last !== null && now2 - this.#sentMs < 1e4 && !isDifferent(cells, this.#last) ? !1 : (this.#last = cells, this.#sentMs = now2, !0);
  }
};
function isDifferent(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) {
    let apart = Math.abs(one[index] - other[index]);
    if (apart >= 24)
      return !0;
    sum += apart;
  }
  return sum / one.length >= 2;
}
function fitInto(width, height, side) {
  let scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
var FrameSampler = class {
  #scope;
  #canvas;
  #handlers;
  #now;
  #gate = new ChangeGate();
  #sampledMs = Number.NEGATIVE_INFINITY;
  #busy = !1;
  maxSide;
  /** 0..1 */
  quality;
  constructor(scope, canvas, handlers, now2, look) {
    this.#scope = scope, this.#canvas = canvas, this.#handlers = handlers, this.#now = now2, this.maxSide = look.maxSide, this.quality = look.quality, scope.interval(() => {
      this.#sample();
    }, 250);
  }
  /** Delays the next frame by a second: a camera that resumes may be dark at first. */
  delayNext() {
    this.#sampledMs = this.#now();
  }
  async #sample() {
    let now2 = this.#now();
    if (this.#busy || now2 - this.#sampledMs < 1e3 || !this.#handlers.isWanted())
      return;
    let size = this.#canvas.draw(this.maxSide);
    if (size === null)
      return;
    if (this.#sampledMs = now2, !this.#gate.passes(this.#canvas.cells(), now2)) {
      this.#handlers.onUnchanged();
      return;
    }
    this.#busy = !0;
    let data = await this.#canvas.jpeg(this.quality);
    this.#busy = !1, data !== null && !this.#scope.disposed && this.#handlers.onFrame({ data, ...size, captured_ms: now2 });
  }
}, HAVE_CURRENT_DATA = 2, MAX_FILE_BYTES = 50 * 2 ** 20;
function newSurface(width, height) {
  let canvas = document.createElement("canvas");
  canvas.width = width, canvas.height = height;
  let context = canvas.getContext("2d", { willReadFrequently: width === 32 });
  if (context === null)
    throw new Error("no canvas");
  return { canvas, context };
}
function toJpeg(canvas, quality) {
  return new Promise((resolve) => {
    canvas.toBlob(
      (blob) => blob === null ? resolve(null) : blob.arrayBuffer().then(resolve, () => resolve(null)),
      "image/jpeg",
      quality
    );
  });
}
function videoCanvas(stream, scope) {
  let video = document.createElement("video");
  video.muted = !0, video.playsInline = !0, video.srcObject = stream, video.play().catch(() => {
  }), scope.add(() => {
    video.pause(), video.srcObject = null;
  });
  let paper = newSurface(1, 1), small = newSurface(32, 32);
  return {
    draw(side) {
      let { videoWidth, videoHeight } = video;
      if (video.readyState < HAVE_CURRENT_DATA || videoWidth === 0 || videoHeight === 0)
        return null;
      let { width, height } = fitInto(videoWidth, videoHeight, side);
      return (paper.canvas.width !== width || paper.canvas.height !== height) && (paper.canvas.width = width, paper.canvas.height = height), paper.context.imageSmoothingQuality = "high", paper.context.drawImage(video, 0, 0, width, height), { width, height };
    },
    cells() {
      return small.context.imageSmoothingQuality = "high", small.context.drawImage(paper.canvas, 0, 0, 32, 32), toGrayLevels(small.context.getImageData(0, 0, 32, 32).data);
    },
    jpeg: (quality) => toJpeg(paper.canvas, quality)
  };
}
function toGrayLevels(rgba) {
  let out = new Uint8Array(rgba.length / 4);
  for (let index = 0; index < out.length; index += 1) {
    let at = 4 * index;
    out[index] = Math.round(0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2]);
  }
  return out;
}
async function readImageFile(file, side, quality) {
  if (file.size === 0 || file.size > MAX_FILE_BYTES)
    return null;
  try {
    let image = await createImageBitmap(file, { imageOrientation: "from-image" }), { width, height } = fitInto(image.width, image.height, side), { canvas, context } = newSurface(width, height);
    context.fillStyle = "white", context.fillRect(0, 0, width, height), context.imageSmoothingQuality = "high", context.drawImage(image, 0, 0, width, height), image.close();
    let data = await toJpeg(canvas, quality);
    return data && { data, width, height, captured_ms: performance.now() };
  } catch {
    return null;
  }
}

// src/media/video-capture.ts
var CAMERA_TEXTS = {
  refused: "The browser refused the camera. Click the camera icon in the address bar, allow the camera for this page, then press its button again.",
  blocked: "The program that shows this notebook keeps the camera from it. Open the notebook in a browser, at its own address, or show a picture file.",
  missing: "No camera was found. Plug one in or switch it on, then press its button again. You can show a picture file meanwhile.",
  busy: "The camera cannot be opened: another program may be using it. Close that program or pick another camera in the settings, then press its button again.",
  ended: "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again.",
  unplugged: "The camera was unplugged, so nothing is shown any more. Plug it in or pick another in the settings, then press its button again.",
  revoked: "The browser took back the permission for the camera, so nothing is shown any more. Allow it again beside the address of the page, then press its button again.",
  failed: "The camera could not be started. Reload the page and press its button again.",
  "not-secure": "This page has no camera because its address is not secure. Open the notebook through https:// or at http://localhost."
}, CAMERA_PROBLEMS = problemCodes("camera"), CAMERA_CONSTRAINTS = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };
function cameraProblem(error, isFrameAllowed = () => isAllowed("camera")) {
  let problem = explainProblem(error, "camera", CAMERA_TEXTS, isFrameAllowed);
  return errorName(error) === TRACK_ENDED ? { ...problem, state: "ended" } : problem;
}
var NOT_CHOSEN = {
  level: "info",
  code: "screen-refused",
  text: "No screen is shown: none was chosen, or the browser or the system refused it. Press the button to choose again."
}, MISSING = {
  level: "error",
  code: "screen-missing",
  text: "This browser shows no screens here. It takes a computer's browser, at an https:// address or http://localhost; a picture file can be shown instead."
}, ENDED = {
  level: "info",
  code: "screen-ended",
  text: "The screen is not shown any more: sharing was stopped, or the window was closed."
}, FAILED = {
  level: "error",
  code: "screen-failed",
  text: "The screen could not be shown. Choose another one, or show a picture file."
}, SCREEN_PROBLEMS = [NOT_CHOSEN, MISSING, ENDED, FAILED].map(
  ({ code }) => code
);
async function requestScreen() {
  if (!navigator.mediaDevices?.getDisplayMedia)
    throw new DOMException("", NOT_SECURE);
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 5 } }, audio: !1 });
}
function screenProblem(error) {
  let name2 = errorName(error);
  switch (name2) {
    case "NotAllowedError":
      return { state: "refused", detail: name2, notice: NOT_CHOSEN };
    case NOT_SECURE:
      return { state: "missing", detail: "", notice: MISSING };
    case TRACK_ENDED:
      return { state: "ended", detail: "", notice: ENDED };
    default:
      return { state: "off", detail: name2, notice: FAILED };
  }
}
var VideoCapture = class {
  #handlers;
  #now;
  #makeCanvas;
  #device;
  /** What was requested last. */
  #source = "camera";
  #options = { maxSide: 768, quality: 0.8 };
  #paused = !1;
  constructor(scope, handlers, now2, makeCanvas) {
    this.#handlers = handlers, this.#now = now2, this.#makeCanvas = makeCanvas, this.#device = new DeviceCapture(scope, "videoinput", "livewidget.camera", {
      onState: (state, detail) => handlers.onState(this.#source, state, detail),
      onDevices: handlers.onDevices,
      onProblem: handlers.onProblem
    });
  }
  /** What is on or requested. */
  get source() {
    return this.#device.isWanted ? this.#source : null;
  }
  /** Takes camera or screen in place of what is on. To be called from a click or a key only. */
  async start(source) {
    this.stop(), this.#source = source, await this.#device.start({
      ask: (deviceId) => source === "camera" ? requestDevice("video", CAMERA_CONSTRAINTS, deviceId) : requestScreen(),
      connect: (stream, track, scope) => this.#connect(source, stream, track, scope),
      explain: (error) => source === "camera" ? cameraProblem(error) : screenProblem(error),
      ...source === "camera" ? { permission: "camera" } : {}
    });
  }
  stop() {
    this.#device.stop();
  }
  /** Stops taking frames and lets the camera go dark, until it is called with false. */
  pause(paused) {
    if (paused === this.#paused)
      return;
    this.#paused = paused;
    let capture = this.#device.connection;
    capture && (capture.track.enabled = !paused, capture.frames.delayNext());
  }
  /** Uses another camera, now and from now on. */
  pick(deviceId) {
    this.#device.pick(deviceId), this.source === "camera" && this.start("camera");
  }
  /** Sets the longest side in pixels and the quality, 0..1, of the frames to come. */
  setOptions(maxSide, quality) {
    this.#options = { maxSide, quality }, Object.assign(this.#device.connection?.frames ?? {}, this.#options);
  }
  #connect(source, stream, track, scope) {
    track.enabled = !this.#paused;
    let handlers = {
      isWanted: () => !this.#paused && this.#handlers.isWanted(),
      onFrame: (frame) => this.#handlers.onFrame(source, frame),
      onUnchanged: () => this.#handlers.onUnchanged()
    }, canvas = this.#makeCanvas(stream, scope);
    return { track, frames: new FrameSampler(scope, canvas, handlers, this.#now, this.#options) };
  }
};

// src/video-controller.ts
var ANSWER_TIMEOUT_MS = 5e3, MAX_UNANSWERED = 12, BROWSER_BACKEND = { makeCanvas: videoCanvas, readImage: readImageFile }, VideoController = class {
  #store;
  #notices;
  #bridge;
  #now;
  #startSession;
  #backend;
  #capture;
  /** Pictures that the kernel has not answered yet, by number. */
  #unanswered = /* @__PURE__ */ new Map();
  #sentMs = Number.NEGATIVE_INFINITY;
  /** Uses no device: that takes a click. `startSession` returns false where this page may not start one. */
  constructor(scope, store, notices, bridge, now2, begin, studio = BROWSER_BACKEND) {
    this.#store = store, this.#notices = notices, this.#bridge = bridge, this.#now = now2, this.#startSession = begin, this.#backend = studio, this.#capture = new VideoCapture(
      scope,
      {
        onState: (source, state, detail) => this.#onCaptureState(source, state, detail),
        onDevices: (devices, deviceId) => this.#update({ devices, deviceId }),
        onProblem: ({ notice }) => this.#notices.show(notice),
        isWanted: () => this.#canSend(),
        onFrame: (source, frame) => this.#send(source, frame),
        onUnchanged: () => this.#update({ progress: "unchanged" })
      },
      now2,
      (stream, inner) => this.#backend.makeCanvas(stream, inner)
    ), scope.listen(document, "visibilitychange", () => this.#onVisibility(!document.hidden)), scope.add(() => this.#setPreview(null));
  }
  /** True while camera or screen is on or asked for. */
  get usesDevice() {
    return this.#capture.source !== null;
  }
  toggle(source) {
    this.#capture.source === source ? this.#capture.stop() : this.#startSession() && (this.#notices.clear(...CAMERA_PROBLEMS, ...SCREEN_PROBLEMS), this.#capture.start(source));
  }
  sendFile(file) {
    this.#store.get().sees && this.#startSession() && (this.#notices.clear(NO_PICTURE.code), this.#sendFile(file));
  }
  pickCamera(deviceId) {
    this.#capture.pick(deviceId);
  }
  setSize(maxSide) {
    this.#update({ maxSide }), this.#applyOptions();
  }
  setQuality(percent) {
    this.#update({ quality: percent }), this.#applyOptions();
  }
  dismiss() {
    this.#setPreview(null);
  }
  /** Releases camera and screen. */
  stop() {
    this.#capture.stop();
  }
  /** The kernel reports what became of a picture. */
  onPicture(picture2, buffers) {
    let { source, number, width, height, tokens: tokens2, sent, reason } = picture2, mine = this.#unanswered.get(number), data = source === "python" ? buffers[0] : mine?.data;
    if (source !== "python" && this.#unanswered.delete(number), reason === "full" && this.#notices.show(TOO_MANY_PICTURES), sent && data) {
      let blob = new Blob([data], { type: "image/jpeg" }), url = URL.createObjectURL(blob);
      this.#setPreview({ source, url, width, height, bytes: blob.size, tokens: tokens2 }), this.#update({ progress: "sent", sent: this.#store.get().video.sent + 1 });
    } else !sent && mine && this.#update({ progress: reason === "unchanged" ? "unchanged" : "waiting" });
  }
  #canSend() {
    let { phase, owner, connected } = this.#store.get(), awaited = this.#unanswered.size > 0 && this.#now() - this.#sentMs < ANSWER_TIMEOUT_MS;
    return awaited && this.#now() - this.#sentMs > ANSWER_TIMEOUT_MS / 2 && this.#update({ progress: "waiting" }), phase === "live" && owner && connected && !awaited;
  }
  #send(source, { data, ...place }) {
    let body = { source, mime_type: "image/jpeg", ...place }, number = this.#bridge.sendFrame(body, data);
    this.#unanswered.set(number, { data, ...place });
    for (let old of [...this.#unanswered.keys()].slice(0, -MAX_UNANSWERED))
      this.#unanswered.delete(old);
    this.#sentMs = this.#now(), (source === "file" || this.#store.get().video.preview === null) && this.#update({ progress: "sending" });
  }
  async #sendFile(file) {
    let { maxSide, quality } = this.#store.get().video, frame = await this.#backend.readImage(file, maxSide, quality / 100);
    frame ? this.#send("file", frame) : this.#notices.show(NO_PICTURE);
  }
  #onCaptureState(source, state, detail) {
    let on = state === "asking" || state === "on", hidden = source === "camera" && document.hidden;
    if (this.#update({
      source: on ? source : null,
      state: state === "on" && hidden ? "hidden" : on ? state : "off"
    }), on)
      state === "on" && (this.#capture.pause(hidden), this.#setPreview(null), this.#update({ sent: 0 }));
    else {
      this.#unanswered.clear();
      let { preview: preview2 } = this.#store.get().video;
      (preview2?.source === "camera" || preview2?.source === "screen") && this.#setPreview(null), this.#update({ progress: this.#store.get().video.preview ? "sent" : "" });
    }
    this.#bridge.send({ lane: "control", kind: "camera", body: { source, state, detail } });
  }
  /** A camera pauses while the page is hidden; a shared screen goes on: it is usually another window. */
  #onVisibility(seen) {
    let { source, state } = this.#store.get().video;
    source === "camera" && (state === "on" || state === "hidden") && (this.#capture.pause(!seen), this.#update({ state: seen ? "on" : "hidden" }));
  }
  #applyOptions() {
    let { maxSide, quality } = this.#store.get().video;
    this.#capture.setOptions(maxSide, quality / 100);
  }
  #setPreview(preview2) {
    let before = this.#store.get().video.preview;
    before && URL.revokeObjectURL(before.url), this.#update({ preview: preview2, progress: preview2 ? this.#store.get().video.progress : "" });
  }
  #update(change) {
    this.#store.set({ video: { ...this.#store.get().video, ...change } });
  }
};

// src/app.ts
var TICK_MS = 250, IDLE_TICKS = 4, UNUSED_DEVICE_TICKS = 20, VIEW_GRACE_MS = 1500, MAX_TEXT = 1e5, LOOK_MS = 3e3, LOOK_SELDOM_MS = 3e4, SERVER_MS = 3e3, RESUME_MS = 6e4, RETRY_MS = 5e3, TAKING_MS = 3e3, ENDING_MS = 1e4, FINAL_LOSSES = ["restarted", "shut_down", "refused"], PASSING_LOSSES = [
  "looking",
  "offline",
  "server",
  "busy",
  "silent",
  "program",
  "closed"
];
function hideSavedTranscript(name2, scope, page = document) {
  if (!/^[\w-]+$/.test(name2))
    return;
  let style = page.createElement("style");
  style.textContent = `.${name2} { display: none !important; }`, page.head.append(style), scope.add(() => style.remove());
}
function jupyterApi(page = document) {
  try {
    let config = JSON.parse(page.getElementById("jupyter-config-data")?.textContent ?? "");
    return typeof config.baseUrl == "string" ? `${config.baseUrl.replace(/\/*$/, "")}/api/` : null;
  } catch {
    return null;
  }
}
async function findLoss(kernel, disconnected) {
  if (navigator.onLine === !1)
    return "offline";
  let api = jupyterApi();
  if (api === null || kernel === "")
    return "unknown";
  let answer;
  try {
    answer = await fetch(`${api}kernels/${encodeURIComponent(kernel)}`, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(SERVER_MS)
    });
  } catch {
    return "server";
  }
  if (answer.status === 404)
    return "shut_down";
  if (!answer.ok)
    return answer.status >= 500 ? "server" : "unknown";
  switch ((await answer.json().catch(() => ({}))).execution_state) {
    case "busy":
      return "busy";
    case "dead":
      return "shut_down";
    case "starting":
    case "restarting":
    case "autorestarting":
      return "restarted";
    default:
      return disconnected ? "restarted" : "silent";
  }
}
function lossOfPage({ way, reason }) {
  return way !== "socket" && (reason === "refused" || reason === "ended") ? reason === "refused" ? "refused" : "closed" : navigator.onLine === !1 ? "offline" : "program";
}
var App = class {
  scope = new Scope();
  store = createStore();
  bridge;
  explorer;
  video;
  #now = () => performance.now();
  #notices = new Notices(this.store);
  #audio;
  #lease;
  #link;
  #views = /* @__PURE__ */ new Set();
  #transcriptClass = "";
  #owner = "";
  /** The kernel's id, by which the notebook server knows it. */
  #kernel = "";
  /** When the host gave up the widget's connection; -∞ once the kernel has been heard of long enough after that. */
  #disconnectedMs = Number.NEGATIVE_INFINITY;
  /** ● was pressed before it was known who has the microphone. */
  #startedUnwelcomed = !1;
  #looking = !1;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lostMs = Number.NEGATIVE_INFINITY;
  /** Devices were on, or the conversation live, when the kernel was lost. */
  #lostWhileUsed = !1;
  /** A microphone to take again if the kernel is back soon. */
  #resume = null;
  #retryUntilMs = Number.NEGATIVE_INFINITY;
  /** Microphone and voice were asked for, and may still be said to be another page's. */
  #takingUntilMs = Number.NEGATIVE_INFINITY;
  #ticks = 0;
  #idleTicks = 0;
  /**
   * Uses no device: that takes a click. `link` is what `wire` belongs to, where messages may take more than one way; `page`
   * tells that there is no notebook around.
   */
  constructor(wire, link2 = null, page = !1) {
    this.#link = link2, this.#lease = new Lease(this.#now()), this.bridge = new Bridge(randomClientId(), wire, this.#now, {
      onMessage: (message) => this.#onMessage(message),
      onModelAudio: (turn, first, samples) => this.#audio.player.write(turn, first, samples),
      onFlush: (epoch, turn) => this.#onFlush(epoch, turn),
      onInsight: (message, buffers) => this.#onInsight(message, buffers),
      onAlive: () => this.#onAlive()
    }), this.explorer = new SettingsController(this.store, this.bridge, this.#now), this.#audio = new AudioController(this.scope, this.store, this.#notices, this.bridge, this.#now);
    let begin = () => this.#startForVideo();
    this.video = new VideoController(this.scope, this.store, this.#notices, this.bridge, this.#now, begin), this.store.set({ page, barred: isBarred() }), this.scope.interval(() => this.#tick(), TICK_MS), this.scope.listen(window, "pagehide", () => this.#onPageHidden()), this.scope.listen(
      window,
      "pageshow",
      ({ persisted }) => persisted && this.bridge.hello()
    );
    for (let change of ["online", "offline"])
      this.scope.listen(window, change, () => this.suspectDisconnect(!1));
    this.bridge.hello();
  }
  /** Draws the widget into `el`; the returned function removes it. */
  mount(el2, mount) {
    let view = this.scope.child();
    return this.#views.add(view), view.add(() => this.#onViewRemoved(view)), this.#hideTranscriptFor(view), mount(el2, this.store, this.#audio.levels, this, view), () => view.dispose();
  }
  /**
   * The connection to the kernel went down or came back: unless the kernel sends something soon, it counts as lost. `comm`
   * tells that the host said so of the widget's own connection.
   */
  suspectDisconnect(comm = !0) {
    comm && (this.#disconnectedMs = this.#now()), this.#lookedMs = Number.NEGATIVE_INFINITY, this.#lease.suspect(this.#now());
  }
  /** Messages take another way from now on: what may be lost on the last one goes again. */
  changeWay() {
    this.bridge.repeat(), this.#audio.changeWay(this.store.get().link.way === "socket" ? "socket" : "comm");
  }
  /** Shows which way messages take. */
  showLink(link2) {
    let had = this.store.get().link.way === "socket";
    this.store.set({ link: link2, browser: this.#link?.browserPage ?? null }), link2.way === "none" && (had || link2.reason === "refused") && this.suspectDisconnect();
  }
  onBrowserOpened() {
    this.#link?.refresh();
  }
  /** Ends everything: the widget's model was closed. */
  dispose() {
    this.scope.disposed || (this.#views.clear(), this.#leave(), this.#link?.dispose(), this.scope.dispose());
  }
  /** Begins to talk: starts the session, or takes microphone and voice from the page that has them. */
  start() {
    if (!this.store.get().connected) {
      this.#retry();
      return;
    }
    this.#startedUnwelcomed = !this.bridge.welcomed, this.#audio.player.unlock(), this.#notices.clear(...MICROPHONE_PROBLEMS), this.#isOwnedElsewhere() ? this.#takeAudio() : this.#requestStart(!0), this.#audio.startMicrophone();
  }
  #takeAudio() {
    this.#takingUntilMs = this.#now() + TAKING_MS, this.bridge.send({ lane: "control", kind: "take_audio", body: {} });
  }
  stop() {
    this.#releaseDevices(), this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }
  toggleMute() {
    this.#audio.microphone.mute(!this.#audio.microphone.muted);
  }
  sendText(text2) {
    let typed = text2.trim().slice(0, MAX_TEXT);
    typed !== "" && (this.#isOwnedElsewhere() || (this.#audio.player.unlock(), this.#requestStart(!1)), this.bridge.send({ lane: "control", kind: "text", body: { text: typed } }));
  }
  interrupt() {
    this.#audio.player.stopNow(), this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }
  pushToTalk(active) {
    active === this.store.get().holding || active && this.#isOwnedElsewhere() || (this.store.set({ holding: active }), active && (this.#audio.player.unlock(), this.#audio.microphone.isWanted || this.start()), this.#audio.pushToTalk(active));
  }
  setTurnTaking(mode) {
    this.store.set({ turnTaking: mode }), this.#audio.updateGate(), this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode } });
  }
  setVolume(volume) {
    this.#audio.player.setVolume(volume), this.store.set({ playback: { ...this.store.get().playback, volume } });
  }
  pickMicrophone(deviceId) {
    this.#audio.microphone.pick(deviceId);
  }
  dismissNotice(code) {
    this.#notices.clear(code);
  }
  confirm(id, allowed) {
    this.bridge.send({ lane: "control", kind: "confirm", body: { id, allowed } });
  }
  #onMessage(message) {
    switch (message.kind) {
      case "welcome":
        this.#onWelcome(message.body);
        break;
      case "state":
        this.#onState(message.body);
        break;
      case "turn":
        this.#onTurn(message.body);
        break;
      case "notice":
        this.#notices.showFromKernel(message.body);
        break;
      case "clear_notice":
        this.#notices.clear(message.body.code);
        break;
      case "heartbeat":
        if (this.#owner === this.bridge.client) {
          let { microphone_ack, microphone_resend, busy } = message.body;
          this.#audio.onHeartbeat(microphone_ack, microphone_resend, busy);
        }
        break;
      case "end":
        this.#audio.player.end(message.body.turn);
        break;
      default:
        this.explorer.onMessage(message);
    }
  }
  #onInsight(message, buffers) {
    message.kind === "socket_offer" ? this.#link?.offer(message.body) : message.kind === "picture" ? this.video.onPicture(message.body, buffers) : this.explorer.onInsight(message);
  }
  #onWelcome(welcome) {
    let { name: name2, speaker, turns } = welcome;
    if (this.store.set({ name: name2, speaker, turns }), this.#kernel = welcome.kernel, this.#notices.replace(welcome.notices), welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (let view of this.#views)
        this.#hideTranscriptFor(view);
    }
    let { owner, phase } = welcome;
    this.#startedUnwelcomed && owner !== "" && owner !== this.bridge.client && phase === "live" && this.#takeAudio(), this.#startedUnwelcomed = !1, this.#onState(welcome), this.explorer.onWelcome(welcome.explorer), this.#resumeMicrophone(), this.#link?.begin(this.bridge.client);
  }
  #onState(told) {
    let { phase, ending, floor, turn_taking, view, sees, model, badge, direct } = told, { suggestions: suggestions2, elapsed_ms, owner } = told, before = this.store.get(), liveSince = phase === "live" ? before.liveSince ?? this.#now() - elapsed_ms : null, mine = owner === this.bridge.client;
    this.#owner = owner;
    let elsewhere = owner !== "" && !mine;
    mine && (this.#takingUntilMs = Number.NEGATIVE_INFINITY), this.store.set({ phase, ending, floor, turnTaking: turn_taking, view, sees, model, badge, suggestions: suggestions2 }), this.store.set({ liveSince, direct, owner: mine, ownedElsewhere: elsewhere }), elsewhere ? this.#now() >= this.#takingUntilMs && this.#yieldToOwner(before.owner) : this.#notices.clear(OTHER_PAGE.code), phase === "ended" && before.phase !== "ended" && this.#onEnded(), this.#audio.onSession(phase === "live" || phase === "connecting");
  }
  #onTurn(turn) {
    let others = this.store.get().turns.filter((known) => known.index !== turn.index), place = others.findIndex((known) => known.index > turn.index);
    others.splice(place === -1 ? others.length : place, 0, turn), this.store.set({ turns: others });
  }
  #onFlush(epoch, turn) {
    turn !== null && this.#audio.levels.mark(), this.#audio.player.flush(epoch, turn);
  }
  #onAlive() {
    let back = !this.store.get().connected;
    this.#lease.renew(this.#now()), this.#now() - this.#disconnectedMs > ENDING_MS && (this.#disconnectedMs = Number.NEGATIVE_INFINITY), back && (this.store.set({ connected: !0, loss: "" }), this.#notices.clear(LOSSES.unknown.code), this.bridge.repeat(), this.bridge.hello(), this.#now() < this.#retryUntilMs && (this.#retryUntilMs = Number.NEGATIVE_INFINITY, this.start()));
  }
  /** True while a device is on or asked for. */
  get #usesDevices() {
    return this.#audio.microphone.isWanted || this.video.usesDevice;
  }
  /** True while another page has microphone and voice of a session. */
  #isOwnedElsewhere() {
    let { phase } = this.store.get(), runs = phase === "live" || phase === "connecting";
    return this.#owner !== "" && this.#owner !== this.bridge.client && runs;
  }
  /** Asks the kernel to start the session; its state messages follow. */
  #requestStart(microphone, claim = microphone) {
    let { phase } = this.store.get(), resting = phase === "idle" || phase === "ended";
    resting && (this.store.set({ phase: "connecting" }), this.#audio.onSession(null)), (resting || claim) && this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
  }
  /** Starts the session for a picture, with this page as its owner; false where another page owns it. */
  #startForVideo() {
    return this.#isOwnedElsewhere() ? (this.#notices.show(OTHER_PAGE), !1) : (this.#audio.player.unlock(), this.#requestStart(!1, this.#owner === ""), !0);
  }
  /** Releases all devices at once; none is taken again by itself. */
  #releaseDevices() {
    this.#resume = null, this.#audio.releaseDevices(), this.video.stop();
  }
  /** Releases microphone and camera at once; the model's audio may play to its end. */
  #onEnded() {
    this.#audio.microphone.stop(), this.video.stop(), this.#audio.closePlayerWhenDone();
  }
  /** Another page has taken microphone and voice; `had` tells that this one had them. */
  #yieldToOwner(had) {
    (this.#usesDevices || had) && this.#notices.show(OTHER_PAGE), this.#releaseDevices();
  }
  #leave() {
    this.#releaseDevices(), (this.#owner === "" || this.#owner === this.bridge.client) && this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }
  #onViewRemoved(view) {
    this.#views.delete(view), !(this.#views.size > 0 || this.scope.disposed) && (this.#audio.microphone.stop(), this.video.stop(), this.scope.timeout(() => {
      this.#views.size === 0 && this.#leave();
    }, VIEW_GRACE_MS));
  }
  #hideTranscriptFor(view) {
    this.#transcriptClass !== "" && hideSavedTranscript(this.#transcriptClass, view);
  }
  #tick() {
    this.#link?.tick(), FINAL_LOSSES.includes(this.store.get().loss) || this.bridge.tick(), this.#ticks += 1, (this.store.get().phase === "live" || this.store.get().phase === "connecting" || this.#ticks % IDLE_TICKS === 0) && this.#audio.reportPlayback(), this.store.get().phase === "ended" && this.#audio.closePlayerWhenDone(), this.#idleTicks = this.store.get().phase === "idle" && this.#usesDevices ? this.#idleTicks + 1 : 0, this.#idleTicks > UNUSED_DEVICE_TICKS && this.#releaseDevices(), this.#now() >= this.#takingUntilMs && this.#usesDevices && this.#isOwnedElsewhere() && this.#yieldToOwner(!1), !this.#lease.isValid(this.#now()) && (this.store.get().connected || this.#usesDevices) && this.#onConnectionLost();
    let { connected, loss } = this.store.get(), interval = PASSING_LOSSES.includes(loss) && this.#now() - this.#lostMs < RESUME_MS ? LOOK_MS : LOOK_SELDOM_MS;
    !connected && this.#now() - this.#lookedMs >= interval && this.#lookWhy();
  }
  /** Releases what hears and sees at once; what is left of an answer may play to its end. */
  #onConnectionLost() {
    let { microphone } = this.#audio;
    this.store.get().connected && (this.#lostWhileUsed = this.#usesDevices || this.store.get().phase === "live", microphone.isWanted && (this.#resume = { untilMs: Date.now() + RESUME_MS, muted: microphone.muted }), this.store.set({ connected: !1, loss: "looking" }), this.#lookedMs = Number.NEGATIVE_INFINITY, this.#lostMs = this.#now(), this.bridge.hello()), microphone.stop(), this.video.stop();
  }
  /** Looks why the kernel does not answer, and says so. */
  async #lookWhy() {
    if (this.#looking)
      return;
    this.#looking = !0;
    let { page, link: link2 } = this.store.get(), loss = page ? lossOfPage(link2) : await findLoss(this.#kernel, this.#disconnectedMs > Number.NEGATIVE_INFINITY);
    if (this.#looking = !1, this.#lookedMs = this.#now(), this.scope.disposed || this.store.get().connected)
      return;
    let asked = this.#now() < this.#retryUntilMs;
    (loss !== this.store.get().loss || asked) && (this.store.set({ loss }), (this.#lostWhileUsed || asked || page) && this.#showLoss(loss)), FINAL_LOSSES.includes(loss) ? (this.#resume = null, this.#audio.player.close()) : this.#audio.closePlayerWhenDone();
  }
  #showLoss(loss) {
    let { says } = this.store.get().link;
    this.#notices.show(loss === "refused" && says !== "" ? { ...LOSSES[loss], text: says } : LOSSES[loss]);
  }
  /** ● without a kernel that answers: looks again, says what to do, and begins if the kernel is back at once. */
  #retry() {
    let { loss } = this.store.get();
    this.#retryUntilMs = this.#now() + RETRY_MS, this.#lookedMs = this.#now(), loss !== "" && loss !== "looking" && this.#showLoss(loss), this.#link?.retry(), this.bridge.hello(), this.#lookWhy();
  }
  /** Takes the microphone again that was on when the kernel was lost, if the same conversation still goes on. */
  #resumeMicrophone() {
    let resume2 = this.#resume;
    this.#resume = null;
    let { phase, owner } = this.store.get();
    resume2 && phase === "live" && owner && Date.now() < resume2.untilMs && this.#audio.resumeMicrophone(resume2.muted);
  }
  /** The page is closed, or left for another one. */
  #onPageHidden() {
    this.#releaseDevices(), this.bridge.send({ lane: "control", kind: "bye", body: {} });
  }
};

// src/link.ts
var SILENT_MS = 1600, STANDSTILL_MS = 1500, OPENING_MS = 5e3, AGAIN_MS = [250, 500, 1e3, 5e3, 3e4, 6e4], PAGE_AGAIN_MS = [250, 500, 1e3, 2e3, 5e3], GOOD_MS = 1e3, OFFER_MS = 1e4, MAX_FAILURES = 3, REFRESH_MS = 45 * 6e4, KNOCK_MS = 5e3, KNOCKED_MS = 250, HERE = "livewidget", OPEN = 1;
function jupyterServer(page = document) {
  try {
    let text2 = page.getElementById("jupyter-config-data")?.textContent ?? "", { baseUrl, federated_extensions } = JSON.parse(text2);
    if (typeof baseUrl != "string")
      return null;
    let hasProxy = (Array.isArray(federated_extensions) ? federated_extensions : []).some(
      (one) => String(one?.name).endsWith("jupyter-server-proxy")
    );
    return { baseUrl: baseUrl.replace(/\/*$/, "/"), hasProxy };
  } catch {
    return null;
  }
}
var LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
function isLoopback(page = location) {
  return LOOPBACK.test(page.hostname);
}
function socketAddresses(port, path, page, server, allowed) {
  let addresses = [];
  if (server?.hasProxy) {
    let url = new URL(`${server.baseUrl}proxy/${port}${path}`, page.href);
    url.protocol = url.protocol.replace("http", "ws"), addresses.push({ url: url.href, proxied: !0 });
  }
  return (isLoopback(page) || allowed) && addresses.push({ url: `ws://127.0.0.1:${port}${path}`, proxied: !1 }), addresses;
}
function browserPage(offer, page, server, reached) {
  let { port, page_token: token } = offer;
  if (port === 0 || token === "")
    return null;
  if (server?.hasProxy && (page.protocol === "https:" || isLoopback(page))) {
    let { href } = new URL(`${server.baseUrl}proxy/${port}${offer.page}`, page.href);
    return { address: href, token, port: 0 };
  }
  return { address: `http://127.0.0.1:${port}${offer.page}`, token, port: reached ? 0 : port };
}
async function loopbackAllowed() {
  for (let name2 of ["loopback-network", "local-network-access"])
    try {
      let { state } = await navigator.permissions.query({ name: name2 });
      if (state === "granted")
        return !0;
    } catch {
    }
  return !1;
}
function knock(url, scope) {
  return new Promise((done) => {
    let watch = scope.child(), frame = document.createElement("iframe");
    frame.hidden = !0, frame.setAttribute("sandbox", "allow-scripts");
    let end = (found) => {
      done(found), watch.dispose();
    };
    watch.add(() => frame.remove()), watch.listen(window, "message", ({ source, data }) => {
      source === frame.contentWindow && data === HERE && end("here");
    }), frame.onload = () => watch.timeout(() => end("nobody"), KNOCKED_MS), watch.timeout(() => end("silence"), KNOCK_MS), frame.src = url, document.body.append(frame);
  });
}
var doorOf = (url) => url.replace(/^ws/, "http").replace(/socket$/, "here"), ADMIT_MS = 5e3, TAB = "livewidget.tab";
function tabName() {
  let fresh = randomClientId();
  try {
    let known = sessionStorage.getItem(TAB) ?? fresh;
    return sessionStorage.setItem(TAB, known), known;
  } catch {
    return fresh;
  }
}
function takeToken() {
  let token = location.hash.slice(1);
  return token !== "" && history.replaceState(null, "", location.pathname + location.search), token;
}
function pageServer() {
  let url = new URL("socket", location.href);
  return url.protocol = url.protocol.replace("http", "ws"), url.search = location.search, {
    url: url.href,
    tab: tabName(),
    async admit(token = "") {
      let answer = await fetch("session", {
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(ADMIT_MS)
      });
      if (answer.ok)
        return "";
      if (answer.status >= 500)
        throw new Error(`The server failed: ${answer.status}.`);
      return (await answer.text()).trim().slice(0, 500) || NOT_ADMITTED;
    }
  };
}
var NOT_ADMITTED = "This page may not join the conversation. Open it anew, from the notebook or the terminal.", Link = class {
  #comm;
  #handlers;
  #now;
  #page;
  #knock;
  #scope = new Scope();
  #knocking = !1;
  #client = "";
  #disposed = !1;
  #state;
  #connection = null;
  #offer = null;
  #offeredAt = Number.NEGATIVE_INFINITY;
  /** What is left to be tried with the last offer. */
  #candidates = [];
  /** For coming back without the comm. */
  #spare = null;
  /** Where the last offer could be taken. */
  #addresses = [];
  /** Failures of a kind of address that has never worked; 0 once it has. */
  #failures = /* @__PURE__ */ new Map();
  /** Why no socket was found. */
  #failed = "refused";
  #askedAt = Number.NEGATIVE_INFINITY;
  #asks = 0;
  #tries = 0;
  #againAt = Number.POSITIVE_INFINITY;
  #heardAt = 0;
  #tickedAt;
  /** When the comm brought something. */
  #commAt = Number.NEGATIVE_INFINITY;
  /** `comm` is null in a page without a notebook, which has a `page` server instead. */
  constructor(comm, handlers, now2, page = null, look = knock) {
    this.#comm = comm, this.#handlers = handlers, this.#now = now2, this.#page = page, this.#knock = look, this.#tickedAt = now2(), this.#state = { way: comm ? "comm" : "none", proxied: !1, reason: comm ? "" : "opening", says: "" };
  }
  get state() {
    return this.#state;
  }
  /** The conversation's page for a browser; null before the kernel has offered it, and in that page itself. */
  get browserPage() {
    let nobody = this.#failures.get("direct") === MAX_FAILURES;
    return this.#offer && browserPage(this.#offer, location, jupyterServer(), isLoopback() && !nobody);
  }
  /** Sends on the way that is in use. In a page without one, nothing: what matters is repeated later. */
  send = (content, buffers) => {
    this.#state.way === "socket" && this.#connection?.socket.readyState === OPEN ? this.#connection.socket.send(pack(content, buffers)) : this.#comm?.(content, buffers);
  };
  /** The comm brought a message. */
  heardOnComm() {
    this.#commAt = this.#now();
  }
  /** The kernel has welcomed this page: from now on a socket may be looked for. Later calls change nothing. */
  begin(client) {
    this.#client !== "" || this.#disposed || (this.#client = client, this.#page ? this.#openPage() : this.#ask());
  }
  /** The person asks for it: a page that was refused may be let in by now. */
  retry() {
    this.#page && this.#state.reason === "refused" && !this.#connection && this.#againAt === Number.POSITIVE_INFINITY && this.#retryPage();
  }
  /** Asks the kernel for another offer: the address of its page has been used. */
  refresh() {
    this.#client !== "" && !this.#page && (this.#offeredAt = Number.NEGATIVE_INFINITY, this.#ask());
  }
  /** The kernel's offer, to whichever page. */
  offer(body) {
    if (this.#client === "" || body.client !== this.#client || this.#page || this.#disposed)
      return;
    let asked = this.#askedAt > this.#offeredAt;
    if (this.#offer = body, this.#offeredAt = this.#now(), this.#asks = 0, this.#set({}), body.reason !== "" || body.port === 0) {
      this.#again(null), this.#connection || this.#set({ way: "comm", reason: body.reason || "unavailable" });
      return;
    }
    if (this.#connection?.proven) {
      let { address } = this.#connection;
      this.#spare = { address, ticket: { token: body.token, proof: body.proof } };
    } else asked && !this.#connection && (this.#again(null), this.#tryOffer(body));
  }
  /** To be called a few times a second. */
  tick() {
    let now2 = this.#now(), stoodStill = now2 - this.#tickedAt > STANDSTILL_MS;
    if (this.#tickedAt = now2, this.#disposed || this.#client === "")
      return;
    let connection = this.#connection;
    if (connection?.proven ? (stoodStill && (this.#heardAt = Math.max(this.#heardAt, now2 - SILENT_MS / 2)), now2 - this.#heardAt > SILENT_MS ? this.#end(connection, null) : now2 - connection.since > GOOD_MS && (this.#tries = 0)) : connection && now2 - connection.since > OPENING_MS && this.#end(connection, null), now2 >= this.#againAt && !this.#connection && !this.#knocking)
      if (this.#again(null), this.#page)
        this.#openPage();
      else if (this.#spare) {
        let { address, ticket } = this.#spare;
        this.#spare = null, this.#try(address, ticket);
      } else now2 - this.#commAt > SILENT_MS ? this.#again(SILENT_MS) : this.#ask();
    this.#askAgain(now2);
  }
  dispose() {
    this.#disposed = !0, this.#scope.dispose(), this.#again(null);
    let connection = this.#connection;
    this.#connection = null, connection?.socket.close();
  }
  #ask() {
    let { origin } = globalThis;
    if (!origin || origin === "null") {
      this.#set({ way: "comm", reason: "unreachable" });
      return;
    }
    this.#askedAt = this.#now(), this.#connection || this.#set({ way: "comm", reason: "asking" }), this.#handlers.onAsk(origin);
  }
  /** Asks again for an offer that did not come, or that is growing old, while the kernel can answer. */
  #askAgain(now2) {
    if (this.#page || this.#state.way !== "socket" && now2 - this.#commAt > SILENT_MS)
      return;
    let wait = this.#askedAt > this.#offeredAt ? OFFER_MS * 2 ** Math.min(this.#asks, 3) : REFRESH_MS;
    now2 - this.#askedAt > wait && (this.#asks += 1, this.#ask());
  }
  async #tryOffer(offer) {
    let allowed = !isLoopback() && await loopbackAllowed();
    if (this.#disposed || this.#connection || this.#knocking || this.#offer !== offer)
      return;
    let path = `${offer.page}socket`, ticket = { token: offer.token, proof: offer.proof }, all = socketAddresses(offer.port, path, location, jupyterServer(), allowed);
    if (all.length === 0) {
      this.#set({ way: "comm", reason: "unreachable" });
      return;
    }
    this.#addresses = all, this.#candidates = this.#hopeful().map((address) => ({ address, ticket })), this.#tryNext() || this.#set({ way: "comm", reason: this.#failed });
  }
  /** The addresses that work, or that have not shown yet that they do not. */
  #hopeful() {
    return this.#addresses.filter((address) => (this.#failures.get(kindOf(address)) ?? 0) < MAX_FAILURES);
  }
  /** Tries the next candidate; false if there is none. */
  #tryNext() {
    let next = this.#candidates.shift();
    return next && this.#try(next.address, next.ticket), next !== void 0;
  }
  async #openPage() {
    let page = this.#page;
    if (this.#tries > 0) {
      let sentence;
      try {
        sentence = await page.admit();
      } catch {
        this.#set({ way: "none", reason: this.#state.reason === "ended" ? "ended" : "broken" }), this.#retryPage();
        return;
      }
      if (this.#disposed)
        return;
      if (sentence !== "") {
        this.#set({ way: "none", reason: "refused", says: sentence });
        return;
      }
    }
    this.#open({ url: page.url, proxied: !1 }, { token: "", proof: null });
  }
  #retryPage() {
    this.#again(PAGE_AGAIN_MS[Math.min(this.#tries, PAGE_AGAIN_MS.length - 1)]), this.#tries += 1;
  }
  #try(address, ticket) {
    address.proxied ? this.#open(address, ticket) : this.#knockAndOpen(address, ticket);
  }
  async #knockAndOpen(address, ticket) {
    this.#knocking = !0, this.#set({ way: "opening", reason: "opening", proxied: !1 });
    let found = await this.#knock(doorOf(address.url), this.#scope);
    this.#knocking = !1, !(this.#disposed || this.#connection) && (found === "here" ? this.#open(address, ticket) : this.#fail(address, found === "nobody"));
  }
  #open(address, ticket) {
    let socket;
    try {
      socket = new WebSocket(address.url);
    } catch {
      this.#fail(address, !0);
      return;
    }
    socket.binaryType = "arraybuffer";
    let connection = { socket, address, ticket, since: this.#now(), proven: !1 };
    this.#connection = connection, this.#set({ way: this.#comm ? "opening" : "none", reason: "opening", proxied: address.proxied });
    let opened = !1;
    socket.onopen = () => {
      opened = !0;
      let tab = this.#page?.tab ?? "";
      socket.send(JSON.stringify({ client: this.#client, tab, token: ticket.token }));
    }, socket.onclose = ({ code }) => this.#end(connection, code, opened), socket.onmessage = ({ data }) => {
      this.#connection === connection && (this.#heardAt = this.#now(), connection.proven ? this.#receive(data) : this.#takeProof(connection, data));
    };
  }
  #receive(data) {
    let message;
    try {
      message = unpack(data);
    } catch {
      console.error("livewidget: a message on the socket cannot be read.");
      return;
    }
    this.#handlers.onMessage(message.content, message.buffers);
  }
  /** The first frame of the server: nothing but the ticket is sent before it. */
  #takeProof(connection, data) {
    let { proof } = connection.ticket, told = {};
    try {
      told = Object(JSON.parse(String(data)));
    } catch {
    }
    if (typeof told.error == "string") {
      this.#leave(connection), this.#spare = null, this.#page ? this.#set({ way: "none", reason: "refused", says: told.error }) : this.#fail(connection.address, !1);
      return;
    }
    if (typeof told.proof != "string" || proof !== null && told.proof !== proof) {
      this.#leave(connection), this.#failures.set(kindOf(connection.address), MAX_FAILURES), this.#failed = "stranger", this.#set({ way: this.#comm ? "comm" : "none", reason: "stranger" }), this.#retry();
      return;
    }
    connection.proven = !0, connection.since = this.#now(), this.#candidates = [], this.#failures.set(kindOf(connection.address), 0), this.#spare = isTicket(told.next) ? { address: connection.address, ticket: { token: told.next.token, proof: told.next.proof } } : null, this.#set({ way: "socket", reason: "", says: "", proxied: connection.address.proxied }), this.#handlers.onChanged();
  }
  /** Closes a socket of ours; nothing of it is listened to any more. */
  #leave({ socket }) {
    socket.onopen = socket.onclose = socket.onmessage = null, socket.close(), this.#connection = null;
  }
  /** A socket ended, by `code`, or is given up where that is null. */
  #end(connection, code, opened = !0) {
    if (this.#connection !== connection)
      return;
    if (this.#leave(connection), !connection.proven) {
      code === 1008 && (this.#spare = null), this.#fail(connection.address, !opened);
      return;
    }
    let ended = code === 1001 || code === 1011 || code === 1012;
    (ended || code === 1008 || code === 1013) && (this.#spare = null), code === 1013 && (this.#tries = AGAIN_MS.length - 2);
    let reason = ended ? "ended" : "broken";
    if (this.#set({ way: this.#comm ? "comm" : "none", reason, proxied: !1 }), this.#page) {
      this.#retryPage();
      return;
    }
    this.#handlers.onBroken(connection.ticket.proof ?? ""), this.#handlers.onChanged(), this.#again(this.#nextWait());
  }
  /** An address did not lead to a socket. `refused`: nobody listens there, or the browser does not allow it. */
  #fail(address, refused) {
    if (this.#page) {
      this.#set({ way: "none", reason: this.#state.reason === "ended" ? "ended" : "broken" }), this.#retryPage();
      return;
    }
    let kind = kindOf(address), worked = this.#failures.get(kind) === 0;
    worked || this.#failures.set(kind, refused ? MAX_FAILURES : (this.#failures.get(kind) ?? 0) + 1), !this.#tryNext() && (this.#set({ way: "comm", reason: worked ? "broken" : this.#failed, proxied: !1 }), this.#retry());
  }
  /** Plans to ask the kernel again, if there is an address left that may work. */
  #retry() {
    this.#again(this.#comm && this.#hopeful().length > 0 ? this.#nextWait() : null);
  }
  #nextWait() {
    let wait = AGAIN_MS[Math.min(this.#tries, AGAIN_MS.length - 1)];
    return this.#tries += 1, wait;
  }
  #again(wait) {
    this.#againAt = wait === null ? Number.POSITIVE_INFINITY : this.#now() + wait;
  }
  #set(change) {
    this.#state = { ...this.#state, ...change }, this.#handlers.onState(this.#state);
  }
}, kindOf = ({ proxied }) => proxied ? "proxied" : "direct";
function isTicket(value) {
  let { token, proof } = Object(value);
  return typeof token == "string" && typeof proof == "string";
}
var encoder = new TextEncoder(), decoder = new TextDecoder();
function pack(content, buffers) {
  let text2 = JSON.stringify(content);
  if (!buffers[0])
    return text2;
  let head = encoder.encode(text2), frame = new Uint8Array(4 + head.length + buffers[0].byteLength);
  return new DataView(frame.buffer).setUint32(0, head.length, !0), frame.set(head, 4), frame.set(new Uint8Array(buffers[0]), 4 + head.length), frame;
}
function unpack(frame) {
  if (typeof frame == "string")
    return { content: JSON.parse(frame), buffers: [] };
  let length = new DataView(frame).getUint32(0, !0);
  return { content: JSON.parse(decoder.decode(new Uint8Array(frame, 4, length))), buffers: [new DataView(frame, 4 + length)] };
}

// src/views/dom.ts
function el(tag, className = "", attributes = {}, ...children) {
  let node = document.createElement(tag);
  className && (node.className = className);
  for (let [name2, value] of Object.entries(attributes))
    node.setAttribute(name2, value);
  return node.append(...children), node;
}
function button(className, label, ...children) {
  return el("button", className, { type: "button", "aria-label": label, title: label }, ...children);
}
function name(node, label, title = label) {
  attribute(node, "aria-label", label), attribute(node, "title", title);
}
function text(node, value) {
  node.textContent !== value && (node.textContent = value);
}
function attribute(node, key, value) {
  node.getAttribute(key) !== value && (value === null ? node.removeAttribute(key) : node.setAttribute(key, value));
}
function show(node, visible) {
  node.hidden === visible && (node.hidden = !visible);
}
var ids = 0;
function freshId(part) {
  return ids += 1, `livewidget-${ids}-${part}`;
}
var PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  silent: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M4.5 3.5l15 17",
  send: "M12 19V5.5M6 11.5l6-6 6 6",
  settings: "M4 8h7M17 8h3M4 16h2M12 16h8M11 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M6 16a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  compass: "M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17zM15.8 8.2l-2.4 5.2-5.2 2.4 2.4-5.2z",
  camera: "M5.5 6.5H13a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H5.5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM15 10.8l5.5-3.3v9L15 13.2",
  screen: "M4.8 5h14.4A1.8 1.8 0 0 1 21 6.8v8.4a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V6.8A1.8 1.8 0 0 1 4.8 5zM8.5 20.5h7M12 17v3.5",
  picture: "M5.5 4.5h13a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM3.8 16.8l4.7-4.8 4 4 2.5-2.4 5.2 4.9M15.6 8.7h.01",
  undo: "M5 9.5h9a5 5 0 0 1 0 10h-4M8.5 5.5L4.5 9.5l4 4",
  code: "M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  down: "M12 5v13.5M6 12.5l6 6 6-6",
  copy: "M9 9h10.5v11H9zM15 9V4.5H4.5V15H9"
};
function svg(tag, attributes, ...children) {
  let node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (let [key, value] of Object.entries(attributes))
    node.setAttribute(key, value);
  return node.append(...children), node;
}
function icon(picture2, size = 20) {
  let side = String(size);
  return svg(
    "svg",
    { class: "lw-icon", width: side, height: side, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: PATHS[picture2] })
  );
}
function picture(glyph, to) {
  attribute(glyph.firstElementChild, "d", PATHS[to]);
}
function patchKeyed(list, nodes, items, how) {
  let changed = !1;
  if (nodes.size > items.length || items.some((item) => !nodes.has(how.key(item)))) {
    let kept = new Set(items.map(how.key));
    for (let [key, node] of nodes)
      kept.has(key) || (node.element.remove(), nodes.delete(key), changed = !0);
  }
  let place = list.firstElementChild;
  for (let item of items) {
    let node = nodes.get(how.key(item));
    node || (node = how.make(item), nodes.set(how.key(item), node)), node.element === place ? place = place.nextElementSibling : list.insertBefore(node.element, place), changed = how.update(node, item) || changed;
  }
  return changed;
}
function patchList(list, made, items, make, update) {
  for (; made.length > items.length; )
    made.pop().element.remove();
  items.forEach((item, index) => {
    let node = made[index];
    node || (node = make(), made.push(node), list.append(node.element)), update(node, item);
  });
}
function onResize(scope, changed, ...elements) {
  if (typeof ResizeObserver < "u") {
    let observer = new ResizeObserver(changed);
    for (let element of elements)
      observer.observe(element);
    scope.add(() => observer.disconnect());
  }
}
function onEscape(scope, node, handle) {
  scope.listen(node, "keydown", (event) => {
    event.key === "Escape" && handle() && event.preventDefault();
  });
}
function sharpContext(canvas) {
  let context = canvas.getContext("2d");
  if (!context || canvas.clientWidth === 0)
    return null;
  let density = devicePixelRatio || 1, [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * density));
  return (canvas.width !== width || canvas.height !== height) && (canvas.width = width, canvas.height = height), context.setTransform(density, 0, 0, density, 0, 0), context;
}
function selectContents(node) {
  let range = document.createRange();
  range.selectNodeContents(node);
  let selection = getSelection();
  selection?.removeAllRanges(), selection?.addRange(range);
}
function confirmation(label, status2, scope, ms) {
  let idle = label.textContent, cancel = () => {
  };
  return (result) => {
    text(label, result), text(status2, result), cancel(), cancel = scope.timeout(() => {
      text(label, idle), text(status2, "");
    }, ms);
  };
}

// src/views/format.ts
var ANSI = (
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with one.
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g
), CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, LINES = /\r\n?|[\u2028\u2029\u0085]/g, UNSEEN = /(\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f})|[\u{ad}\u{180e}\u{200b}\u{2060}-\u{2065}\u{206a}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e007f}]/gu, BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
function clean(text2, longest = 2e4) {
  return (text2.length > longest ? `${text2.slice(0, longest)}…` : text2).replace(ANSI, "").replace(LINES, `
`).replace(CONTROLS, "").replace(UNSEEN, "$1").replace(BIDI, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`).replace(LONE_SURROGATE, "�");
}
function cleanLine(text2, longest = 200) {
  return clean(text2, longest).replace(/\s+/g, " ").trim();
}
function elapsedTime(ms) {
  let seconds = Math.max(0, Math.floor(ms / 1e3)), two = (value) => String(value).padStart(2, "0"), hours = Math.floor(seconds / 3600), rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
var ANSWERED_IN = "From the end of your words to the first sound you heard";
function latency(ms) {
  let seconds = Math.max(0, ms) / 1e3;
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0)} s`;
}
function duration(ms) {
  return ms < 1 ? "< 1 ms" : ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1e3).toFixed(1)} s`;
}
function bytes(count) {
  return count < 1e3 ? `${count} bytes` : count < 999500 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
function firstSentence(text2) {
  let match = /^(.+?[.!?…])\s+(\S.*)$/s.exec(text2);
  return match ? [match[1], match[2]] : [text2, ""];
}
function badgeParts(text2) {
  let at = text2.indexOf(" · ");
  return at < 0 ? [text2, ""] : [text2.slice(0, at), text2.slice(at)];
}
function tokens(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "token" : "tokens"}`;
}
function dollars(amount) {
  return amount > 0 && amount < 1e-3 ? "< $0.001" : `~$${amount.toFixed(amount < 0.1 ? 3 : 2)}`;
}
function remaining(ms) {
  let seconds = Math.max(0, Math.ceil(ms / 1e3));
  return seconds > 90 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}
var languageNames = /* @__PURE__ */ new Map();
function languageName(code) {
  let name2 = languageNames.get(code);
  return name2 === void 0 && (name2 = lookUpLanguage(code), languageNames.set(code, name2)), name2;
}
function lookUpLanguage(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
function languageTag(code) {
  return /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(code) ? code : null;
}

// src/views/tool.ts
var GLANCE = { characters: 400, lines: 8, name: 60, arguments: 8 };
function argumentList(opened) {
  let element = el("dl", "lw-arguments"), known = "", folds = 0, fold = (label, open) => {
    folds += 1;
    let more = button("lw-fold", label, label);
    return more.onclick = () => {
      folds -= 1;
      let whole = open();
      more.remove(), whole.tabIndex = -1, whole.focus({ preventScroll: !0 }), opened();
    }, more;
  }, row2 = (argument) => {
    let [key, whole] = [shownWhole(argument.name), shownWhole(argument.value)], head = glance(whole), heading = el("dt", "", {}, key.slice(0, GLANCE.name)), value = el("dd", "", {}, el("span", "lw-value", {}, head));
    return (head !== whole || key.length > GLANCE.name) && (heading.append(key.length > GLANCE.name ? "…" : ""), value.append(
      fold(`Show all ${(key.length + whole.length).toLocaleString("en")} characters`, () => (text(heading, key), text(value.firstElementChild, whole), value))
    )), [heading, value];
  };
  return {
    element,
    isWhole: () => folds === 0,
    update(use) {
      let all = use.arguments.length > 0 || !use.args ? use.arguments : [{ name: "", value: use.args }], now2 = JSON.stringify([use.id, all]);
      if (now2 === known)
        return;
      known = now2, folds = 0, element.replaceChildren(...all.slice(0, GLANCE.arguments).flatMap(row2));
      let rest = all.slice(GLANCE.arguments);
      if (rest.length > 0) {
        let more = el("dd", "lw-more"), label = `Show ${rest.length} more ${rest.length === 1 ? "argument" : "arguments"}`;
        more.append(
          fold(label, () => {
            let rows = rest.flatMap(row2);
            return more.replaceWith(...rows), rows[0];
          })
        ), element.append(more);
      }
      show(element, all.length > 0);
    }
  };
}
function shownWhole(value) {
  return clean(value, Number.POSITIVE_INFINITY);
}
function glance(value) {
  let head = value.split(`
`).slice(0, GLANCE.lines).join(`
`).slice(0, GLANCE.characters);
  return head.length < value.length ? `${head}…` : value;
}
function approvalQuestion(actions) {
  let words = el("span", "lw-question-words"), yes = button("lw-answer", "Allow", "Allow"), no = button("lw-answer", "Don't", "Don't"), asked = null, answered = !1, elsewhere = !1, refresh = () => {
    yes.disabled = !given.isWhole(), text(
      words,
      elsewhere ? "asked in another page" : given.isWhole() ? "May it run?" : "May it run? To allow it, first open what is folded."
    );
  }, given = argumentList(refresh), answers = el("span", "lw-answers", {}, words, yes, no), element = el("div", "lw-question", { role: "group" }, given.element, answers), answer = (event, allowed) => {
    asked !== null && !answered && event.detail < 2 && (answered = !0, actions.confirm(asked, allowed));
  };
  return yes.onclick = (event) => answer(event, !0), no.onclick = (event) => answer(event, !1), {
    element,
    update(use, state) {
      let another = asked !== (use?.id ?? null);
      if (another && (asked = use?.id ?? null, answered = !1), another && element.contains(document.activeElement) && element.closest(".livewidget")?.focus({ preventScroll: !0 }), show(element, use !== null), use === null)
        return;
      let called = cleanLine(use.name, 80);
      name(yes, `Allow ${called}`), name(no, `Don't allow ${called}`), element.setAttribute("aria-label", `May ${called} run?`), elsewhere = state.ownedElsewhere, given.update(use), refresh(), show(yes, !elsewhere), show(no, !elsewhere);
    }
  };
}
function pendingApprovals(state) {
  return state.phase === "live" ? state.turns.flatMap((turn) => turn.tools.filter((use) => use.state === "asking")) : [];
}
var MAX_SUMMARY = 240;
function toolList(actions) {
  let element = el("ul", "lw-tools", { "aria-label": "Tools" }), chips = [];
  return {
    element,
    update(uses, state) {
      patchList(
        element,
        chips,
        uses,
        () => makeChip(actions),
        (chip, use) => chip.update(use, state)
      ), show(element, uses.length > 0);
    }
  };
}
function makeChip(actions) {
  let [call, rest] = [el("b"), el("span")], ask = approvalQuestion(actions), element = el("li", "lw-chip", {}, el("span", "lw-call", {}, call, rest), ask.element);
  return {
    element,
    update(use, state) {
      let known = use.state in OUTCOMES ? use.state : "running";
      attribute(element, "data-state", known), text(call, cleanLine(use.name, 80)), text(rest, known === "asking" ? "" : `(${cleanLine(use.args, MAX_SUMMARY)})${OUTCOMES[known](use)}`), ask.update(known === "asking" ? use : null, state);
    }
  };
}
var OUTCOMES = {
  asking: () => "",
  running: (use) => ` … ${cleanLine(use.updates.at(-1) ?? "", MAX_SUMMARY)}`.trimEnd(),
  done: (use) => ` → ${cleanLine(use.result ?? "None", MAX_SUMMARY)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", MAX_SUMMARY)}`,
  refused: () => " did not run",
  cancelled: () => " cancelled"
};

// src/views/status.ts
function status(state) {
  if (!state.connected) {
    let { word } = LOST[state.loss];
    return { word, tone: FINDS_BACK.includes(state.loss) ? "warn" : "error" };
  }
  switch (state.phase) {
    case "idle":
      return { word: "ready", tone: "off" };
    case "connecting":
      return { word: "connecting…", tone: "wait" };
    case "ended":
      return { word: ENDED2[state.ending][0], tone: "off" };
    case "live":
      return liveStatus(state);
  }
}
var LOOK_AGAIN = "Look for the kernel again", RUN_AGAIN = { hint: "Run this cell to talk again.", button: "Run this cell to talk again" }, NO_ANSWER = { word: "no answer", cause: "The kernel does not answer." }, LOST = {
  "": { ...NO_ANSWER, hint: "The kernel does not answer.", button: LOOK_AGAIN },
  looking: { ...NO_ANSWER, hint: "No answer from the kernel; looking why…", button: LOOK_AGAIN },
  offline: {
    word: "offline",
    cause: "You are offline.",
    hint: "Check your network; it goes on by itself.",
    button: LOOK_AGAIN
  },
  server: {
    word: "no server",
    cause: "The notebook server does not answer.",
    hint: "Wait for the server; it goes on by itself.",
    button: LOOK_AGAIN
  },
  busy: {
    word: "kernel busy",
    cause: "The kernel is busy.",
    hint: "Wait, or interrupt the running cell.",
    button: LOOK_AGAIN
  },
  restarted: { word: "restarted", cause: "The kernel was restarted.", ...RUN_AGAIN },
  shut_down: { word: "no kernel", cause: "The kernel was shut down.", ...RUN_AGAIN },
  silent: { ...NO_ANSWER, hint: "Wait, or run this cell to talk again.", button: LOOK_AGAIN },
  unknown: { ...NO_ANSWER, ...RUN_AGAIN },
  program: {
    word: "no answer",
    cause: "The program does not answer.",
    hint: "Wait for the program; it goes on by itself.",
    button: "Look for the program again"
  },
  closed: {
    word: "closed",
    cause: "This conversation was closed.",
    hint: "Start it again where you started it.",
    button: "Look for the program again"
  },
  refused: {
    word: "not admitted",
    cause: "This page may not join any more.",
    hint: "Open this page anew.",
    button: "Open this page anew"
  }
}, FINDS_BACK = ["", "looking", "offline", "server", "busy", "silent", "program"], ENDED2 = {
  "": ["ended", "The talk has ended. Press ● to start again."],
  stopped: ["ended", "The talk has ended. Press ● to start again."],
  never_opened: ["not connected", "No connection. Press ● to try again."],
  interrupted: ["broken off", "The talk broke off. Press ● to go on."]
};
function liveStatus(state) {
  switch (state.floor) {
    case "model":
      return state.owner && state.sound.player !== null ? playerStatus(state.sound.player) : { word: state.view === "translation" ? "translating" : "speaking", tone: "model-sounding" };
    case "thinking":
      return { word: "thinking…", tone: "model" };
    case "tool":
      return isAsked(state) ? { word: "asking you", tone: "warn" } : { word: "using a tool", tone: "model" };
    case "user":
      return deafStatus(state) ?? { word: "hearing you", tone: "you-sounding" };
    case "listening":
      return deafStatus(state) ?? microphoneStatus(state) ?? { word: "listening", tone: "you" };
  }
}
function playerStatus(fault) {
  return hasNoPlayer(fault) ? { word: "answering", tone: "model" } : { word: "not heard", tone: "warn" };
}
function hasNoPlayer(fault) {
  return fault === "not-secure" || fault === "missing";
}
function deafStatus(state) {
  return isDeaf(state) ? { word: "not hearing", tone: "warn" } : null;
}
function isDeaf({ microphone, sound }) {
  return sound.microphone !== null && (microphone.state === "on" || microphone.state === "paused");
}
function microphoneStatus(state) {
  switch (state.microphone.state) {
    case "muted":
      return { word: "muted", tone: "off" };
    case "paused":
      return { word: "paused", tone: "warn" };
    case "asking":
      return { word: "asking…", tone: "wait" };
    case "off":
      return state.ownedElsewhere ? null : { word: acceptsText(state) ? "typing only" : "not hearing", tone: "off" };
    case "refused":
    case "missing":
      return { word: acceptsText(state) ? "typing only" : "not hearing", tone: "off" };
    default:
      return null;
  }
}
function isMirror(state) {
  return state.ownedElsewhere && (state.phase === "live" || state.phase === "connecting");
}
function canInterrupt(state) {
  return state.connected && state.phase === "live" && state.floor === "model" && state.view === "talk";
}
function acceptsText(state) {
  return state.view === "talk";
}
function canPushToTalk(state) {
  return state.connected && state.phase === "live" && state.owner && state.turnTaking === "push_to_talk" && // While the kernel is busy a press goes on: what is said is kept.
  ["on", "muted", "paused"].includes(state.microphone.state) && state.sound.microphone !== "stopped";
}
function noMicrophoneHint(state) {
  return acceptsText(state) ? "You can type; press ● to try again." : "Press ● to try again.";
}
function lacksMicrophone(state) {
  return state.microphone.state === "refused" || state.microphone.state === "missing";
}
function hint(state) {
  if (!state.connected)
    return LOST[state.loss].hint;
  if (isMirror(state))
    return "In another page. Press ● to talk here.";
  switch (state.phase) {
    case "idle":
      return lacksMicrophone(state) ? noMicrophoneHint(state) : state.barred ? "This page gets no microphone." : "● asks the browser for the microphone.";
    case "connecting":
      return state.microphone.state === "on" && !isDeaf(state) && state.turnTaking === "automatic" ? "Connecting; you can talk already." : "The browser may ask for the microphone.";
    case "ended":
      return ENDED2[state.ending][1];
    case "live":
      return liveHint(state);
  }
}
function isAsked(state) {
  return !state.ownedElsewhere && pendingApprovals(state).length > 0;
}
var MICROPHONE_HINTS = {
  suspended: "Not heard: click this card to go on.",
  interrupted: "Not heard: click this card to go on.",
  muted: "Not heard: unmute it outside this page.",
  stopped: "Not heard: press ● to restart the microphone.",
  silent: "No sound comes: check the microphone's switch."
}, PLAYER_HINTS = {
  blocked: "Click to hear the voice.",
  suspended: "Click to hear the voice.",
  interrupted: "Click to hear the voice.",
  stalled: "Check the sound output: no voice.",
  "not-secure": "Type and read: no sound here.",
  missing: "Read the answers: no voice."
};
function soundHint(state) {
  let { microphone, player } = state.sound;
  return microphone !== null && isDeaf(state) ? MICROPHONE_HINTS[microphone] : player === null ? null : PLAYER_HINTS[player];
}
function liveHint(state) {
  if (isAsked(state))
    return "A tool waits: allow it, or don't.";
  let sound = soundHint(state);
  if (sound !== null)
    return sound;
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
      return noMicrophoneHint(state);
    case "on":
      break;
  }
  if (state.turnTaking === "push_to_talk")
    return state.holding ? "Release to send." : "Hold space, or the button, to talk.";
  switch (state.view) {
    case "translation":
      return "Talk; the translation follows.";
    case "dictation":
      return "Talk; it is written down.";
    case "talk":
      return state.floor === "model" ? "Speak to interrupt." : "Talk whenever you like.";
  }
}
function hears(state) {
  return state.microphone.state === "on" && state.sound.microphone === null && !isMirror(state);
}
function invitation(state) {
  return state.connected ? state.phase === "connecting" ? "Connecting…" : state.phase === "live" && state.microphone.state === "asking" ? "Allow the microphone, then talk." : state.phase !== "live" || !hears(state) ? acceptsText(state) ? state.phase === "live" || state.barred ? "Type something." : "Press ● and talk, or type." : state.barred ? "This page gets no microphone." : "Press ● and talk." : state.turnTaking === "push_to_talk" ? "Hold space and talk." : "Just talk." : LOST[state.loss].cause;
}
function placeholder(state) {
  return state.connected ? state.phase === "live" && hears(state) && state.turnTaking === "automatic" ? "Type, or just talk…" : "Type a message…" : "Not connected";
}
function microphoneButton(state) {
  let nothing = (label, look) => ({
    action: "nothing",
    look,
    label,
    pressed: null
  });
  if (!state.connected)
    return { action: "start", look: "lost", label: LOST[state.loss].button, pressed: null };
  if (isMirror(state) && state.microphone.state !== "asking")
    return {
      action: "start",
      look: "record",
      label: "Take the microphone and the voice here",
      pressed: null
    };
  if (state.phase === "connecting")
    return nothing("Connecting", "wait");
  if (state.phase !== "live")
    return { action: "start", look: "record", label: "Start talking", pressed: null };
  switch (state.microphone.state) {
    case "asking":
      return nothing("Waiting for the browser's permission", "wait");
    case "off":
    case "refused":
    case "missing":
      return { action: "start", look: "record", label: "Turn the microphone on", pressed: null };
    default:
      return activeButton(state);
  }
}
function activeButton(state) {
  if (state.sound.microphone === "stopped")
    return { action: "start", look: "lost", label: "Restart the microphone", pressed: null };
  if (canPushToTalk(state))
    return {
      action: "hold",
      look: state.holding ? "held" : "armed",
      label: "Hold to talk",
      pressed: state.holding
    };
  let fault = isDeaf(state) ? state.sound.microphone : null;
  return fault === "suspended" || fault === "interrupted" ? { action: "resume", look: "lost", label: "Turn the microphone back on", pressed: null } : {
    action: "mute",
    look: state.microphone.state === "on" && fault !== "muted" ? "open" : "silent",
    label: "Mute the microphone",
    pressed: state.microphone.state === "muted"
  };
}
var WHY_NO_SOCKET = {
  "": "",
  asking: "a socket of its own is being asked for",
  opening: "a socket of its own is being opened",
  off: "because a socket of its own is switched off (LIVEWIDGET_SOCKET=0)",
  unavailable: "because the kernel could not open a port",
  unreachable: "because the browser may not reach the kernel's computer from this page",
  refused: "because nothing answered at the kernel's port",
  stranger: "because another program answered at the kernel's port",
  broken: "because its socket broke; it is tried again",
  ended: "because the kernel closed its socket; it is asked for another"
};
function connectionLine({ link: link2, page, direct }) {
  let name2 = `Connection to the ${page ? "program" : "kernel"}`, to = direct ? `Connection to the service: straight from this browser. ${name2}` : name2;
  return link2.way === "socket" ? `${to}: a socket of its own${link2.proxied ? ", by way of jupyter-server-proxy" : ""}.` : link2.way === "none" ? `${to}: none.` : `${to}: through the notebook, ${WHY_NO_SOCKET[link2.reason]}.`;
}
function displayName(state) {
  return cleanLine(state.name) || "Live";
}
function speakerName(state) {
  return cleanLine(state.speaker, 40) || "model";
}

// src/views/header.ts
var RADIUS = 6, AROUND = 2 * Math.PI * RADIUS, SOON_MS = 6e4, TICK_MS2 = 500;
function timeLeft({ phase, connected, explorer: explorer2 }, now2) {
  let { meter, meterAt } = explorer2;
  return phase !== "live" || !connected || meter === null || meter.time_left_ms === null ? null : Math.max(0, meter.time_left_ms - (now2 - meterAt));
}
function timeRing(scope) {
  let [track, rest] = [circle("lw-ring-track"), circle("lw-ring-rest")];
  rest.setAttribute("pathLength", String(AROUND));
  let picture2 = svg(
    "svg",
    { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" },
    track,
    rest
  ), word = el("span", "lw-ring-word"), element = el("span", "lw-ring", { role: "img" }, picture2, word), now2 = null, draw = () => {
    let ms = now2 && timeLeft(now2, performance.now()), meter = now2?.explorer.meter ?? null;
    if (show(element, ms !== null && meter !== null), ms === null || meter === null)
      return;
    let share = meter.time_limit_ms ? Math.min(1, ms / meter.time_limit_ms) : 0;
    attribute(rest, "stroke-dasharray", `${(share * AROUND).toFixed(1)} ${AROUND.toFixed(1)}`);
    let soon = ms <= SOON_MS || meter.ending === "go_away";
    attribute(element, "data-soon", soon ? "true" : null), text(word, soon ? remaining(ms) : ""), show(word, soon);
    let sentence = timeLeftText(ms, meter);
    attribute(element, "aria-label", sentence), attribute(element, "title", sentence);
  };
  return scope.interval(draw, TICK_MS2), {
    element,
    update(state) {
      now2 = state, draw();
    }
  };
}
function timeLeftText(ms, { ending }) {
  return ending === "go_away" ? `The service ends this connection in ${remaining(ms)}` : `This connection lasts about ${remaining(ms)} more`;
}
function tokenMeter() {
  let count = el("span"), cost = el("span", "lw-cost"), element = el("span", "lw-tokens", {}, count, cost);
  return {
    element,
    update({ explorer: { meter } }) {
      show(element, meter !== null && meter.total_tokens > 0), meter !== null && (text(count, tokens(meter.total_tokens)), text(cost, costText(meter)), attribute(element, "title", usageText(meter)));
    }
  };
}
function costText({ cost_usd }) {
  return cost_usd === null ? "" : cost_usd === 0 ? " · free" : ` · ${dollars(cost_usd)}`;
}
function usageText(meter) {
  let kinds = Object.entries(meter.by_modality).map(
    ([kind, count]) => `${kind.toLowerCase()} ${count.toLocaleString("en")}`
  );
  return [
    `${tokens(meter.prompt_tokens)} sent, ${tokens(meter.response_tokens)} received`,
    kinds.join(", "),
    `${meter.context_tokens.toLocaleString("en")} of ${meter.context_limit.toLocaleString("en")} in the context`,
    meter.cost_usd ? `an estimate by the prices of ${meter.prices_of}` : "",
    meter.link_ms === null ? "" : `round trip ${meter.link_ms.toFixed(meter.link_ms < 10 ? 1 : 0)} ms`
  ].filter((part) => part !== "").join(`
`);
}
var circle = (className) => svg("circle", { class: className, cx: "8", cy: "8", r: String(RADIUS) });
function header(scope) {
  let dot = el("span", "lw-dot", { "aria-hidden": "true" }), who = el("strong", "lw-who"), badge = el("span", "lw-badge"), badgeMore = el("span", "lw-wide"), badgeShort = el("span");
  badge.append(badgeShort, badgeMore);
  let word = el("span", "lw-word"), first = el("span", "lw-first lw-wide", {
    title: ANSWERED_IN
  }), clock = el("span", "lw-clock", { role: "timer", "aria-label": "Elapsed time" }, "00:00"), ring = timeRing(scope), used = tokenMeter(), explore = el(
    "button",
    "lw-explore",
    { type: "button", title: "Explore what the model can do" },
    icon("compass", 18),
    el("span", "lw-explore-word", {}, "Explore")
  ), settings2 = button("lw-plain lw-settings-button", "Settings", icon("settings")), element = el(
    "header",
    "lw-header",
    {},
    el("span", "lw-identity", {}, dot, who, badge),
    el("span", "lw-meta", {}, word, first, used.element, ring.element, clock),
    explore,
    settings2
  ), since = null, counted = !1, tick = () => {
    since !== null && text(clock, elapsedTime(performance.now() - since));
  };
  return scope.interval(tick, 250), {
    element,
    explore,
    settings: settings2,
    update(state) {
      let { word: now2, tone } = status(state);
      attribute(dot, "data-tone", tone), attribute(word, "data-tone", tone), text(word, now2), text(who, displayName(state)), attribute(who, "title", displayName(state));
      let [short, more] = badgeParts(cleanLine(state.badge));
      text(badgeShort, short), text(badgeMore, more), show(badge, short !== "");
      let ms = lastLatency(state);
      text(first, ms === null ? "" : `answered in ${latency(ms)}`), show(first, ms !== null), since = state.phase === "live" && state.connected ? state.liveSince : null, state.phase === "connecting" && text(clock, elapsedTime(0)), counted ||= since !== null || state.phase === "idle" || state.phase === "connecting", show(clock, counted && !(state.phase === "ended" && state.ending === "never_opened")), tick(), ring.update(state), used.update(state), show(used.element, !used.element.hidden && (state.explorer.meter?.cost_usd ?? 0) > 0);
    }
  };
}
function lastLatency(state) {
  return [...state.turns].reverse().find((turn) => turn.speaker === "model")?.latency_ms ?? null;
}

// src/explorer/latency.ts
var MAX_ANSWERS = 50, ASK_MS = 1e3, ANSWERS = "livewidget:answers", PARTS = [
  { name: "decision", label: "noticing your end", ms: ({ decision_ms }) => decision_ms ?? 0 },
  { name: "network", label: "network", ms: ({ network_ms }) => network_ms ?? 0 },
  { name: "tool", label: "your tools", ms: ({ tool_ms }) => tool_ms },
  { name: "wait", label: "the model", direct: "the model and the network", ms: ({ wait_ms }) => wait_ms },
  { name: "kernel", label: "to the page and back", ms: ({ kernel_ms }) => kernel_ms ?? 0 },
  { name: "playback", label: "starting to play", ms: ({ playback_ms }) => playback_ms ?? 0 },
  { name: "heard", label: "its voice", ms: ({ heard_ms }) => heard_ms ?? 0 }
], BEFORE = PARTS.slice(0, -1);
function answersOf(turns) {
  let isTimed = (turn) => turn.anatomy !== null && turn.latency_ms !== null;
  return turns.filter(isTimed).slice(-MAX_ANSWERS);
}
function shareAnswers(store, scope) {
  scope.listen(window, ANSWERS, ({ detail }) => {
    detail.by !== store && detail.found.push(...answersOf(store.get().turns));
  });
}
function answersElsewhere(store) {
  let detail = { by: store, found: [] };
  return window.dispatchEvent(new CustomEvent(ANSWERS, { detail })), detail.found;
}
function latencyPanel(store, _actions, scope) {
  let legend = el("ul", "lw-tuner-legend");
  for (let { name: name2, label } of PARTS)
    legend.append(el("li", "", {}, el("i", `lw-tuner-key lw-part-${name2}`), label));
  let ways = comparison(), list = el("ol", "lw-anatomy"), empty = el(
    "p",
    "lw-panel-empty",
    {},
    "No spoken question has been answered yet. Each answer to one gets a bar here, showing where its time went."
  ), element = el("div", "lw-anatomies", {}, legend, ways.element, list, empty), seen = null;
  return scope.interval(() => {
    let { open, panel } = store.get().explorer;
    open && panel === "turns" && compare();
  }, ASK_MS), {
    element,
    update({ turns }) {
      if (turns === seen)
        return;
      seen = turns;
      let timed = answersOf(turns);
      show(empty, timed.length === 0), show(legend, timed.length > 0);
      let longest = Math.max(1, ...timed.map((turn) => totalMs(turn.anatomy, PARTS)));
      for (let [index, turn] of timed.entries()) {
        let row2 = list.children[index] ?? list.appendChild(barRow()), says = describeLatency(turn, store.get().page);
        updateRow(
          row2,
          cleanLine(turn.spans.map((span) => span.text).join(""), 90) || "…",
          says,
          turn.anatomy,
          longest
        );
      }
      for (; list.children.length > timed.length; )
        list.lastElementChild.remove();
      compare();
    }
  };
  function compare() {
    ways.update([...answersOf(store.get().turns), ...answersElsewhere(store)], store.get().page);
  }
}
function comparison() {
  let rows = el("ul", "lw-anatomy", {}, barRow(), barRow()), hint2 = el(
    "p",
    "lw-control-hint",
    {},
    "Medians of the answers without a tool, of all cards on this page. A browser cannot measure the network, so straight from it the network is part of the model's time."
  ), element = el("section", "lw-ways", { "aria-label": "Both ways, compared" }, rows, hint2);
  return show(element, !1), {
    element,
    update(answers, page) {
      let plain = answers.filter(({ anatomy }) => anatomy.tool_ms === 0), both = [!1, !0].map((direct) => plain.filter(({ anatomy }) => anatomy.direct === direct));
      if (show(
        element,
        both.every((some) => some.length > 0)
      ), element.hidden)
        return;
      let middles = both.map((some) => medianOf(some)), longest = Math.max(1, ...middles.map(({ anatomy }) => totalMs(anatomy, BEFORE)));
      for (let [index, middle] of middles.entries()) {
        let { length } = both[index], name2 = `${capital(wayOf(middle.anatomy, page))}, ${length} ${length === 1 ? "answer" : "answers"}`, says = `in ${latency(middle.latency_ms)}${describeParts(middle.anatomy)}`;
        updateRow(rows.children[index], name2, says, { ...middle.anatomy, heard_ms: null }, longest);
      }
    }
  };
}
function medianOf(answers) {
  let [first] = answers, part = (ms) => median(answers.map(({ anatomy }) => ms(anatomy) ?? 0));
  return {
    latency_ms: median(answers.map(({ latency_ms }) => latency_ms)),
    anatomy: {
      decision_ms: part(({ decision_ms }) => decision_ms),
      network_ms: part(({ network_ms }) => network_ms),
      tool_ms: part(({ tool_ms }) => tool_ms),
      wait_ms: part(({ wait_ms }) => wait_ms),
      kernel_ms: part(({ kernel_ms }) => kernel_ms),
      playback_ms: part(({ playback_ms }) => playback_ms),
      heard_ms: null,
      direct: first.anatomy.direct
    }
  };
}
function median(values) {
  let sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
function totalMs(anatomy, parts) {
  return parts.reduce((sum, part) => sum + part.ms(anatomy), 0);
}
function barRow() {
  let bar = el("div", "lw-bar", { role: "img" }, ...PARTS.map(({ name: name2 }) => el("i", `lw-part-${name2}`)));
  return el("li", "", {}, el("p", "lw-anatomy-text"), bar, el("p", "lw-anatomy-says"));
}
function updateRow(node, name2, says, anatomy, longest) {
  let [label, bar, summary] = node.children;
  text(label, name2), PARTS.forEach((part, index) => {
    bar.children[index].style.width = `${part.ms(anatomy) / longest * 100}%`;
  }), text(summary, says), attribute(bar, "aria-label", says);
}
function wayOf({ direct }, page) {
  return direct ? "straight from the browser" : `through the ${page ? "program" : "kernel"}`;
}
var capital = (words) => words[0].toUpperCase() + words.slice(1);
function describeLatency({ anatomy, latency_ms }, page = !1) {
  let heard = anatomy.heard_ms ? `; heard for ${duration(anatomy.heard_ms)}` : "";
  return `answered in ${latency(latency_ms)} ${wayOf(anatomy, page)}${describeParts(anatomy)}${heard}`;
}
function describeParts(anatomy) {
  let parts = BEFORE.filter((part) => part.ms(anatomy) >= 0.5), name2 = ({ label, direct }) => anatomy.direct && direct || label;
  return parts.length ? ` (${parts.map((part) => `${name2(part)} ${duration(part.ms(anatomy))}`).join(", ")})` : "";
}

// src/explorer/control.ts
function chosenModel({ pending, model }) {
  return typeof pending.model == "string" ? pending.model : model;
}
function requestedValue({ pending, values }, name2) {
  let source = Object.hasOwn(pending, name2) ? pending : values;
  return Object.hasOwn(source, name2) ? source[name2] : null;
}
function isChanged(settings2, name2) {
  return Object.hasOwn(settings2.pending, name2);
}
function choicesOf(feature, model) {
  return feature.choices_by_model[model] ?? feature.choices;
}
function choiceName(feature, choice) {
  let words = choice.replaceAll("_", " "), note = feature.notes[choice];
  return note ? `${words} — ${note}` : words;
}
function defaultLabel(feature) {
  return feature.unsaid !== "" ? feature.unsaid : typeof feature.default == "boolean" ? feature.default ? "on" : "off" : typeof feature.default == "string" ? choiceName(feature, feature.default) : feature.kind === "names" || feature.kind === "json" || feature.kind === "text" ? "none" : "left to the service";
}
function rangeText({ kind, lowest, highest }) {
  return kind !== "number" || lowest === null ? "" : highest !== null ? `${formatNumber(lowest)} to ${formatNumber(highest)}` : lowest >= -1 ? `${formatNumber(lowest)} or more` : "any whole number";
}
function formatNumber(value) {
  return String(value).replace("-", "−");
}
function supportNote(feature, model) {
  let does = feature.refused.includes(model) ? "does not have it" : feature.ignored.includes(model) ? "ignores it" : "";
  return does && `${model} ${does}${feature.instead ? `: ${feature.instead}` : ""}.`;
}
function modelsWith(feature, models) {
  return models.map(({ id }) => id).filter((id) => !feature.refused.includes(id) && !feature.ignored.includes(id));
}
function matches(feature, search) {
  let { name: name2, label, wire, about, group } = feature, text2 = `${name2} ${label} ${wire} ${about} ${group}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text2.includes(word));
}
function featureGroups({ features }) {
  let found = /* @__PURE__ */ new Map();
  for (let feature of features)
    found.set(feature.group, [...found.get(feature.group) ?? [], feature]);
  return found;
}
var MULTILINE = /* @__PURE__ */ new Set(["system_instruction"]);
function featureInput(feature) {
  switch (feature.kind) {
    case "switch":
      return switchInput(feature);
    case "choice":
      return choiceInput(feature);
    case "number":
      return numberInput(feature);
    case "json":
      return jsonInput();
    case "names":
      return textInput(
        el("input", "lw-entry", { type: "text", placeholder: "with commas between" }),
        (value) => Array.isArray(value) ? value.join(", ") : "",
        (text2) => ({ value: splitNames(text2) })
      );
    case "text":
      return textInput(
        MULTILINE.has(feature.name) ? el("textarea", "lw-entry lw-entry-long", { rows: "3" }) : el("input", "lw-entry", { type: "text" }),
        (value) => typeof value == "string" ? value : "",
        (text2) => ({ value: text2.trim() === "" ? null : text2 })
      );
  }
}
function switchInput(feature) {
  let element = el("input", "lw-switch", { type: "checkbox", role: "switch" });
  return {
    element,
    typed: !1,
    set(value) {
      element.checked = !!(value ?? feature.default);
    },
    read: () => ({ value: element.checked === !!feature.default ? null : element.checked })
  };
}
function choiceInput(feature) {
  let element = el("select", "lw-entry"), own = typeof feature.default == "string" ? feature.default : "", shownKey = "";
  return {
    element,
    typed: !1,
    set(value, model) {
      let choices = [...choicesOf(feature, model)], chosen = typeof value == "string" ? value : own;
      chosen !== "" && !choices.includes(chosen) && choices.push(chosen);
      let key = JSON.stringify(choices);
      if (key !== shownKey) {
        shownKey = key;
        let options = choices.map(
          (choice) => el("option", "", { value: choice }, choiceName(feature, choice))
        ), none = own === "" ? [el("option", "", { value: "" }, `Default: ${defaultLabel(feature)}`)] : [];
        element.replaceChildren(...none, ...options);
      }
      element.value = chosen;
    },
    read: () => ({ value: element.value === own ? null : element.value })
  };
}
function numberInput(feature) {
  let element = el("input", "lw-entry", {
    type: "number",
    step: feature.whole ? "1" : "any"
  });
  return attribute(element, "min", feature.lowest === null ? null : String(feature.lowest)), attribute(element, "max", feature.highest === null ? null : String(feature.highest)), {
    element,
    typed: !0,
    set(value) {
      setText(element, typeof value == "number" ? String(value) : "");
    },
    read() {
      return element.value === "" ? element.validity?.badInput ? { wrong: `${feature.label} is a number.` } : { value: null } : { value: Number(element.value) };
    }
  };
}
function jsonInput() {
  let element = el("textarea", "lw-entry lw-entry-json", {
    rows: "3",
    placeholder: "{ }",
    spellcheck: "false"
  });
  return textInput(
    element,
    (value) => value == null ? "" : JSON.stringify(value, null, 2),
    (text2) => {
      if (text2.trim() === "")
        return { value: null };
      try {
        return { value: JSON.parse(text2) };
      } catch (error) {
        return { wrong: `This is no JSON yet: ${error.message}` };
      }
    }
  );
}
function textInput(element, show2, read) {
  return {
    element,
    typed: !0,
    set: (value) => setText(element, show2(value)),
    read: () => read(element.value)
  };
}
function setText(element, text2) {
  element.value !== text2 && (element.value = text2);
}
function splitNames(text2) {
  let names = text2.split(",").map((name2) => name2.trim()).filter((name2) => name2 !== "");
  return names.length > 0 ? names : null;
}
var TYPING_MS = 300;
function control(feature, models, ways, scope) {
  let entry2 = featureInput(feature), parts = build(feature, models, entry2, scope), { element, undo, why, fault } = parts, wrong = "", current = null, cancel = () => {
  }, changed = () => {
    cancel();
    let given = entry2.read();
    wrong = "wrong" in given ? given.wrong : "", "value" in given ? ways.onChange(feature, given.value) : ways.onInvalid(), showFault();
  }, showFault = () => {
    let sentence = wrong || (current?.errors[feature.name] ?? "");
    text(fault, clean(sentence, 500)), show(fault, sentence !== ""), attribute(entry2.element, "aria-invalid", sentence === "" ? null : "true"), show(why, sentence === "" && why.textContent !== "");
  };
  return scope.listen(entry2.element, "change", changed), entry2.typed && scope.listen(entry2.element, "input", () => {
    cancel(), cancel = scope.timeout(changed, TYPING_MS);
  }), scope.listen(undo, "click", () => {
    if (!current)
      return;
    cancel(), wrong = "";
    let back = isChanged(current, feature.name) ? current.values[feature.name] ?? null : null;
    entry2.set(back, chosenModel(current)), entry2.element.focus(), ways.onChange(feature, back), showFault();
  }), {
    element,
    feature,
    error: () => wrong,
    discard() {
      cancel(), wrong = "", current && entry2.set(requestedValue(current, feature.name), chosenModel(current));
    },
    focus: () => entry2.element.focus(),
    update(settings2) {
      current = settings2;
      let model = chosenModel(settings2), value = requestedValue(settings2, feature.name), refused = feature.refused.includes(model), isSaid = value !== null && value !== feature.default;
      !(entry2.typed && entry2.element === document.activeElement) && wrong === "" && entry2.set(value, model);
      let off = refused && !isSaid;
      attribute(entry2.element, "disabled", off ? "" : null), attribute(element, "data-off", refused ? "true" : null);
      let marked = isChanged(settings2, feature.name);
      attribute(element, "data-changed", marked ? "true" : null), show(undo, marked || refused && isSaid), name(undo, marked ? `Undo the change of ${feature.label}` : `Leave ${feature.label} out`), text(why, clean(supportNote(feature, model))), showFault();
    }
  };
}
function build(feature, models, entry2, scope) {
  let box = entry2.element;
  box.id = freshId("setting");
  let label = el("label", "lw-control-label", { for: box.id }, clean(feature.label)), about = el("p", "lw-control-about", { id: freshId("about") }, clean(feature.about)), fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" }), why = el("p", "lw-control-why", { id: freshId("why") });
  attribute(box, "aria-describedby", `${about.id} ${why.id} ${fault.id}`);
  let undo = button("lw-plain lw-control-undo", "Undo", icon("undo", 16)), unit = el("span", "lw-control-unit", {}, clean(feature.unit)), hint2 = [rangeText(feature), `default: ${defaultLabel(feature)}`].filter((part) => part !== "").join(" · "), line2 = el("div", "lw-control-line", {}, box, unit, undo), who = modelSupport(feature, models, scope), small = el("p", "lw-control-small", {}, ...feature.wire ? [wireName(feature)] : [], who.opener), element = el(
    "div",
    "lw-control",
    { "data-feature": feature.name, "data-kind": feature.kind },
    el("div", "lw-control-text", {}, label, about, small, who.list),
    el("div", "lw-control-value", {}, line2, el("p", "lw-control-hint", {}, clean(hint2))),
    why,
    fault
  );
  return show(unit, feature.unit !== ""), { element, undo, why, fault };
}
function wireName({ wire, name: known }) {
  let steps = wire.split("."), node = el("code", "lw-wire-name", { title: `In Python: ${known}` });
  return steps.forEach((step, index) => {
    let last = index === steps.length - 1;
    node.append(el(last ? "b" : "span", "", {}, clean(last ? step : `${step}.`)), el("wbr"));
  }), node;
}
function modelSupport(feature, models, scope) {
  let able = modelsWith(feature, models), list = el(
    "p",
    "lw-control-models",
    { id: freshId("models") },
    clean(able.join(", ") || "none of them")
  );
  if (list.hidden = !0, able.length === models.length)
    return { opener: el("span", "", {}, "all models"), list };
  let opener = el(
    "button",
    "lw-control-who",
    { type: "button", "aria-expanded": "false", "aria-controls": list.id },
    `${able.length} of ${models.length} models`
  );
  return scope.listen(opener, "click", () => {
    show(list, list.hidden !== !1), attribute(opener, "aria-expanded", String(!list.hidden));
  }), { opener, list };
}

// src/explorer/settings.ts
function applyBar(ways, scope) {
  let count = el("strong", "lw-apply-count"), takes = el("span", "lw-apply-takes"), problem = el("button", "lw-apply-problem", { type: "button" }), refused = el("p", "lw-apply-refused", { role: "alert" }), words = el("p", "lw-apply-words", { role: "status" }, count, takes), revert = el("button", "lw-button", { type: "button" }, "Revert"), apply = el("button", "lw-button lw-button-first", { type: "button" }, "Apply"), element = el(
    "div",
    "lw-apply",
    {},
    el("div", "lw-apply-text", {}, words, problem, refused),
    revert,
    apply
  ), first = "", applying = null, current = null, label = () => {
    text(apply, applying === current && applying !== null ? "Applying…" : "Apply");
  };
  return scope.listen(problem, "click", () => ways.onShow(first)), scope.listen(revert, "click", () => ways.revert()), scope.listen(apply, "click", () => {
    apply.hasAttribute("aria-disabled") || (applying = current, label(), ways.apply());
  }), {
    element,
    update(state, catalogue, settings2, wrong) {
      current = settings2;
      let changes = Object.keys(settings2.pending).length, faults = [...wrong, ...Object.keys(settings2.errors).filter((name2) => name2 !== "")], names = [...new Set(faults)];
      first = names[0] ?? "", text(count, changes === 1 ? "1 change" : `${changes} changes`), text(takes, changes > 0 ? ` · ${consequence(state, settings2)}` : ""), show(words, changes > 0), text(problem, `Cannot be: ${names.map((name2) => featureLabel(catalogue, name2)).join(", ")}`), show(problem, names.length > 0), text(refused, clean(settings2.errors[""] ?? "", 500)), show(refused, !!settings2.errors[""]), attribute(
        apply,
        "aria-disabled",
        names.length > 0 || changes === 0 || !state.connected ? "true" : null
      ), attribute(revert, "disabled", state.connected ? null : ""), label();
      let wanted = changes > 0 || names.length > 0;
      !wanted && element.contains(document.activeElement) && ways.onHidden(), show(element, wanted);
    }
  };
}
function consequence({ phase }, { pending, live }) {
  let names = Object.keys(pending), they = names.length === 1 ? "it holds" : "they hold";
  return phase !== "live" ? `${they} from the next start on` : names.includes("model") ? "another model takes the talk over, told what was said where it can be" : names.every((name2) => live.includes(name2)) ? `${they} at once` : "needs a new connection; the talk goes on";
}
function featureLabel({ features }, name2) {
  return clean(features.find((feature) => feature.name === name2)?.label ?? "Model");
}
var CONFIRMATION_MS = 2500;
function codeView(scope) {
  let block = el("code", "lw-code-text"), box = el("pre", "lw-code", { tabindex: "0", "aria-label": "Python of this session" }, block), copy = el("button", "lw-button lw-code-copy", { type: "button" }, "Copy"), status2 = el("span", "lw-unseen", { role: "status" }), element = el("div", "lw-code-block", { id: freshId("code") }, box, status2, copy);
  element.hidden = !0;
  let opener = el(
    "button",
    "lw-button lw-code-opener",
    { type: "button", "aria-expanded": "false", "aria-controls": element.id },
    icon("code", 16),
    "Copy as code"
  ), confirm = confirmation(copy, status2, scope, CONFIRMATION_MS), copyCode = async () => {
    selectContents(box);
    try {
      await navigator.clipboard.writeText(block.textContent ?? ""), confirm("Copied");
    } catch {
      confirm(document.execCommand?.("copy") ? "Copied" : "Now press Ctrl+C");
    }
  };
  return scope.listen(opener, "click", () => {
    show(element, element.hidden !== !1), attribute(opener, "aria-expanded", String(!element.hidden)), element.hidden || copyCode();
  }), scope.listen(copy, "click", () => {
    copyCode();
  }), {
    opener,
    element,
    update(code) {
      text(block, clean(code));
    }
  };
}
function modelPicker(choose, scope) {
  let select = el("select", "lw-entry lw-model-select", { id: freshId("model") }), label = el("label", "lw-model-label", { for: select.id }, "Model"), facts = el("p", "lw-model-facts", { id: freshId("facts") }), fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  attribute(select, "aria-describedby", `${facts.id} ${fault.id}`);
  let element = el("div", "lw-model-picker", {}, label, select, facts, fault);
  scope.listen(select, "change", () => choose(select.value));
  let shownKey = "";
  return {
    element,
    focus: () => select.focus(),
    update({ models }, settings2) {
      let chosen = chosenModel(settings2), options = models.some(({ id }) => id === chosen) ? models : [{ id: chosen, status: "not in the table", facts: [] }, ...models], key = JSON.stringify(options.map(({ id }) => id));
      key !== shownKey && (shownKey = key, select.replaceChildren(...options.map((model) => modelOption(model.id, model.status)))), select.value = chosen, attribute(element, "data-changed", chosen === settings2.model ? null : "true"), text(facts, clean(options.find(({ id }) => id === chosen)?.facts.join(" ") ?? "", 500));
      let sentence = settings2.errors.model ?? "";
      text(fault, clean(sentence, 500)), show(fault, sentence !== "");
    }
  };
}
function modelOption(id, status2) {
  return el("option", "", { value: id }, status2 === "stable" ? id : `${id} (${status2})`);
}
var HEADING_HEIGHT = 40;
function settingsPanel(store, actions, scope) {
  let waiting = el("p", "lw-panel-empty", {}, "Asking the kernel…"), picker = modelPicker((model) => actions.explorer.configure({ model }), scope), search = el("input", "lw-entry lw-search", {
    type: "search",
    placeholder: "Search settings",
    "aria-label": "Search settings"
  }), code = codeView(scope), ignored = el("ul", "lw-set-ignored", { "aria-label": "What the model ignores" }), top = el("div", "lw-set-top", {}, picker.element, search, code.opener, code.element, ignored), rail = el("nav", "lw-rail", { "aria-label": "Groups of settings" }), nothing = el("p", "lw-panel-empty", {}, "No setting has these words."), list = el("div", "lw-set-list", { tabindex: "-1" }, nothing), body = el("div", "lw-set-body", {}, rail, list), bar = applyBar(
    {
      apply: () => actions.explorer.apply(),
      revert() {
        for (let one of controls())
          one.discard();
        actions.explorer.revert();
      },
      onShow: (name2) => scrollToSetting(name2),
      onHidden: () => list.focus({ preventScroll: !0 })
    },
    scope
  ), fields = el("fieldset", "lw-set", {}, top, body, bar.element), element = el("div", "lw-set-panel", {}, waiting, fields), built = null, sections = [], last = null, jumped = null, controls = () => sections.flatMap((section) => section.controls), invalidNames = () => controls().filter((one) => one.error() !== "").map((one) => one.feature.name), ways = {
    onChange: ({ name: name2 }, value) => actions.explorer.configure({ [name2]: value }),
    onInvalid: () => draw(store.get(), !0)
  }, filter = () => {
    jumped = null;
    let words = search.value.trim(), found = 0;
    for (let section of sections) {
      let hits = section.controls.filter((one) => {
        let hit = matches(one.feature, words);
        return show(one.element, hit), hit;
      });
      show(section.element, hits.length > 0), show(section.jump, hits.length > 0), found += hits.length;
    }
    show(nothing, found === 0), markSection();
  }, scrollToSetting = (name2) => {
    search.value = "", filter();
    let found = controls().find((one) => one.feature.name === name2);
    found ? (list.scrollTop = found.element.offsetTop - HEADING_HEIGHT, found.focus()) : picker.focus();
  }, markSection = () => {
    let at = list.scrollTop + HEADING_HEIGHT, seen = sections.filter((section) => !section.element.hidden), above = list.scrollTop > 0 ? seen.filter((section) => section.element.offsetTop <= at) : [], now2 = (jumped?.top === list.scrollTop ? jumped.to : void 0) ?? above.at(-1) ?? seen[0];
    for (let section of sections)
      attribute(section.jump, "aria-current", section === now2 ? "true" : null);
  }, build2 = (catalogue) => {
    built = catalogue, sections = [...featureGroups(catalogue)].map(([title, features]) => {
      let controls2 = features.map((feature) => control(feature, catalogue.models, ways, scope)), section = makeSection(title, controls2);
      return scope.listen(section.jump, "click", () => {
        list.scrollTop = section.element.offsetTop, jumped = { to: section, top: list.scrollTop }, markSection();
      }), section;
    }), rail.replaceChildren(...sections.map((section) => section.jump)), list.replaceChildren(...sections.map((section) => section.element), nothing), filter();
  }, draw = (state, again = !1) => {
    let { catalogue, settings: settings2 } = state.explorer;
    if (show(waiting, !catalogue || !settings2), show(fields, !!(catalogue && settings2)), !(!catalogue || !settings2 || !again && isSame(state, last))) {
      last = state, catalogue !== built && build2(catalogue), fields.disabled = !state.connected, picker.update(catalogue, settings2);
      for (let section of sections)
        updateSection(section, settings2);
      code.update(settings2.code), ignored.replaceChildren(...settings2.notes.map((note) => el("li", "", {}, clean(note)))), show(ignored, settings2.notes.length > 0), bar.update(state, catalogue, settings2, invalidNames());
    }
  };
  return scope.listen(search, "input", filter), onEscape(scope, search, () => {
    let searched = search.value !== "";
    return searched && (search.value = "", filter()), searched;
  }), scope.listen(list, "scroll", markSection), { element, update: draw };
}
function isSame(state, before) {
  return before !== null && state.explorer.settings === before.explorer.settings && state.explorer.catalogue === before.explorer.catalogue && state.phase === before.phase && state.connected === before.connected;
}
function makeSection(title, controls) {
  let heading = el("h3", "lw-set-title", { id: freshId("group") }, clean(title)), changes = el("span", "lw-rail-changes"), jump = el("button", "lw-rail-item", { type: "button" }, el("span", "", {}, clean(title)), changes), element = el("section", "lw-set-group", { "aria-labelledby": heading.id }, heading);
  return element.append(...controls.map((one) => one.element)), { element, jump, changes, controls };
}
function updateSection({ controls, changes }, settings2) {
  for (let one of controls)
    one.update(settings2);
  let changed = controls.filter(({ feature }) => isChanged(settings2, feature.name)).length, faulty = controls.filter((one) => one.error() !== "" || settings2.errors[one.feature.name]).length, words = faulty > 0 ? `${faulty} cannot be` : changed > 0 ? `${changed} changed` : "";
  text(changes, words === "" ? "" : String(faulty || changed)), attribute(changes, "title", words || null), attribute(changes, "data-level", faulty > 0 ? "error" : null), show(changes, words !== "");
}

// src/views/waveform.ts
var REDUCED = "(prefers-reduced-motion: reduce)", QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", REDUCED];
function reducedMotion() {
  return typeof matchMedia == "function" && matchMedia(REDUCED).matches;
}
function whenThemeChanges(scope, changed) {
  if (typeof matchMedia == "function")
    for (let query of QUERIES)
      scope.listen(matchMedia(query), "change", changed);
  let observer = new MutationObserver(() => {
    changed(), scope.timeout(changed, 300);
  });
  for (let node of [document.documentElement, document.body])
    observer.observe(node, {
      attributeFilter: ["class", "theme", "data-jp-theme-light", "data-jp-theme-name"]
    });
  scope.add(() => observer.disconnect());
}
var PITCH = 4, BAR = 2.5, SPEED = 56, SILENCE = 6e-3;
function levelsPerColumn(rate) {
  return Math.max(1, Math.round(rate * PITCH / SPEED));
}
function barColumns(head, count, width, group) {
  let made = [], newest = Math.ceil(Math.min(head, count) / group) - 1;
  for (let column = newest; column >= 0; column -= 1) {
    let x = xAt(column * group, head, width, group);
    if (x <= -PITCH)
      break;
    made.push({ x, first: column * group, last: Math.min((column + 1) * group, count) });
  }
  return made.reverse();
}
function xAt(level, head, width, group) {
  return width - (head - level) / group * PITCH;
}
function barHeight(peak2, lane) {
  return peak2 >= SILENCE ? Math.max(2, Math.min(1, Math.sqrt(peak2) * 1.08) * lane) : 0;
}
function advanceHead(head, count, rate, seconds) {
  let behind = count - head;
  if (behind < 0 || behind > rate || seconds > 0.5)
    return count;
  let ease = Math.min(1, seconds * 2);
  return Math.min(count, head + rate * seconds + (behind - 0.5) * ease);
}
var MIDDLE_MARGIN = 2.5, EDGE_MARGIN = 8, REDUCED_MOTION_MS = 500;
function waveform(levels, onLevel, scope) {
  let canvas = el("canvas", "lw-canvas"), user = el("span", "lw-lane lw-lane-user", {}, "you"), model = el("span", "lw-lane lw-lane-model"), element = el("div", "lw-waveform", { "aria-hidden": "true" }, canvas, user, model), live = !1, alone = !1, visible = typeof IntersectionObserver > "u", colours = null, head = levels.count, last = 0, stop = null, draw = () => {
    colours ??= {
      user: getComputedStyle(user).color,
      model: getComputedStyle(model).color,
      mark: getComputedStyle(canvas).color
    }, paint(canvas, levels, head, colours, alone);
  }, still = () => {
    head = levels.count, draw();
  }, calm = () => {
    still(), onLevel(0);
  }, moving = (time) => {
    head = advanceHead(head, levels.count, levels.rate, last === 0 ? 0 : (time - last) / 1e3), last = time, draw(), onLevel(levels.count > 0 ? levels.at("user", levels.count - 1) : 0);
  }, run = () => {
    let wanted = live && visible;
    wanted && !stop ? (last = 0, stop = reducedMotion() ? scope.interval(calm, REDUCED_MOTION_MS) : scope.frame(moving)) : !wanted && stop && (stop(), stop = null, onLevel(0)), !wanted && visible && still();
  };
  return onResize(
    scope,
    () => {
      visible && draw();
    },
    element
  ), watchVisibility(element, scope, (now2) => {
    visible = now2, run();
  }), whenThemeChanges(scope, () => {
    colours = null, stop?.(), stop = null, run();
  }), {
    element,
    update(state) {
      text(model, speakerName(state));
      let listens = state.view === "dictation";
      show(model, !listens), attribute(element, "data-alone", listens ? "true" : null), listens !== alone && (alone = listens, visible && !stop && draw());
      let now2 = state.phase === "live" && state.connected;
      now2 !== live && (live = now2, run());
    }
  };
}
function paint(canvas, levels, head, colours, alone) {
  let context = sharpContext(canvas);
  if (!context)
    return;
  let { clientWidth: width, clientHeight: height } = canvas;
  context.clearRect(0, 0, width, height);
  let group = levelsPerColumn(levels.rate), middle = height / 2, lane = middle - MIDDLE_MARGIN - EDGE_MARGIN, shown = barColumns(head, levels.count, width, group);
  for (let speaker of alone ? ["user"] : ["user", "model"]) {
    context.fillStyle = colours[speaker], context.beginPath();
    for (let { x, first, last } of shown) {
      let tall = barHeight(peak(levels, speaker, first, last), lane);
      if (tall > 0) {
        let above = speaker === "user" ? middle - MIDDLE_MARGIN - tall : middle + MIDDLE_MARGIN, [top, height2] = alone ? [middle - tall, 2 * tall] : [above, tall];
        context.roundRect(x + (PITCH - BAR) / 2, top, BAR, height2, BAR / 2);
      }
    }
    context.fill();
  }
  context.strokeStyle = colours.mark, context.lineWidth = 1.5, context.setLineDash([3, 3]), context.beginPath();
  for (let mark of levels.marks) {
    let x = xAt(mark, head, width, group);
    x > 0 && (context.moveTo(x, EDGE_MARGIN / 2), context.lineTo(x, height - EDGE_MARGIN / 2));
  }
  context.stroke();
}
function peak(levels, speaker, first, last) {
  let highest = 0;
  for (let index = first; index < last; index += 1)
    highest = Math.max(highest, levels.at(speaker, index));
  return highest;
}
function watchVisibility(element, scope, changed) {
  if (typeof IntersectionObserver > "u")
    return;
  let observer = new IntersectionObserver((entries) => changed(entries.at(-1).isIntersecting));
  observer.observe(element), scope.add(() => observer.disconnect());
}

// src/explorer/vad-monitor.ts
var SHOWN_MS = 12e3, FLOOR_DBFS = -70, GAP = 10;
function intervals(marks, endMs2) {
  let found = [], speech = null, start = null, silence = null;
  for (let { kind, at_ms } of marks)
    kind === "speech" ? speech = at_ms : kind === "start" ? (found.push({ kind: "padding", fromMs: speech ?? at_ms, toMs: at_ms }), start = at_ms) : kind === "silence" ? silence = at_ms : (found.push({ kind: "turn", fromMs: start ?? 0, toMs: silence ?? at_ms }), found.push({ kind: "silence", fromMs: silence ?? at_ms, toMs: at_ms }), speech = start = silence = null);
  return start !== null && found.push({ kind: "turn", fromMs: start, toMs: endMs2 }), found;
}
function xAt2(atMs, endMs2, width) {
  return width - (endMs2 - atMs) / SHOWN_MS * width;
}
function levelHeight(dbfs) {
  return Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS));
}
function paint2(context, width, height, track, colours) {
  let lane = (height - GAP) / 2, { windows, marks, settings: settings2, endMs: endMs2 } = track, x = (atMs) => xAt2(atMs, endMs2, width);
  context.clearRect(0, 0, width, height);
  for (let { kind, fromMs, toMs: toMs2 } of intervals(marks, endMs2))
    kind !== "turn" ? (context.fillStyle = kind === "padding" ? colours.padding : colours.silence, context.globalAlpha = 0.35, context.fillRect(x(fromMs), 0, Math.max(1.5, x(toMs2) - x(fromMs)), height), context.globalAlpha = 1) : (context.fillStyle = colours.level, context.fillRect(x(fromMs), height - 3, x(toMs2) - x(fromMs), 3));
  context.fillStyle = colours.level;
  let bar = Math.max(1, width / SHOWN_MS * (settings2?.step_ms ?? 32) - 0.8);
  for (let window2 of windows) {
    let tall = levelHeight(window2.level) * lane;
    context.fillRect(x(window2.atMs), lane - tall, bar, tall);
  }
  let y = (probability) => height - 6 - probability * (lane - 8);
  if (settings2) {
    context.setLineDash([4, 4]), context.lineWidth = 1;
    for (let threshold of [settings2.start_threshold, settings2.end_threshold])
      line(context, colours.line, [0, y(threshold)], [width, y(threshold)]);
    context.setLineDash([]);
  }
  context.lineWidth = 1.75;
  let points = windows.map(({ atMs, probability }) => [x(atMs), y(probability)]);
  line(context, colours.probability, ...points), context.lineWidth = 1.5;
  for (let { kind, at_ms } of marks)
    if (kind === "start" || kind === "end") {
      let colour = kind === "start" ? colours.padding : colours.silence;
      line(context, colour, [x(at_ms), 0], [x(at_ms), height]);
    }
}
function line(context, colour, ...points) {
  context.strokeStyle = colour, context.beginPath();
  for (let [index, [x, y]] of points.entries())
    context[index === 0 ? "moveTo" : "lineTo"](x, y);
  context.stroke();
}
var LEGEND = [
  { name: "padding", label: "prefix padding", about: "speech needed before a turn begins" },
  { name: "level", label: "your turn", about: "what the model takes as yours" },
  { name: "silence", label: "silence", about: "silence that ends it" }
];
function vadPanel(_store, _actions, scope) {
  let canvas = el("canvas", "lw-tuner-canvas"), level = el("span", "lw-tuner-lane", {}, "level"), probability = el("span", "lw-tuner-lane lw-tuner-lower", {}, "probability of speech"), picture2 = el("div", "lw-tuner-picture", { role: "img" }, canvas, level, probability), legend = el("ul", "lw-tuner-legend");
  for (let { name: name2, label, about } of LEGEND)
    legend.append(el("li", "", { title: about }, el("i", `lw-tuner-key lw-tuner-${name2}`), label));
  let summary = el("p", "lw-tuner-says"), hint2 = el(
    "p",
    "lw-tuner-hint",
    {},
    "The dashed lines are where speech begins and where it ends. Change sensitivities, padding and silence in Settings, under Turn detection, and say the same again."
  ), empty = el("p", "lw-panel-empty", {}, "Press ● and speak: what the microphone hears is drawn here."), element = el("div", "lw-tuner", {}, picture2, legend, summary, hint2, empty), colours = null, track = null, draw = () => {
    let context = track && sharpContext(canvas);
    context && track && (colours ??= readColours(element), paint2(context, canvas.clientWidth, canvas.clientHeight, track, colours));
  };
  return whenThemeChanges(scope, () => {
    colours = null, draw();
  }), onResize(scope, draw, picture2), {
    element,
    update({ explorer: explorer2 }) {
      if (track === explorer2.track)
        return;
      track = explorer2.track;
      let hasSettings = track.settings !== null;
      for (let part of [picture2, legend, summary, hint2])
        show(part, hasSettings);
      show(empty, !hasSettings), text(summary, describeTrack(track)), picture2.setAttribute("aria-label", describeTrack(track)), draw();
    }
  };
}
function describeTrack({ settings: settings2, marks, endMs: endMs2 }) {
  if (!settings2)
    return "";
  let by = settings2.detector === "Silero" ? "Heard by the tutor's own detector" : "Heard by loudness, as the tutor's detector is not installed", last = marks.filter(({ kind }) => kind === "start" || kind === "end").at(-1), ago = last ? `${((endMs2 - last.at_ms) / 1e3).toFixed(1)} s ago` : "", turn = last ? ` Your turn ${last.kind === "start" ? "began" : "ended"} ${ago}.` : " No turn yet.";
  return `${by}: padding ${settings2.prefix_padding_ms} ms, silence ${settings2.silence_ms} ms, speech from ${settings2.start_threshold} on, over below ${settings2.end_threshold}.${turn}`;
}
function readColours(element) {
  let probe = element.appendChild(el("i")), read = (value) => (probe.style.color = `var(${value})`, getComputedStyle(probe).color), found = {
    level: read("--lw-you"),
    probability: read("--lw-ink"),
    line: read("--lw-edge"),
    padding: read("--lw-warning"),
    silence: read("--lw-model")
  };
  return probe.remove(), found;
}

// src/explorer/wire.ts
var SOUND = /"audio"\s*:\s*\{"ms"/;
function isSound(frame) {
  return SOUND.test(frame.json) && !/"(text|turnComplete|interrupted|functionCalls)"/.test(frame.json);
}
function frameKinds(frames) {
  let counts = /* @__PURE__ */ new Map();
  for (let { kind } of frames)
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}
function matchesSearch(frame, { kind, text: text2 }) {
  let wanted = text2.trim().toLowerCase();
  return (kind === "" || frame.kind === kind) && (wanted === "" || frame.kind.toLowerCase().includes(wanted) || frame.json.toLowerCase().includes(wanted));
}
function frameRows(frames, search) {
  let found = [];
  for (let frame of frames) {
    if (!matchesSearch(frame, search))
      continue;
    let last = found.at(-1), before = last?.frames.at(-1);
    before !== void 0 && before.outgoing === frame.outgoing && before.kind === frame.kind && isSound(before) && isSound(frame) ? last.frames.push(frame) : found.push({ number: frame.number, frames: [frame] });
  }
  return found;
}
function parseFrame(frame) {
  try {
    return JSON.parse(frame.json);
  } catch {
    return frame.json;
  }
}
function toSound(value) {
  let sound = value?.audio;
  return typeof sound?.ms == "number" && typeof sound.rate == "number" && Array.isArray(sound.peaks) ? { ms: sound.ms, rate: sound.rate, peaks: sound.peaks.map(Number) } : null;
}
function sounds(value) {
  let one = toSound(value);
  return one ? [one] : typeof value == "object" && value !== null ? Object.values(value).flatMap(sounds) : [];
}
function toJsonl(frames) {
  return frames.map((frame) => {
    let { number, at_ms, gap_ms, outgoing, kind, size } = frame;
    return `${JSON.stringify({ number, at_ms, gap_ms, way: outgoing ? "out" : "in", kind, size, json: parseFrame(frame) })}
`;
  }).join("");
}
function formatSize(bytes2) {
  return bytes2 < 1e3 ? `${bytes2} B` : bytes2 < 999500 ? `${(bytes2 / 1e3).toFixed(1)} KB` : `${(bytes2 / 1e6).toFixed(1)} MB`;
}
function formatTime(ms) {
  let whole = Math.max(0, Math.round(ms)), minutes = Math.floor(whole / 6e4), seconds = (whole % 6e4 / 1e3).toFixed(3).padStart(6, "0");
  return `${minutes}:${seconds}`;
}
var OPEN2 = 3, MOST = 200;
function tree(value, depth = 0) {
  let sound = toSound(value);
  if (sound)
    return el("span", "lw-json-sound", {}, waveform2(sound.peaks), ` ${soundText(sound)}`);
  if (typeof value != "object" || value === null)
    return leaf(value);
  let entries = Object.entries(value);
  if (entries.length === 0)
    return el("span", "lw-json-mark", {}, Array.isArray(value) ? "[]" : "{}");
  let list = el("ul", "lw-json");
  for (let [key, item] of entries.slice(0, MOST))
    list.append(entry(Array.isArray(value) ? "" : key, item, depth));
  return entries.length > MOST && list.append(el("li", "lw-json-mark", {}, `… ${entries.length - MOST} more`)), list;
}
function entry(key, value, depth) {
  let name2 = key === "" ? [] : [el("span", "lw-json-key", {}, cleanLine(key, 100)), ": "];
  if (!(typeof value == "object" && value !== null && !toSound(value) && Object.keys(value).length > 0))
    return el("li", "", {}, ...name2, tree(value, depth + 1));
  let count = Object.keys(value).length, mark = Array.isArray(value) ? `[${count}]` : `{${count}}`, fold = el("details", "", {}, el("summary", "", {}, ...name2, el("span", "lw-json-mark", {}, mark)));
  return fold.open = depth < OPEN2, fold.append(tree(value, depth + 1)), el("li", "", {}, fold);
}
function leaf(value) {
  return typeof value == "string" ? el("span", "lw-json-text", {}, `"${clean(value)}"`) : el("span", "lw-json-value", {}, String(value));
}
function soundText({ ms, rate }) {
  return `${Math.round(ms)} ms · ${rate / 1e3} kHz`;
}
var WIDE = 96, HIGH = 18;
function waveform2(peaks, wide = WIDE) {
  let step = wide / Math.max(1, peaks.length), bars = peaks.map((peak2, index) => {
    let tall = Math.max(1, Math.min(1, Math.max(0, peak2)) * HIGH);
    return `M${((index + 0.5) * step).toFixed(1)} ${((HIGH - tall) / 2).toFixed(1)}v${tall.toFixed(1)}`;
  });
  return svg(
    "svg",
    {
      class: "lw-wave",
      viewBox: `0 0 ${wide} ${HIGH}`,
      width: String(wide),
      height: String(HIGH),
      "aria-hidden": "true"
    },
    svg("path", { d: bars.join("") })
  );
}
var PREVIEW = 160, BARS = 48;
function frameRow(first) {
  let shown = first, drawn = 0, at = el("span", "lw-frame-at"), way = el("span", "lw-frame-way"), kind = el("span", "lw-frame-kind"), what = el("span", "lw-frame-what"), bytes2 = el("span", "lw-frame-size"), head = el("button", "lw-frame-head", { type: "button", "aria-expanded": "false" });
  head.append(at, way, kind, what, bytes2);
  let body = el("div", "lw-frame-body");
  body.hidden = !0;
  let element = el("li", "lw-frame", {}, head, body), fill = () => body.replaceChildren(...shown.frames.slice(-12).map((frame) => frameDetails(frame, shown)));
  head.onclick = () => {
    body.hidden = !body.hidden, attribute(head, "aria-expanded", String(!body.hidden)), body.hidden || fill();
  };
  let update = (row2) => {
    if (row2.frames.length === drawn)
      return !1;
    drawn = row2.frames.length, shown = row2;
    let { at_ms, outgoing, kind: name2 } = row2.frames[0];
    return attribute(element, "data-way", outgoing ? "out" : "in"), at.textContent = formatTime(at_ms), way.textContent = outgoing ? "↑" : "↓", attribute(way, "title", outgoing ? "sent" : "received"), kind.textContent = row2.frames.length > 1 ? `${cleanLine(name2, 80)} × ${row2.frames.length}` : cleanLine(name2, 80), bytes2.textContent = formatSize(row2.frames.reduce((sum, frame) => sum + frame.size, 0)), what.replaceChildren(framePreview(row2)), body.hidden || fill(), !0;
  };
  return update(first), { element, update };
}
function framePreview(row2) {
  let pieces = row2.frames.flatMap((frame) => sounds(parseFrame(frame)));
  if (pieces.length === 0)
    return document.createTextNode(cleanLine(row2.frames[0].json, PREVIEW));
  let ms = pieces.reduce((sum, sound) => sum + sound.ms, 0), peaks = downsample(
    pieces.flatMap((sound) => sound.peaks),
    BARS
  );
  return el(
    "span",
    "lw-json-sound",
    {},
    waveform2(peaks),
    ` ${ms < 1e3 ? `${Math.round(ms)} ms` : `${(ms / 1e3).toFixed(1)} s`}`
  );
}
function downsample(values, most) {
  return values.length <= most ? [...values] : Array.from(
    { length: most },
    (_, index) => Math.max(
      ...values.slice(
        Math.floor(index * values.length / most),
        Math.floor((index + 1) * values.length / most)
      )
    )
  );
}
function frameDetails(frame, row2) {
  let gap = frame.gap_ms === null ? "the first frame" : `${frame.gap_ms.toFixed(1)} ms after the one before`, about = `frame ${frame.number} · ${formatSize(frame.size)} · ${gap}`, node = el(
    "div",
    "lw-frame-details",
    {},
    el("p", "lw-frame-about", {}, about),
    tree(parseFrame(frame))
  );
  return row2.frames.length > 12 && frame === row2.frames.at(-12) && node.prepend(el("p", "lw-frame-about", {}, `… ${row2.frames.length - 12} earlier frames of this run`)), node;
}
var ROW_STEP = 150, END_MARGIN = 40;
function wirePanel(store, _actions, scope) {
  let kind = el("select", "lw-entry", { "aria-label": "Kind of frame" }), search = el("input", "lw-entry", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search frames"
  }), pause = el("button", "lw-button", { type: "button" }, "Pause"), save = el(
    "button",
    "lw-button",
    { type: "button", title: "Save the frames shown as JSON Lines" },
    "Export"
  ), count = el("span", "lw-wire-count", { role: "status" }), bar = el("div", "lw-wire-bar", {}, search, kind, pause, save, count), earlier = el("button", "lw-button lw-wire-earlier", { type: "button" }), list = el("ol", "lw-frames", { "aria-label": "Frames of the wire" }), empty = el("p", "lw-panel-empty", {}, "Nothing has gone over the wire yet. Start to talk."), scroller = el("div", "lw-wire-list", { tabindex: "-1" }, earlier, list), element = el("div", "lw-wire", {}, bar, scroller, empty), held = null, rowsShown = /* @__PURE__ */ new Map(), most = ROW_STEP, seen = null, frames = () => held ?? store.get().explorer.frames, searched = () => ({ kind: kind.value, text: search.value }), changed = () => {
    seen = null, most = ROW_STEP, draw();
  };
  scope.listen(search, "input", changed), scope.listen(kind, "change", changed), scope.listen(earlier, "click", () => {
    let before = scroller.scrollHeight - scroller.scrollTop;
    most += ROW_STEP, seen = null, draw(), scroller.scrollTop = scroller.scrollHeight - before;
  }), scope.listen(pause, "click", () => {
    held = held ? null : store.get().explorer.frames, text(pause, held ? "Go on" : "Pause"), attribute(pause, "aria-pressed", String(held !== null)), draw();
  }), scope.listen(save, "click", () => {
    let shown = frameRows(frames().list, searched()).flatMap((row2) => row2.frames);
    download("wire.jsonl", toJsonl(shown), scope);
  });
  function draw() {
    let { list: all, lost: lost2 } = frames();
    if (seen === all)
      return;
    seen = all;
    let follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_MARGIN;
    updateKinds(kind, all);
    let found = frameRows(all, searched());
    patchKeyed(list, rowsShown, found.slice(-most), {
      key: (row2) => row2.number,
      make: frameRow,
      update: (node, row2) => node.update(row2)
    }), show(earlier, found.length > most), text(earlier, `${found.length - most} earlier rows`);
    let here = found.reduce((sum, row2) => sum + row2.frames.length, 0), gone = lost2 > 0 ? `, ${lost2} not kept` : "";
    text(count, `${here === all.length ? here : `${here} of ${all.length}`} frames${gone}`), show(empty, all.length === 0), follows && held === null && (scroller.scrollTop = scroller.scrollHeight);
  }
  return { element, update: draw };
}
function updateKinds(select, frames) {
  let known = frameKinds(frames), chosen = select.value, labels = [["", "All kinds"], ...known.map(([name2, count]) => [name2, `${name2} (${count})`])], options = select.options;
  for (labels.forEach(([value, label], index) => {
    let option = options[index] ?? select.appendChild(el("option"));
    option.value = value, text(option, label);
  }); options.length > labels.length; )
    options[options.length - 1].remove();
  select.value = known.some(([name2]) => name2 === chosen) ? chosen : "";
}
function download(name2, content, scope) {
  let url = URL.createObjectURL(new Blob([content], { type: "application/jsonl" }));
  el("a", "", { href: url, download: name2 }).click(), scope.timeout(() => URL.revokeObjectURL(url), 1e4);
}

// src/explorer/explorer.ts
var PANELS = [
  { name: "settings", title: "Settings", make: settingsPanel },
  { name: "wire", title: "Wire", make: wirePanel },
  { name: "tuner", title: "Tuner", make: vadPanel },
  { name: "turns", title: "Turns", make: latencyPanel }
];
function explorer(opener, store, actions, scope) {
  let id = freshId("explorer"), tabs = PANELS.map(makeTab), list = el("div", "lw-tabs", { role: "tablist", "aria-label": "Explorer" });
  list.append(...tabs.map((tab) => tab.button));
  let close = button("lw-plain lw-explorer-close", "Close the explorer", icon("close", 18)), used = tokenMeter(), bar = el("div", "lw-explorer-bar", {}, list, used.element, close), element = el("section", "lw-explorer", { id, "aria-label": "Explorer" }, bar), way = el("p", "lw-explorer-way");
  element.append(...tabs.map((tab) => tab.panel), way), attribute(opener, "aria-controls", id), shareAnswers(store, scope);
  let look = actions.explorer.show.bind(actions.explorer);
  scope.listen(opener, "click", () => look(!store.get().explorer.open)), scope.listen(close, "click", () => {
    look(!1), opener.focus();
  });
  for (let tab of tabs)
    scope.listen(tab.button, "click", () => look(!0, tab.name));
  return scope.listen(list, "keydown", (event) => {
    let to = tabFor(event.key, tabs, store.get().explorer.panel);
    to && (event.preventDefault(), look(!0, to.name), to.button.focus());
  }), {
    element,
    update(state) {
      let { open, panel } = state.explorer;
      attribute(opener, "aria-expanded", String(open)), show(element, open), used.update(state), text(way, connectionLine(state));
      for (let tab of tabs) {
        let chosen = open && tab.name === panel;
        attribute(tab.button, "aria-selected", String(tab.name === panel)), attribute(tab.button, "tabindex", tab.name === panel ? "0" : "-1"), show(tab.panel, chosen), chosen && update(tab, state);
      }
    }
  };
  function update(tab, state) {
    tab.view || (tab.view = tab.kind.make(store, actions, scope), tab.panel.append(tab.view.element)), tab.view.update(state);
  }
}
function makeTab(kind) {
  let tab = el("button", "lw-tab", { type: "button", role: "tab", id: freshId("tab") }, kind.title), panel = el("div", "lw-panel", { role: "tabpanel", id: freshId("panel"), "aria-labelledby": tab.id });
  return attribute(tab, "aria-controls", panel.id), { name: kind.name, button: tab, panel, view: null, kind };
}
function tabFor(key, tabs, now2) {
  let at = tabs.findIndex((tab) => tab.name === now2), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key];
  return to === void 0 ? void 0 : tabs.at(to % tabs.length);
}

// src/views/media-buttons.ts
var SOURCES = [
  { source: "camera", glyph: "camera", on: "Turn the camera off", off: "Show the camera" },
  { source: "screen", glyph: "screen", on: "Stop showing the screen", off: "Show a screen" }
];
function canSendMedia(state) {
  return state.sees && state.connected && !isMirror(state);
}
function mediaButtons(actions) {
  let sources2 = SOURCES.map((source) => ({
    ...source,
    node: button("lw-eye", source.off, icon(source.glyph))
  })), input = el("input", "", { type: "file", accept: "image/*", "aria-label": "Picture file" });
  input.hidden = !0;
  let file = button("lw-eye", "Show a picture file", icon("picture")), element = el("div", "lw-eyes", { role: "group", "aria-label": "Show something" });
  element.append(...sources2.map(({ node }) => node), file, input);
  for (let { node, source } of sources2)
    node.onclick = () => {
      node.getAttribute("aria-disabled") === null && actions.toggle(source);
    };
  return file.onclick = () => {
    file.getAttribute("aria-disabled") === null && input.click();
  }, input.onchange = () => {
    let picked = input.files?.[0];
    picked && actions.sendFile(picked), input.value = "";
  }, {
    element,
    update(state) {
      show(element, state.sees);
      for (let { node, source, on, off } of sources2) {
        let pressed = state.video.source === source;
        attribute(node, "aria-pressed", String(pressed)), attribute(node, "data-look", pressed ? state.video.state : "off"), name(node, pressed ? on : off);
      }
      for (let node of [...sources2.map((source) => source.node), file])
        attribute(node, "aria-disabled", canSendMedia(state) ? null : "true");
    }
  };
}
function acceptFiles(card, isAllowed2, actions, scope) {
  let carriesFiles = (event) => isAllowed2() && (event.dataTransfer?.types.includes("Files") ?? !1);
  for (let type of ["dragenter", "dragover"])
    scope.listen(card, type, (event) => {
      carriesFiles(event) && (event.preventDefault(), event.stopPropagation(), attribute(card, "data-drop", "true"));
    });
  scope.listen(card, "dragleave", (event) => {
    event.relatedTarget instanceof Node && card.contains(event.relatedTarget) || attribute(card, "data-drop", null);
  }), scope.listen(card, "drop", (event) => {
    attribute(card, "data-drop", null), carriesFiles(event) && (event.preventDefault(), event.stopPropagation(), send(event.dataTransfer));
  }), scope.listen(card, "paste", (event) => {
    isAllowed2() && send(event.clipboardData) && event.preventDefault();
  });
  function send(from) {
    let files = [...from?.files ?? []], file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
    return file && actions.sendFile(file), file !== void 0;
  }
}
var SOURCE_LABELS = {
  camera: "Camera",
  screen: "Screen",
  file: "Picture",
  python: "From Python"
};
function progressText({ source, state, preview: preview2, progress, sent }) {
  if (state === "hidden")
    return "Paused while this page is not seen.";
  if (state === "asking")
    return source === "screen" ? "Choose what to show in the browser's question." : "Allow the camera in the browser's question.";
  switch (progress) {
    case "sending":
      return "Sending…";
    case "unchanged":
      return "Unchanged, not sent again.";
    case "waiting":
      return "Waits for the kernel.";
    case "sent":
      return preview2 ? sentText(preview2.tokens, source !== null && preview2.source === source ? sent : 1) : "";
    case "":
      return source === null ? "" : "Looking…";
  }
}
function sentText(tokens2, sent) {
  return sent > 1 ? `${sent} sent, ${tokens2} tokens each` : `Sent, ${tokens2} tokens`;
}
function preview(actions, scope) {
  let small = el("img", "", { alt: "" }), thumb = button("lw-thumb", "Enlarge the picture that was sent"), what = el("strong"), size = el("span", "lw-tray-size"), news = el("span", "lw-tray-news"), words = el("p", "lw-tray-words", {}, el("span", "lw-tray-what", {}, what, size), news), close = button("lw-plain", "", icon("close", 16)), element = el("div", "lw-tray", { role: "group", "aria-label": "What is shown" }, thumb, words, close), large = enlargedView(thumb, scope), on = null;
  return close.onclick = () => on ? actions.toggle(on) : actions.dismiss(), {
    element,
    large: large.element,
    update(state) {
      let { video } = state, { source, preview: preview2 } = video;
      on = source, show(element, source !== null || preview2 !== null || video.progress === "sending"), attribute(element, "data-news", video.progress), show(thumb, preview2 !== null), placeImage(thumb, small, preview2), text(what, SOURCE_LABELS[preview2?.source ?? source ?? "file"]), text(size, preview2 ? dimensions(preview2) : ""), text(news, progressText(video)), name(close, source === null ? "Take the picture away" : STOP_LABELS[source]), large.update(state);
    }
  };
}
function placeImage(place, image, preview2) {
  preview2 === null ? image.remove() : (attribute(image, "src", preview2.url), image.parentNode !== place && place.append(image));
}
var STOP_LABELS = { camera: "Turn the camera off", screen: "Stop showing the screen" };
function dimensions({ width, height, bytes: count }) {
  return `${width} × ${height} · ${bytes(count)}`;
}
function enlargedView(opener, scope) {
  let picture2 = el("img", "", { alt: "The picture that was sent last" }), caption = el("p", "lw-large-caption"), close = button("lw-plain", "Close", icon("close")), element = el("div", "lw-large", { role: "dialog", "aria-label": "The picture that was sent last" }), frame = el("div", "lw-large-frame");
  element.append(frame, caption, close), element.hidden = !0;
  let shut = () => {
    show(element, !1), opener.focus();
  };
  return opener.onclick = () => {
    show(element, !0), close.focus();
  }, element.onclick = shut, onEscape(scope, element, () => (shut(), !0)), {
    element,
    update({ video: { preview: preview2 } }) {
      preview2 === null && show(element, !1), placeImage(frame, picture2, preview2), text(
        caption,
        preview2 ? `${SOURCE_LABELS[preview2.source]} · ${dimensions(preview2)} · ${preview2.tokens} tokens` : ""
      );
    }
  };
}

// src/views/composer.ts
var KEY_SOURCE = "button key", CLICK_SOURCE = "click", pointerSource = ({ pointerId }) => `pointer ${pointerId}`;
function microphoneView(store, pushToTalk2, actions, scope) {
  let glyph = icon("microphone", 22), element = button("lw-microphone", "Start talking", glyph), action = () => microphoneButton(store.get()).action, pressed = null, pressedAction = () => {
    let now2 = pressed ?? action();
    return pressed = null, now2;
  };
  for (let type of ["pointercancel", "blur"])
    scope.listen(element, type, () => {
      pressed = null;
    });
  scope.listen(element, "click", (event) => {
    let now2 = pressedAction();
    now2 === "start" ? actions.start() : now2 === "mute" ? actions.toggleMute() : now2 === "hold" && event.detail === 0 && (pushToTalk2.isPressedBy(CLICK_SOURCE) ? pushToTalk2.release(CLICK_SOURCE) : pushToTalk2.press(CLICK_SOURCE));
  }), scope.listen(element, "pointerdown", (event) => {
    if (event.button === 0 && (pressed = action(), pressed === "hold" && pushToTalk2.press(pointerSource(event))))
      try {
        element.setPointerCapture(event.pointerId);
      } catch {
      }
  });
  for (let type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    let release = (event) => {
      pushToTalk2.release(pointerSource(event)), event.target instanceof Node && element.contains(event.target) || (pressed = null);
    };
    scope.listen(window, type, release, { capture: !0 });
  }
  scope.listen(element, "contextmenu", (event) => {
    action() === "hold" && event.preventDefault();
  }), scope.listen(element, "keydown", (event) => {
    event.key !== " " && event.key !== "Enter" || (event.repeat || (pressed = action()), (pressed === "hold" || pushToTalk2.isPressedBy(KEY_SOURCE)) && (event.preventDefault(), event.repeat || pushToTalk2.press(KEY_SOURCE)));
  }), scope.listen(element, "keyup", (event) => {
    (event.key === " " || event.key === "Enter" || event.key === "Meta") && (pressed === "hold" || pushToTalk2.isPressedBy(KEY_SOURCE)) && (event.preventDefault(), pressed = null, pushToTalk2.release(KEY_SOURCE));
  }), scope.listen(element, "blur", () => pushToTalk2.release(KEY_SOURCE));
  let shown = 0;
  return {
    element,
    level(value) {
      let rounded = Math.round(Math.sqrt(Math.min(1, Math.max(0, value))) * 20) / 20;
      rounded !== shown && (shown = rounded, element.style.setProperty("--lw-level", String(rounded)));
    },
    update(state) {
      let now2 = microphoneButton(state);
      attribute(element, "data-look", now2.look), attribute(element, "aria-pressed", now2.pressed === null ? null : String(now2.pressed)), attribute(element, "aria-disabled", now2.action === "nothing" ? "true" : null), name(element, now2.label, now2.pressed && now2.action === "mute" ? "Unmute the microphone" : now2.label), picture(glyph, now2.look === "silent" ? "silent" : "microphone");
    }
  };
}
var MAX_MESSAGE = 8e3;
function composer(store, pushToTalk2, actions, scope) {
  let microphone = microphoneView(store, pushToTalk2, actions, scope), stop = button("lw-stop", "Stop the talk", el("span", "lw-square", { "aria-hidden": "true" })), box = el("input", "lw-box", {
    type: "text",
    "aria-label": "Message",
    autocomplete: "off",
    enterkeyhint: "send",
    maxlength: String(MAX_MESSAGE)
  }), send = el("button", "lw-plain lw-send", { type: "submit" }, icon("send"));
  name(send, "Send");
  let line2 = el("p", "lw-hint"), interrupt = interruptButton(actions), below = el("div", "lw-below", {}, line2, interrupt.element), field = el("div", "lw-field", {}, box, send), media = mediaButtons(actions.video), element = el("form", "lw-composer", {}, microphone.element, stop, field, media.element, below), ready = () => {
    attribute(send, "disabled", box.value.trim() && store.get().connected ? null : "");
  };
  return stop.onclick = () => actions.stop(), scope.listen(box, "input", ready), scope.listen(element, "submit", (event) => {
    event.preventDefault();
    let message = box.value.trim();
    message && store.get().connected && (actions.sendText(message), box.value = "", ready());
  }), {
    element,
    level: microphone.level,
    update(state) {
      microphone.update(state), media.update(state);
      let runs = state.connected && (state.phase === "live" || state.phase === "connecting");
      !runs && stop === document.activeElement && microphone.element.focus(), attribute(stop, "disabled", runs ? null : "");
      let typed = acceptsText(state);
      show(field, typed), attribute(element, "data-silent", typed ? null : "true"), attribute(box, "disabled", state.connected && typed ? null : ""), attribute(box, "placeholder", placeholder(state)), text(line2, hint(state)), interrupt.update(state), ready();
    }
  };
}
function interruptButton(actions) {
  let key = el("kbd", "lw-key", {}, "esc"), element = el(
    "button",
    "lw-interrupt",
    { type: "button", title: "Interrupt (Escape)" },
    "Interrupt ",
    key
  );
  return element.onclick = () => actions.interrupt(), {
    element,
    update(state) {
      let wanted = canInterrupt(state);
      !wanted && element === document.activeElement && element.closest(".livewidget")?.focus(), show(element, wanted);
    }
  };
}
var MAX_SUGGESTIONS = 6;
function suggestions(actions) {
  let label = el("span", "lw-try-label", {}, "Try saying"), element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label), current = [], typed = !0;
  return {
    element,
    update(state) {
      let offered = state.suggestions.slice(0, MAX_SUGGESTIONS);
      if (!(offered.length === current.length && offered.every((words, index) => words === current[index])) || typed !== acceptsText(state)) {
        current = offered, typed = acceptsText(state);
        let make = (words) => typed ? suggestionButton(words, () => actions.sendText(words)) : suggestionText(words);
        element.replaceChildren(label, ...offered.map(make));
      }
      for (let node of element.querySelectorAll("button"))
        attribute(node, "disabled", state.connected ? null : "");
      let wanted = state.turns.length === 0 || state.phase === "idle";
      show(element, wanted && offered.length > 0);
    }
  };
}
function suggestionButton(words, send) {
  let shown = cleanLine(words, 80), node = button("lw-suggestion", `Say: ${shown}`);
  return text(node, shown), node.onclick = send, node;
}
function suggestionText(words) {
  return el("span", "lw-sentence", {}, `“${cleanLine(words, 80)}”`);
}

// src/views/notices.ts
var MAX_ANNOUNCED = 4;
function announcer() {
  let element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" }), known = null, asked = /* @__PURE__ */ new Set(), put = (line2) => {
    element.append(line2), element.children.length > MAX_ANNOUNCED && element.firstElementChild.remove();
  };
  return {
    element,
    update(state) {
      if (known === null) {
        known = new Set(state.turns.filter(isAnnounced).map((turn) => turn.index));
        return;
      }
      for (let use of pendingApprovals(state))
        if (!asked.has(use.id)) {
          asked.add(use.id);
          let args = cleanLine(use.args), more = args === cleanLine(use.args, 2e4) ? "" : " There is more to read in the card.";
          put(el("p", "", {}, clean(`May it run? ${cleanLine(use.name, 80)}(${args})${more}`)));
        }
      for (let turn of state.turns) {
        if (known.has(turn.index) || !isAnnounced(turn))
          continue;
        known.add(turn.index);
        let who = turn.speaker === "user" ? "you" : speakerName(state), line2 = el("p", "", {}, clean(`${who}: ${announcement(turn)}`)), language = languageTag(turn.language);
        language && line2.setAttribute("lang", language), put(line2);
      }
    }
  };
}
function isAnnounced(turn) {
  return turn.final && (turn.spans.length > 0 || turn.interim !== "" || turn.waited);
}
function announcement(turn) {
  if (turn.waited)
    return "chose not to answer";
  let words = turn.spans.map((span) => span.text).join("").trim();
  return turn.interrupted ? `${words} (interrupted)` : words;
}
var MAX_NOTICES = 3;
function noticeList(actions) {
  let element = el("div", "lw-notes"), shown = /* @__PURE__ */ new Map();
  return {
    element,
    update(state) {
      let wanted = state.notices.slice(-MAX_NOTICES);
      patchKeyed(element, shown, wanted, {
        key: ({ code }) => code,
        make: ({ code }) => noticeItem(() => actions.dismissNotice(code)),
        update: (item, notice) => item.update(notice)
      }), show(element, wanted.length > 0);
    }
  };
}
function noticeItem(dismiss) {
  let first = el("span", "lw-note-first"), rest = el("span"), close = button("lw-plain lw-note-close", "Dismiss", icon("close", 16));
  close.onclick = dismiss;
  let element = el("div", "lw-note", {}, el("p", "lw-note-text", {}, first, rest), close);
  return {
    element,
    update({ level, text: words }) {
      attribute(element, "role", level === "error" ? "alert" : "status"), attribute(
        element,
        "data-level",
        level === "error" ? "error" : level === "warning" ? "warning" : "info"
      );
      let [sentence, more] = firstSentence(clean(words, 2e3));
      return text(first, sentence), text(rest, more && ` ${more}`), !0;
    }
  };
}
function browserOffer(actions, scope) {
  let why = el("span", "lw-offer-why"), how = el("span", "lw-offer-how"), link2 = el("a", "lw-offer-link", { target: "_blank", rel: "noopener noreferrer" }, "Open in browser"), element = el("div", "lw-offer", { role: "status" }, el("p", "lw-offer-words", {}, why, how), link2), page = null, arm = () => {
    attribute(link2, "href", page && `${page.address}#${page.token}`);
  }, disarm = () => attribute(link2, "href", page?.address ?? null);
  for (let type of ["pointerdown", "mousedown", "keydown"])
    scope.listen(link2, type, arm, { capture: !0 });
  for (let type of ["click", "auxclick"])
    scope.listen(link2, type, () => {
      arm(), scope.timeout(() => {
        disarm(), actions.onBrowserOpened();
      }, 0);
    });
  return {
    element,
    update(state) {
      let wanted = state.connected && !state.page && (state.barred || state.heldByCell);
      page !== state.browser && (page = state.browser, disarm()), text(why, state.barred ? "This page gets no microphone. " : "The cell keeps the microphone waiting. "), text(
        how,
        page?.port ? `Talk in your browser instead. If the kernel runs on another computer, connect its port first: ssh -L ${page.port}:127.0.0.1:${page.port} and that computer's name.` : "Talk in your browser instead; it is the same conversation."
      ), show(element, wanted && page !== null);
    }
  };
}

// src/views/push-to-talk.ts
function pushToTalk(store, actions, scope) {
  let sources2 = /* @__PURE__ */ new Set(), release = () => {
    sources2.size > 0 && (sources2.clear(), actions.pushToTalk(!1));
  };
  return scope.listen(window, "blur", release), scope.listen(document, "visibilitychange", () => {
    document.hidden && release();
  }), scope.add(release), {
    press(source) {
      return canPushToTalk(store.get()) ? (sources2.add(source), sources2.size === 1 && actions.pushToTalk(!0), !0) : !1;
    },
    release(source) {
      sources2.delete(source) && sources2.size === 0 && actions.pushToTalk(!1);
    },
    isPressedBy: (source) => sources2.has(source),
    update(state) {
      canPushToTalk(state) || release();
    }
  };
}
var SPACE = "space bar", TYPING_TARGETS = "input, textarea, select, button, summary, [contenteditable]";
function keyboard(root, store, pushToTalk2, actions, scope) {
  scope.listen(root, "keydown", (event) => {
    event.stopPropagation(), !event.defaultPrevented && (event.key === "Escape" && canInterrupt(store.get()) ? (event.preventDefault(), actions.interrupt()) : isTalkKey(event) && (pushToTalk2.isPressedBy(SPACE) || !event.repeat && pushToTalk2.press(SPACE)) && event.preventDefault());
  });
  for (let type of ["keyup", "keypress"])
    scope.listen(root, type, (event) => event.stopPropagation());
  let release = (event) => {
    (event.key === " " || event.key === "Meta") && pushToTalk2.release(SPACE);
  };
  scope.listen(window, "keyup", release, { capture: !0 }), scope.listen(root, "focusout", (event) => {
    event.relatedTarget instanceof Node && root.contains(event.relatedTarget) || pushToTalk2.release(SPACE);
  });
}
function isTalkKey(event) {
  return event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey ? !1 : !(event.target instanceof Element && event.target.closest(TYPING_TARGETS));
}

// src/views/settings.ts
function row(label, control2, ...more) {
  return control2.id = freshId("field"), el("div", "lw-row", {}, el("label", "lw-label", { for: control2.id }, label), control2, ...more);
}
function deviceRow(kind, read, pick) {
  let select = el("select", "lw-select");
  select.onchange = () => pick(select.value);
  let shownKey = "";
  return {
    element: row(kind, select),
    update(state) {
      let known = read(state), options = deviceOptions(kind, known), key = JSON.stringify(options);
      key !== shownKey && (shownKey = key, select.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)))), select.value !== known.deviceId && (select.value = known.deviceId);
    }
  };
}
function deviceOptions(kind, { devices, deviceId }) {
  let named = devices.filter((device) => device.id !== "").map((device, index) => ({
    id: device.id,
    label: cleanLine(device.label, 80) || `${kind} ${index + 1}`
  })), all = [{ id: "", label: `This browser's ${kind.toLowerCase()}` }, ...named];
  return all.some((device) => device.id === deviceId) ? all : [...all, { id: deviceId, label: `Chosen ${kind.toLowerCase()}` }];
}
function percentRow(label, range, read, set) {
  let limits = { min: String(range.min), max: String(range.max), step: "5" }, slider = el("input", "lw-slider", { type: "range", ...limits }), shown = el("output", "lw-value");
  return slider.oninput = () => {
    text(shown, `${slider.value} %`), set(Number(slider.value));
  }, {
    element: row(label, slider, shown),
    update(state) {
      let percent = String(read(state));
      slider.value !== percent && slider !== document.activeElement && (slider.value = percent), text(shown, `${slider.value} %`);
    }
  };
}
var SIZES = [384, 512, 768];
function videoRows(actions) {
  let camera = deviceRow(
    "Camera",
    ({ video }) => video,
    (id) => actions.pickCamera(id)
  ), quality = percentRow(
    "Quality",
    { min: 30, max: 95 },
    ({ video }) => video.quality,
    (percent) => actions.setQuality(percent)
  );
  return [camera, sizeRow(actions), quality].map((part) => ({
    element: part.element,
    update(state) {
      show(part.element, state.sees), part.update(state);
    }
  }));
}
function sizeRow(actions) {
  let options = SIZES.map((size) => el("option", "", { value: String(size) }, `at most ${size} pixels`)), select = el("select", "lw-select", {}, ...options);
  return select.onchange = () => actions.setSize(Number(select.value)), {
    element: row("Pictures", select),
    update({ video }) {
      select.value !== String(video.maxSide) && (select.value = String(video.maxSide));
    }
  };
}
var MODES = [
  { mode: "automatic", label: "Automatic", explained: "it hears when you begin and end" },
  { mode: "push_to_talk", label: "Push to talk", explained: "hold space or the button" }
];
function settings(opener, actions, scope) {
  let id = freshId("settings"), microphone = deviceRow(
    "Microphone",
    (state) => state.microphone,
    (device) => actions.pickMicrophone(device)
  ), volume = percentRow(
    "Volume",
    { min: 0, max: 100 },
    ({ playback }) => Math.round(playback.volume * 100),
    (percent) => actions.setVolume(percent / 100)
  ), parts = [microphone, volume, ...videoRows(actions.video), modeRow(actions), modelRow()], element = el("div", "lw-settings", { id, role: "dialog", "aria-label": "Settings" });
  element.append(...parts.map((part) => part.element)), element.hidden = !0, attribute(opener, "aria-expanded", "false"), attribute(opener, "aria-controls", id), attribute(opener, "aria-haspopup", "dialog");
  let turn = (open) => {
    show(element, open), attribute(opener, "aria-expanded", String(open));
  }, close = () => {
    if (element.hidden)
      return !1;
    let inside = element.contains(document.activeElement);
    return turn(!1), inside && opener.focus(), !0;
  };
  scope.listen(opener, "click", () => {
    close() || (turn(!0), element.querySelector("select, input")?.focus());
  });
  let isElsewhere = (target) => target instanceof Node && !element.contains(target) && !opener.contains(target);
  scope.listen(document, "pointerdown", (event) => {
    isElsewhere(event.composedPath()[0]) && close();
  }), scope.listen(element, "focusout", (event) => {
    isElsewhere(event.relatedTarget) && turn(!1);
  });
  for (let node of [element, opener])
    onEscape(scope, node, () => {
      let closed = close();
      return closed && opener.focus(), closed;
    });
  return {
    element,
    close,
    update(state) {
      for (let part of parts)
        part.update(state);
    }
  };
}
function modeRow(actions) {
  let group = freshId("turns"), inputs = MODES.map(({ mode }) => {
    let input = el("input", "lw-radio", { type: "radio", name: group, value: mode });
    return input.onchange = () => actions.setTurnTaking(mode), input;
  }), labels = MODES.map(
    ({ label, explained }, index) => el(
      "label",
      "lw-choice",
      {},
      inputs[index],
      el("span", "", {}, label, el("small", "lw-explained", {}, explained))
    )
  ), title = el("span", "lw-label", { id: freshId("label") }, "Turns"), choices = el("div", "lw-choices", { role: "radiogroup", "aria-labelledby": title.id }, ...labels);
  return {
    element: el("div", "lw-row", {}, title, choices),
    update(state) {
      for (let input of inputs) {
        let checked = input.value === state.turnTaking;
        input.checked !== checked && (input.checked = checked);
      }
    }
  };
}
function modelRow() {
  let value = el("span", "lw-model-id"), element = el("div", "lw-row", {}, el("span", "lw-label", {}, "Talking to"), value);
  return {
    element,
    update(state) {
      text(value, cleanLine(state.model)), show(element, state.model !== "");
    }
  };
}

// src/views/answer.ts
function codeRuns() {
  let element = el("div", "lw-runs"), blocks = [];
  return {
    element,
    update(turn) {
      patchList(element, blocks, turn.code, codeBlock, (node, run) => node.update(run)), show(element, turn.code.length > 0);
    }
  };
}
function codeBlock() {
  let language = el("span", "lw-run-language"), outcome = el("span", "lw-run-outcome"), program = el("pre", "lw-program", { tabindex: "0", dir: "ltr", "aria-label": "Code" }), output = el("pre", "lw-output", { tabindex: "0", dir: "ltr", "aria-label": "Output" }), printed = el("div", "lw-printed", {}, el("span", "lw-run-language", {}, "output"), output), head = el("div", "lw-run-head", {}, language, outcome), element = el(
    "div",
    "lw-run",
    { role: "group", "aria-label": "Code that was run" },
    head,
    program,
    printed
  );
  return {
    element,
    update(run) {
      attribute(element, "data-outcome", run.outcome ?? "running"), text(language, cleanLine(run.language, 30) || "code"), text(outcome, run.outcome === null ? "running…" : run.outcome === "failed" ? "failed" : ""), text(program, clean(run.code).trimEnd()), show(program, run.code.trim() !== ""), text(output, clean(run.output).trimEnd()), show(printed, run.output.trim() !== "");
    }
  };
}
var MAX_ADDRESS = 4096;
function safeUrl(uri) {
  if (uri.length > MAX_ADDRESS || !/^https?:\/\//i.test(uri))
    return null;
  try {
    let url = new URL(uri);
    return (url.protocol === "https:" || url.protocol === "http:") && url.hostname && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}
function link() {
  let anchor = el("a", "lw-link", { target: "_blank", rel: "noopener noreferrer" }), host = el("span", "lw-host");
  return {
    element: el("span", "lw-linked", {}, anchor, host),
    update(uri, title) {
      let url = safeUrl(uri), shown = cleanLine(title) || url?.hostname || cleanLine(uri);
      attribute(anchor, "href", url === null ? null : url.href), text(anchor, shown), text(host, url === null || shown.includes(url.hostname) ? "" : ` ${url.hostname}`);
    }
  };
}
var SHOWN_SOURCES = 4;
function sources() {
  let searched = el("p", "lw-searched"), first = el("ol", "lw-sources", { "aria-label": "Sources" }), rest = el("ol", "lw-sources", { "aria-label": "More sources", start: String(SHOWN_SOURCES + 1) }), count = el("summary"), more = el("details", "lw-more-sources", {}, count, rest), read = el("ul", "lw-pages", { "aria-label": "Pages" }), element = el("div", "lw-evidence", {}, searched, first, more, read), shown = [], folded = [], pages = [];
  return {
    element,
    update({ sources: all, queries, pages: asked }) {
      text(searched, queries.map((query) => cleanLine(query)).join(" · ")), show(searched, queries.length > 0);
      let put = (item, source) => item.update(source.uri, source.title);
      patchList(first, shown, all.slice(0, SHOWN_SOURCES), sourceItem, put), patchList(rest, folded, all.slice(SHOWN_SOURCES), sourceItem, put), show(first, all.length > 0), text(count, `${all.length - SHOWN_SOURCES} more`), show(more, all.length > SHOWN_SOURCES), patchList(read, pages, asked, pageRow, (node, page) => node.update(page)), show(read, asked.length > 0), show(element, all.length + queries.length + asked.length > 0);
    }
  };
}
function sourceItem() {
  let { element, update } = link();
  return { element: el("li", "", {}, element), update };
}
var PAGE_STATUS = {
  read: "read",
  failed: "could not be read",
  paywall: "behind a paywall",
  unsafe: "not safe"
};
function pageRow() {
  let where = link(), status2 = el("span", "lw-page-status"), element = el("li", "", {}, where.element, status2);
  return {
    element,
    update(page) {
      attribute(element, "data-status", page.status), where.update(page.status === "unsafe" ? "" : page.url, shortAddress(page.url)), text(status2, PAGE_STATUS[page.status] ?? PAGE_STATUS.failed);
    }
  };
}
function shortAddress(uri) {
  let url = safeUrl(uri);
  return url === null ? uri : cleanLine(url.host + (url.pathname === "/" ? "" : url.pathname), 80);
}
var SUMMARY_LENGTH = 120;
function thoughts() {
  let beginning = el("span", "lw-thoughts-beginning"), summary = el("summary", "", {}, el("span", "lw-thoughts-word", {}, "thoughts"), beginning), all = el("div", "lw-thought", { dir: "auto" }), element = el("details", "lw-thoughts", {}, summary, all);
  return {
    element,
    update(turn) {
      let words = clean(turn.thoughts).trim();
      text(all, words), text(beginning, cleanLine(words.slice(0, 4 * SUMMARY_LENGTH).replaceAll("**", ""), SUMMARY_LENGTH)), show(element, words !== "");
    }
  };
}

// src/views/turn.ts
var SAMPLE_RATE = 24e3, CHARACTERS_PER_SECOND = 20;
function wordSync(turn, state) {
  if (turn.speaker !== "model" || !state.owner || state.phase !== "live" || turn.interrupted || hasNoPlayer(state.sound.player))
    return "whole";
  let { turn: playing, playedSample } = state.playback;
  return turn.index === playing ? turn.final && playedSample === 0 ? "whole" : "inStep" : !turn.final && turn.index > playing && playedSample > 0 ? "ahead" : "whole";
}
function turnWords(turn, state) {
  let spans = turn.interrupted && turn.heard_sample !== null ? spansUpTo(turn.spans, turn.heard_sample) : turn.spans, { interim } = turn, at = wordSync(turn, state);
  if (at === "whole")
    return { played: joinSpans(spans), speaking: "", interim };
  let played = at === "ahead" ? 0 : state.playback.playedSample, begun = spans.filter((span) => span.sample <= played), last = begun.at(-1);
  return !last || played >= spanEnd(last, spans[begun.length]) ? { played: joinSpans(begun), speaking: "", interim } : { played: joinSpans(begun.slice(0, -1)), speaking: last.text, interim };
}
function spanEnd(span, next) {
  let guess = span.sample + span.text.length / CHARACTERS_PER_SECOND * SAMPLE_RATE;
  return next ? Math.min(guess, next.sample) : guess;
}
function spansUpTo(spans, sample) {
  let begun = spans.filter((span) => span.sample < sample), last = begun.at(-1);
  if (!last || sample >= spanEnd(last, spans[begun.length]))
    return begun;
  let room = Math.floor((sample - last.sample) / SAMPLE_RATE * CHARACTERS_PER_SECOND), boundary = last.text.lastIndexOf(" ", room);
  return [
    ...begun.slice(0, -1),
    { text: boundary > 0 ? last.text.slice(0, boundary) : "", sample: last.sample }
  ];
}
function joinSpans(spans) {
  return spans.map((span) => span.text).join("");
}
function turnView(speaker, actions) {
  let name2 = el("span", "lw-speaker"), language = el("span", "lw-language"), who = el("span", "lw-whose", {}, name2, language), played = document.createTextNode(""), speaking = el("span", "lw-soft"), interim = el("span", "lw-soft lw-interim"), interrupted = el("span", "lw-interrupted", {}, "interrupted"), line2 = el("p", "lw-words", { dir: "auto" }, played, speaking, interim, interrupted), [thinking, runs, links] = [thoughts(), codeRuns(), sources()], declined = el("p", "lw-waited", {}, "chose not to answer"), count = el("span"), pictures = el("p", "lw-pictures", {}, icon("picture", 14), count), calls = toolList(actions), delay = el("span", "lw-small", {
    title: ANSWERED_IN
  }), side = speaker === "user" ? "lw-user" : "lw-model", content = el("div", "lw-content", {}, thinking.element, calls.element, runs.element, line2);
  content.append(declined, pictures, links.element);
  let element = el("li", `lw-turn ${side}`, {}, who, content, delay), last = null, before = "";
  return {
    element,
    update(turn, state) {
      let named = speaker === "user" ? "you" : speakerName(state), now2 = turnWords(turn, state), key = `${named}
${now2.played.length} ${now2.speaking.length} ${state.ownedElsewhere}`;
      if (turn === last && key === before)
        return !1;
      last = turn, before = key, text(name2, named), text(language, turn.language), attribute(language, "title", turn.language ? languageName(turn.language) : null), renderWords({ played, speaking, interim }, now2), show(interrupted, turn.interrupted);
      let waits = !turn.final && !turn.waited && turn.tools.length === 0;
      show(line2, !isEmpty(now2) || turn.interrupted || waits), attribute(line2, "data-empty", isEmpty(now2) && waits ? "true" : null), attribute(line2, "lang", languageTag(turn.language)), show(declined, turn.waited), text(count, turn.images === 1 ? "1 picture" : `${turn.images} pictures`), show(pictures, turn.images > 0);
      for (let part of [thinking, runs, links])
        part.update(turn);
      return calls.update(turn.tools, state), text(delay, turn.latency_ms === null ? "" : latency(turn.latency_ms)), !0;
    }
  };
}
function isEmpty({ played, speaking, interim }) {
  return played + speaking + interim === "";
}
function renderWords(nodes, now2) {
  let { interim } = now2, played = now2.played.trimStart(), speaking = played ? now2.speaking : now2.speaking.trimStart(), spoken = played + speaking, gap = spoken !== "" && interim !== "" && !/\s$/.test(spoken) && !/^\s/.test(interim);
  text(nodes.played, clean(speaking + interim ? played : played.trimEnd())), text(nodes.speaking, clean(speaking)), text(nodes.interim, clean((gap ? " " : "") + interim));
}

// src/views/transcript.ts
var CONFIRMATION_MS2 = 2e3;
function dictationBody(scope) {
  let count = el("span", "lw-count", { "aria-live": "off" }), label = el("span", "", {}, "Copy text"), copy = el("button", "lw-copy", { type: "button" }, icon("copy", 14), label), status2 = el("span", "lw-unseen", { role: "status" }), head = el("div", "lw-dictation-head", {}, count, copy, status2), flow = el("div", "lw-flow", { dir: "auto" }), element = el("div", "lw-dictation", {}, head, flow), pieces = /* @__PURE__ */ new Map(), confirm = confirmation(label, status2, scope, CONFIRMATION_MS2);
  return copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(dictatedText(pieces)), confirm("Copied");
    } catch {
      selectContents(flow), confirm("Press Ctrl+C");
    }
  }, {
    kind: "dictation",
    element,
    update(state) {
      let turns = state.turns.filter((turn) => turn.speaker === "user"), changed = patchKeyed(flow, pieces, turns, {
        key: (turn) => turn.index,
        make: dictationPiece,
        update: (piece, turn) => piece.update(turn)
      }), words = [...pieces.values()].reduce((sum, piece) => sum + piece.count, 0);
      return text(count, words === 1 ? "1 word" : `${words} words`), attribute(copy, "disabled", words > 0 ? null : ""), show(head, turns.length > 0), changed;
    }
  };
}
function turnText(element) {
  let final = document.createTextNode(""), interim = el("span", "lw-soft lw-interim");
  return element.append(final, interim), (turn) => {
    let words = clean(turn?.spans.map((span) => span.text).join("") ?? "").trim(), guess = clean(turn?.interim ?? "").trim();
    return text(final, words), text(interim, words && guess ? ` ${guess}` : guess), show(interim, guess !== ""), attribute(element, "lang", languageTag(turn?.language ?? "")), words;
  };
}
function dictationPiece() {
  let element = el("span", "lw-piece"), updateText = turnText(element);
  element.append(" ");
  let piece = {
    element,
    turn: null,
    text: "",
    count: 0,
    update(turn) {
      return turn === piece.turn ? !1 : (piece.turn = turn, piece.text = updateText(turn), piece.count = countWords(piece.text), !0);
    }
  };
  return piece;
}
function dictatedText(pieces) {
  return [...pieces.entries()].sort(([one], [other]) => one - other).map(([, piece]) => piece.text).filter((said) => said !== "").join(" ");
}
function countWords(words) {
  if (typeof Intl.Segmenter > "u")
    return words.split(/\s+/).filter((word) => word !== "").length;
  let count = 0;
  for (let { isWordLike } of new Intl.Segmenter(void 0, { granularity: "word" }).segment(words))
    count += isWordLike ? 1 : 0;
  return count;
}
function translationPairs(turns) {
  let result = [];
  for (let turn of turns) {
    let last = result.at(-1);
    turn.speaker === "user" ? result.push({ index: turn.index, source: turn, target: null }) : last?.source && last.target === null && last.source.index === turn.index - 1 ? last.target = turn : result.push({ index: turn.index, source: null, target: turn });
  }
  return result;
}
function languageOf(turns, speaker) {
  for (let at = turns.length - 1; at >= 0; at -= 1) {
    let turn = turns[at];
    if (turn.speaker === speaker && turn.language)
      return languageName(turn.language);
  }
  return "";
}
function translationBody() {
  let from = el("span", "lw-column lw-column-source"), into = el("span", "lw-column lw-column-target"), heads = el("div", "lw-columns", {}, from, into), list = el("ol", "lw-pairs"), element = el("div", "lw-translation", {}, heads, list), rows = /* @__PURE__ */ new Map();
  return {
    kind: "translation",
    element,
    update(state) {
      return text(from, languageOf(state.turns, "user") || "What is said"), text(into, languageOf(state.turns, "model") || "Translation"), patchKeyed(list, rows, translationPairs(state.turns), {
        key: (pair) => pair.index,
        make: translationRow,
        update: (row2, pair) => row2.update(pair)
      });
    }
  };
}
function translationRow() {
  let source = translationCell("lw-source"), target = translationCell("lw-target");
  return {
    element: el("li", "lw-pair", {}, source.element, target.element),
    update(pair) {
      let before = source.update(pair.source, !1);
      return target.update(pair.target, pair.target === null && pair.source?.final === !1) || before;
    }
  };
}
function translationCell(side) {
  let element = el("p", `lw-words ${side}`, { dir: "auto" }), updateText = turnText(element), last;
  return {
    element,
    update(turn, waits) {
      let open = turn !== null && !turn.final;
      return attribute(element, "data-open", open ? "true" : null), attribute(element, "data-empty", waits ? "true" : null), attribute(element, "data-none", turn === null && !waits ? "true" : null), turn === last ? !1 : (last = turn, updateText(turn), !0);
    }
  };
}
function turnListBody(actions) {
  let element = el("ol", "lw-turns"), views = /* @__PURE__ */ new Map();
  return {
    kind: "talk",
    element,
    update: (state) => patchKeyed(element, views, state.turns, {
      key: (turn) => turn.index,
      make: (turn) => turnView(turn.speaker, actions),
      update: (view, turn) => view.update(turn, state)
    })
  };
}
var END_MARGIN2 = 32;
function transcript(suggestions2, actions, scope) {
  let bodies = [turnListBody(actions), translationBody(), dictationBody(scope)], empty = el("p", "lw-empty"), scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, ...bodies.map((body) => body.element), suggestions2);
  let newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest"), element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = !0;
  let following = !0, toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  }, follow = () => {
    let reading = document.activeElement?.closest(".lw-arguments") ?? null;
    following && !(reading && scroller.contains(reading)) && toEnd(), show(newest, !following);
  };
  return scope.listen(scroller, "scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_MARGIN2, show(newest, !following);
  }), newest.onclick = () => {
    following = !0, follow(), scroller.focus({ preventScroll: !0 });
  }, onResize(scope, follow, ...bodies.map((body) => body.element)), {
    element,
    update(state) {
      let bare = state.turns.length === 0;
      show(empty, bare), text(empty, bare ? invitation(state) : ""), attribute(scroller, "data-empty", bare ? "true" : null);
      for (let body of bodies) {
        let seen = body.kind === state.view;
        show(body.element, seen && !bare), seen && body.update(state) && follow();
      }
    }
  };
}

// src/views/card.ts
function mountCard(host, store, levels, actions, scope) {
  let root = el("section", "livewidget", {
    role: "region",
    // A click beside the controls keeps the focus here, so that keys do not reach the notebook.
    tabindex: "-1",
    // JupyterLab's attribute for elements in which keys are not commands.
    "data-lm-suppress-shortcuts": "true"
  }), pushToTalkKey = pushToTalk(store, actions, scope), head = header(scope), title = el("h1", "lw-title"), options = settings(head.settings, actions, scope), input = composer(store, pushToTalkKey, actions, scope), suggested = suggestions(actions), wave = waveform(levels, input.level, scope), notices = noticeList(actions), stage = el("div", "lw-stage", {}, wave.element, notices.element), conversation = transcript(suggested.element, actions, scope), announced = announcer(), explorerView = explorer(head.explore, store, actions, scope), offered = browserOffer(actions, scope), previewed = preview(actions.video, scope), card = el(
    "div",
    "lw-card",
    {},
    title,
    head.element,
    stage,
    conversation.element,
    previewed.element,
    offered.element,
    input.element
  );
  card.append(options.element, announced.element, previewed.large), root.append(el("div", "lw-body", {}, card, explorerView.element)), keyboard(root, store, pushToTalkKey, actions, scope), acceptFiles(card, () => canSendMedia(store.get()), actions.video, scope);
  let views = [
    pushToTalkKey,
    head,
    options,
    notices,
    wave,
    suggested,
    conversation,
    input,
    announced
  ];
  views.push(explorerView, previewed, offered);
  let draw = () => {
    let state = store.get();
    attribute(root, "aria-label", `Live conversation with ${displayName(state)}`);
    let name2 = cleanLine(state.title);
    text(title, name2), show(title, name2 !== "" && name2 !== displayName(state));
    for (let view of views)
      view.update(state);
  };
  draw(), host.append(root), scope.add(() => root.remove()), scope.add(store.subscribe(draw));
}
function mountSentence(host, sentence, again) {
  let [first, rest] = firstSentence(clean(sentence, 2e3)), words = el("p", "lw-sentence-words", {}, el("strong", "", {}, first), rest && ` ${rest}`), box = el("div", "lw-alone", { role: "alert" }, words);
  if (again) {
    let retry = el("button", "lw-button", { type: "button" }, "Try again");
    retry.onclick = again, box.append(retry);
  }
  host.append(el("section", "livewidget", {}, box));
}

// src/index.ts
var now = () => performance.now();
function handlersOf(app) {
  return {
    onMessage: (content, buffers) => app().bridge.receive(content, buffers),
    onChanged: () => app().changeWay(),
    onState: (state) => app().showLink(state),
    onAsk: (origin) => app().bridge.send({ lane: "control", kind: "socket_request", body: { origin } }),
    onBroken: (proof) => app().bridge.send({ lane: "control", kind: "socket_closed", body: { proof } })
  };
}
function startApp(model) {
  let send = (content, buffers) => {
    try {
      model.send(content, void 0, buffers);
    } catch {
    }
  }, link2 = new Link(
    send,
    handlersOf(() => app),
    now
  ), app = new App(link2.send, link2);
  testTap().onLink?.(link2);
  let onMessage = (content, buffers) => {
    link2.heardOnComm(), app.bridge.receive(content, buffers);
  }, onConnectionChange = () => app.suspectDisconnect();
  return model.on("msg:custom", onMessage), model.on("comm_live_update", onConnectionChange), app.scope.add(() => {
    model.off("msg:custom", onMessage), model.off("comm_live_update", onConnectionChange);
  }), app;
}
function disposeOn(signal, app, end) {
  return signal?.aborted ? end() : signal && app.scope.listen(signal, "abort", end, { once: !0 }), end;
}
function widget() {
  let apps = /* @__PURE__ */ new WeakMap(), newest = null;
  return {
    initialize({ model, signal }) {
      let app = startApp(model);
      return apps.set(model, app), newest = app, disposeOn(signal, app, () => app.dispose());
    },
    render({ model, el: el2, signal }) {
      let app = apps.get(model) ?? newest;
      return app ? disposeOn(signal, app, app.mount(el2, mountCard)) : void 0;
    }
  };
}
var UNNAMED = "livewidget";
async function startPage(el2) {
  document.body.classList.add("livewidget-page");
  let server = pageServer(), token = takeToken();
  try {
    let refusal = await server.admit(token);
    if (refusal !== "" && (token === "" || await server.admit() !== "")) {
      mountSentence(el2, refusal);
      return;
    }
  } catch {
    mountSentence(el2, SILENT_PROGRAM, () => location.reload());
    return;
  }
  let link2 = new Link(
    null,
    handlersOf(() => app),
    now,
    server
  ), app = new App(link2.send, link2, !0);
  testTap().onLink?.(link2), app.store.set({ title: document.title === UNNAMED ? "" : document.title }), app.mount(el2, mountCard), link2.begin(app.bridge.client);
}
export {
  widget as default,
  startPage
};
