// src/audio/packets.ts
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
    let difference = now - streamMs;
    return now - this.#since > this.#window && (this.#former = this.#smallest, this.#smallest = difference, this.#since = now), this.#smallest = Math.min(this.#smallest, difference), Math.max(0, streamMs + Math.min(this.#smallest, this.#former));
  }
  reset() {
    this.#since = Number.NEGATIVE_INFINITY, this.#smallest = Number.POSITIVE_INFINITY, this.#former = Number.POSITIVE_INFINITY;
  }
}, SLEPT_MS = 2e3, GRACE_MS = 1500, Lease = class {
  #length;
  #ends;
  #checked;
  /** `first` is longer: a kernel may have a cell to finish before it says its first word. */
  constructor(now, length = 5e3, first = 15e3) {
    this.#length = length, this.#ends = now + first, this.#checked = now;
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
    return now - this.#checked > SLEPT_MS && now >= this.#ends && (this.#ends = now + GRACE_MS), this.#checked = now, now < this.#ends;
  }
}, MICROPHONE_RATE = 16e3, ms = (samples3) => samples3 * 1e3 / MICROPHONE_RATE, samples = (milliseconds) => MICROPHONE_RATE * milliseconds / 1e3, SHORT = samples(40), LONG = samples(100), LAGGING_MS = 400, BUSY_MS = 1e3, KEPT_MS = 1e4, FRESH_MS = 3e3, RESEND_MS = 1e3, endOf = (chunk) => chunk.captured_ms + ms(chunk.samples.length), lengthOf = (chunks) => chunks.reduce((sum, chunk) => sum + ms(chunk.samples.length), 0);
function joined(chunks) {
  let all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0)), place = 0;
  for (let chunk of chunks)
    all.set(chunk.samples, place), place += chunk.samples.length;
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
  #busy = !1;
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
    let before = this.#gathering.at(-1);
    before && before.first_sample + before.samples.length !== chunk.first_sample && this.#release(now), this.#gathering.push(chunk), this.#gathering.reduce((sum, part) => sum + part.samples.length, 0) >= this.#size && this.#release(now);
  }
  /** Sends what is gathered, however short; then, when all has gone, calls `done`: now, or after the kernel's pause. */
  flush(now, done = () => {
  }) {
    this.#release(now), this.#busy ? this.#afterwards.push(done) : done();
  }
  /** The kernel has handled all up to `ack`. */
  heartbeat(ack, resend, now) {
    ack > this.#acked && (this.#acked = ack, this.#ackedAt = now), this.#unacked = this.#unacked.filter((sent) => sent.packet.seq > ack);
    let oldest = this.#unacked[0], age = oldest ? now - oldest.at : 0;
    this.#size = age > LAGGING_MS ? LONG : SHORT, this.#busy ? this.#listen(now) : age > BUSY_MS ? (this.#busy = !0, this.#busyAt = now, this.#size = LONG) : resend && now - this.#resent > RESEND_MS && (this.#resent = now, this.#again(now));
  }
  /** The microphone is off: nothing of before may be sent. */
  clear() {
    this.#gathering = [], this.#waiting = [], this.#unacked = [], this.#busy = !1, this.#size = SHORT, this.#lastEnd = null;
    let afterwards = this.#afterwards;
    this.#afterwards = [];
    for (let done of afterwards)
      done();
  }
  /** Ends the pause once all that was sent is acknowledged, or part of it was and the rest seems lost. */
  #listen(now) {
    let moved = this.#ackedAt >= this.#busyAt;
    this.#acked >= this.#seq ? this.#recover(now) : moved && now - this.#ackedAt >= BUSY_MS && (this.#again(now), this.#recover(now));
  }
  #release(now) {
    if (this.#gathering.length === 0)
      return;
    let chunk = joined(this.#gathering);
    if (this.#gathering = [], this.#busy)
      for (this.#waiting.push(chunk); lengthOf(this.#waiting) > KEPT_MS; )
        this.#waiting.shift();
    else
      this.#post(chunk, now, !1, 0);
  }
  #post(chunk, now, stale, gap) {
    this.#seq += 1;
    let packet = { ...chunk, seq: this.#seq, stale, gap_ms: Math.max(0, Math.round(gap)) };
    for (this.#unacked.push({ packet, at: now }); lengthOf(this.#unacked.map((sent) => sent.packet)) > KEPT_MS; )
      this.#unacked.shift();
    this.#lastEnd = endOf(chunk), this.#send(packet);
  }
  /** The kernel takes messages again: a short pause is made good, of a long one the newest is sent and called stale. */
  #recover(now) {
    this.#busy = !1, this.#size = SHORT;
    let before = this.#lastEnd, long = lengthOf(this.#waiting) > FRESH_MS, waiting = this.#waiting;
    this.#waiting = [], long && (waiting = waiting.filter((chunk) => endOf(chunk) > now - FRESH_MS)), waiting.forEach((chunk, place) => {
      let gap = long && place === 0 && before !== null ? chunk.captured_ms - before : 0;
      this.#post(chunk, now, long, gap);
    });
    let afterwards = this.#afterwards;
    this.#afterwards = [];
    for (let done of afterwards)
      done();
  }
  /** Sends again what the kernel says it never got. */
  #again(now) {
    for (let sent of this.#unacked) {
      let age = now - endOf(sent.packet);
      this.#send({ ...sent.packet, stale: sent.packet.stale || age > FRESH_MS }), sent.at = now;
    }
  }
};

// src/audio/levels.ts
function peakOf(samples3) {
  let peak2 = 0;
  for (let sample of samples3) {
    let magnitude = sample < 0 ? -sample : sample;
    magnitude > peak2 && (peak2 = magnitude);
  }
  return peak2 / 32768;
}
var RATE = 25, KEPT = RATE * 180, BACKLOG = 4, LevelLanes = class {
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
    return index < 0 || index >= this.#count || index < this.#count - KEPT ? 0 : this.#bars[speaker][index % KEPT];
  }
  /** Adds the peak (0..1) of the next 1/rate second of a speaker. */
  put(speaker, peak2) {
    let waiting = this.#waiting[speaker];
    for (waiting.push(peak2); waiting.length > BACKLOG; ) {
      let oldest = waiting.shift();
      waiting[0] = Math.max(oldest, waiting[0]);
    }
  }
  /** Writes the bars that are due at `now` (ms). */
  advance(now) {
    let width = 1e3 / RATE;
    for ((this.#next === null || now - this.#next > 1e3) && (this.#next = now); this.#next <= now; ) {
      let place = this.#count % KEPT;
      this.#bars.user[place] = this.#waiting.user.shift() ?? 0, this.#bars.model[place] = this.#waiting.model.shift() ?? 0, this.#count += 1, this.#next += width;
    }
    this.#marks = this.#marks.filter((mark) => mark >= this.#count - KEPT);
  }
  /** Marks an interruption at the newest bar; what the model had sounded and not yet drawn came before it. */
  mark() {
    this.#waiting.model = [], this.#marks = [...this.#marks, Math.max(0, this.#count - 1)];
  }
}, SILENT = 10 ** (-70 / 20), HEARD_MS = 2e4, SilenceWatch = class {
  #limit;
  #silentMs = 0;
  #heard = !1;
  /** `limit` in ms, from the start. */
  constructor(limit = 5e3) {
    this.#limit = limit;
  }
  /** Hears `ms` of sound with that peak (0..1); true while the silence has lasted too long. */
  hear(peak2, ms2) {
    let sound = peak2 > SILENT;
    return this.#heard ||= sound, this.#silentMs = sound ? 0 : this.#silentMs + ms2, this.#silentMs >= (this.#heard ? HEARD_MS : this.#limit);
  }
  reset() {
    this.#silentMs = 0, this.#heard = !1;
  }
};

// src/media/devices.ts
function remembered(key) {
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
async function listed(kind) {
  try {
    return (await navigator.mediaDevices?.enumerateDevices() ?? []).filter((device) => device.kind === kind && device.deviceId !== "").map((device) => ({ id: device.deviceId, label: device.label }));
  } catch {
    return null;
  }
}
function stop(stream) {
  for (let track of stream?.getTracks() ?? [])
    track.stop();
}
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
}, CODES = {
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
function allowed(device) {
  let page = globalThis.document, policy = page?.permissionsPolicy ?? page?.featurePolicy;
  try {
    return policy?.allowsFeature(device) ?? !0;
  } catch {
    return !0;
  }
}
function trouble(error, may = () => allowed("microphone")) {
  let name2 = error instanceof Error || error instanceof DOMException ? error.name : "", code2 = Object.hasOwn(CODES, name2) ? CODES[name2] : "microphone-failed";
  code2 === "microphone-refused" && !may() && (code2 = "microphone-blocked");
  let [state, text2] = TEXTS[code2];
  return {
    state,
    detail: name2 === "NotSecure" || name2 === "TrackEnded" ? "" : name2,
    notice: { level: "error", code: code2, text: text2 }
  };
}
var TROUBLES = [...Object.keys(TEXTS), "microphone-silent"], SILENT2 = {
  level: "warning",
  code: "microphone-silent",
  text: "The microphone gives no sound. Check its switch and its volume in the system's settings, or pick another in the settings here."
};

// worklet:src/worklets/all.ts
var all_default = 'function M(i){let t=Math.round(i*32768);return t>32767?32767:t<-32768?-32768:t||0}function b(i){let t=new Int16Array(i.length);for(let e=0;e<i.length;e++)t[e]=M(i[e]);return t}function g(i){let t=new Float32Array(i.length);for(let e=0;e<i.length;e++)t[e]=i[e]/32768;return t}function F(i,t){return t===0?i:F(t,i%t)}function A(i){let t=1,e=1;for(let s=1;t>1e-12*e;s++)t*=(i/(2*s))**2,e+=t;return e}function x(i){return i===0?1:Math.sin(Math.PI*i)/(Math.PI*i)}function T(i,t,e){let s=new Float32Array(i*2*t);for(let r=0;r<i;r++){let h=s.subarray(r*2*t,(r+1)*2*t),a=0;for(let n=0;n<h.length;n++){let l=n-t+1-r/i,u=A(6.76*Math.sqrt(Math.max(0,1-(l/t)**2)))/A(6.76);h[n]=e*x(e*l)*u,a+=h[n]}for(let n=0;n<h.length;n++)h[n]/=a}return s}var o=class{#e;#i;#t;#n;#h=new Float32Array(4096);#r=0;#s=0;#l=0;#a=0;constructor(t,e){let s=F(t,e);if(this.#e=e/s,this.#i=t/s,t===e)this.#t=1,this.#n=Float32Array.of(1,0);else{let r=Math.min(1,e/t);this.#t=Math.ceil(24/r),this.#n=T(this.#e,this.#t,.91*r)}this.reset()}get position(){return this.#l}get pushed(){return this.#s+this.#r}push(t){if(this.#o(),this.#r+t.length>this.#h.length){let e=new Float32Array(2*(this.#r+t.length));e.set(this.#h.subarray(0,this.#r)),this.#h=e}this.#h.set(t,this.#r),this.#r+=t.length}drain(){this.push(new Float32Array(this.#t))}get available(){let t=this.pushed-this.#t-this.#l;return t>0?Math.floor((t*this.#e-1-this.#a)/this.#i)+1:0}pull(t,e=0,s=t.length-e){let r=Math.min(s,this.available),h=2*this.#t;for(let a=0;a<r;a++){let n=this.#l-this.#t+1-this.#s,l=this.#a*h,u=0;for(let d=0;d<h;d++)u+=this.#n[l+d]*this.#h[n+d];t[e+a]=u,this.#a+=this.#i,this.#l+=Math.floor(this.#a/this.#e),this.#a%=this.#e}return r}reset(){this.#h.fill(0),this.#r=this.#t-1,this.#s=1-this.#t,this.#l=0,this.#a=0}#o(){let t=this.#l-this.#t+1-this.#s;t>1024&&(this.#h.copyWithin(0,t,this.#r),this.#r-=t,this.#s+=t)}};var I=16e3,k=320,p=class extends AudioWorkletProcessor{#e=new o(sampleRate,I);#i=new Float32Array(128);#t=new Float32Array(k);#n=0;#h=0;#r=!0;constructor(){super(),this.port.onmessage=({data:t})=>this.#s(t)}process(t){return this.#e.push(t[0]?.[0]??this.#i),this.#l(),this.#r}#s(t){t.kind==="close"?this.#r=!1:(this.#a(),this.#o({kind:"flushed"}))}#l(){for(;;){let t=this.#e.pull(this.#t,this.#n);if(this.#n+=t,this.#n===k)this.#a();else if(t===0)return}}#a(){if(this.#n>0){let t=b(this.#t.subarray(0,this.#n));this.#o({kind:"audio",first:this.#h,samples:t},[t.buffer]),this.#h+=this.#n,this.#n=0}}#o(t,e=[]){this.port.postMessage(t,e)}};registerProcessor("livewidget-capture",p);var m=class{#e;#i=0;#t=0;constructor(t){this.#e=new Float32Array(Math.max(1,t))}get length(){return this.#t}write(t){this.#t+t.length>this.#e.length&&this.#n(this.#t+t.length);let e=(this.#i+this.#t)%this.#e.length,s=Math.min(t.length,this.#e.length-e);this.#e.set(t.subarray(0,s),e),this.#e.set(t.subarray(s),0),this.#t+=t.length}read(t){let e=Math.min(t.length,this.#t),s=Math.min(e,this.#e.length-this.#i);return t.set(this.#e.subarray(this.#i,this.#i+s)),t.set(this.#e.subarray(0,e-s),s),this.#i=(this.#i+e)%this.#e.length,this.#t-=e,e}clear(){this.#i=0,this.#t=0}#n(t){let e=this.#e.length;for(;e<t;)e*=2;let s=new Float32Array(e),r=this.read(s);this.#e=s,this.#i=0,this.#t=r}},f=24e3,v=i=>f*i/1e3,w=v(100),B=v(70),P=.3,R=2,E=.005,c=class{#e;#i;#t=new m(f*8);#n=new Float32Array(64);#h;#r=[];#s="idle";#l=w;#a=0;#o=0;#d=0;#A=0;#m=0;#u=!0;#p=!1;#f=!0;#y={turn:0,sample:0};#c=[];#b=null;constructor(t){this.#e=t,this.#i=new o(f,t),this.#h=1/(t*E)}write(t,e,s){if(this.#s==="fading"){this.#c.push(()=>this.write(t,e,s));return}let r=this.#r.at(-1),h=r?.turn===t?r.first+r.length-e:0;h>=s.length&&h>0||(this.#M({turn:t,first:e+Math.max(0,h),samples:s.subarray(Math.max(0,h))}),this.#u=!1,this.#s==="idle"&&this.#k(w))}end(t){this.#s==="fading"?this.#c.push(()=>this.end(t)):this.#r.at(-1)?.turn===t&&(this.#u=!0)}flush(t){if(this.#s==="fading"){this.#c.push(()=>this.flush(t));return}this.#b=t,this.#s==="playing"?this.#s="fading":this.#g()}report(){return{...this.#y,buffered:this.#F,silent:Math.round(this.#A)}}render(t){this.#s==="filling"&&this.#x()&&(this.#s="playing",this.#p=!0);let e=0;for(;e<t.length&&(this.#s==="playing"||this.#s==="fading");){let s=this.#i.pull(t,e,Math.min(t.length-e,this.#v));this.#I(t,e,s),e+=s,s===0&&this.#T()}this.#w(),e<t.length&&this.#B(t.subarray(e))}get#F(){return Math.max(0,this.#m-Math.max(this.#i.position,0))}get#v(){return this.#s==="fading"?Math.max(1,Math.ceil(this.#o/this.#h)):Number.POSITIVE_INFINITY}#M(t){let e=this.#r.at(-1);if(e&&e.turn===t.turn&&e.first+e.length===t.first&&!this.#f)e.length+=t.samples.length;else{let s=this.#i.pushed+this.#t.length;this.#r.push({turn:t.turn,first:t.first,start:s,length:t.samples.length})}this.#t.write(t.samples),this.#m=this.#i.pushed+this.#t.length,this.#f=!1}#k(t){this.#s="filling",this.#l=t,this.#a=0,this.#o=0}#x(){return this.#t.length===0&&!this.#u?!1:this.#u||this.#F>=this.#l||this.#a>P*this.#e}#T(){let t=this.#t.read(this.#n);t>0?this.#i.push(this.#n.subarray(0,t)):(this.#u||this.#s==="fading")&&!this.#f?(this.#i.drain(),this.#f=!0):this.#s==="fading"?this.#g():this.#u?(this.#s="idle",this.#p=!1,this.#o=0):this.#k(B)}#I(t,e,s){let r=this.#s==="fading"?-this.#h:this.#h;for(let h=e;h<e+s;h++)t[h]*=this.#o,this.#o=Math.min(1,Math.max(0,this.#o+r));s>0&&(this.#d=t[e+s-1]),this.#s==="fading"&&this.#o===0&&(this.#w(),this.#g())}#B(t){let e=1-4*this.#h;for(let s=0;s<t.length;s++)this.#d=Math.abs(this.#d)<1e-5?0:this.#d*e,t[s]=this.#d;this.#s==="filling"&&(this.#a+=t.length,this.#p&&(this.#A+=t.length*f/this.#e),this.#a>R*this.#e&&this.#t.length===0&&(this.#u=!0))}#w(){let t=this.#i.position;for(;this.#r.length>1&&this.#r[1].start<t;)this.#r.shift();let e=this.#r[0];if(e&&t>e.start){let s=e.first+Math.min(e.length,t-e.start);this.#y={turn:e.turn,sample:s}}}#g(){this.#t.clear(),this.#i.reset(),this.#r=[],this.#m=0,this.#s="idle",this.#u=!0,this.#p=!1,this.#f=!0,this.#o=0,this.#b?.(this.#y),this.#b=null;let t=this.#c;this.#c=[];for(let e of t)e()}};var S=25,y=class extends AudioWorkletProcessor{#e=new c(sampleRate);#i=Math.round(sampleRate/S);#t=0;#n=0;#h=0;#r="";#s=!0;constructor(){super(),this.port.onmessage=({data:t})=>this.#l(t)}process(t,e){let s=e[0]?.[0];if(s){this.#e.render(s);for(let r of s)this.#h=Math.max(this.#h,Math.abs(r));this.#n+=s.length,this.#n>=this.#i&&(this.#n-=this.#i,this.#a())}return this.#s}#l(t){if(t.kind==="close")this.#s=!1;else if(t.kind==="flush"){let{epoch:e}=t;this.#t=Math.max(this.#t,e),this.#e.flush(({turn:s,sample:r})=>this.#o({kind:"flushed",epoch:e,turn:s,sample:r}))}else{if(t.epoch<this.#t)return;t.kind==="audio"?this.#e.write(t.turn,t.first,g(t.samples)):this.#e.end(t.turn)}}#a(){let{turn:t,sample:e,buffered:s,silent:r}=this.#e.report(),h=`${t} ${e} ${s} ${r}`;(this.#h>0||h!==this.#r)&&(this.#r=h,this.#o({kind:"report",epoch:this.#t,turn:t,sample:e,buffered:s,silent:r,peak:this.#h}),this.#h=0)}#o(t){this.port.postMessage(t)}};registerProcessor("livewidget-playback",y);\n';

// src/media/context.ts
function tap() {
  let found = globalThis.__livewidgetTap;
  return typeof found == "object" && found !== null ? found : {};
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

// src/media/microphone.ts
var memory = remembered("livewidget.microphone"), TAIL_MS = 100, Microphone = class {
  #scope;
  #ears;
  #take = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #asking = !1;
  #muted = !1;
  #deviceId = memory.get();
  #first = 0;
  #tails = [];
  constructor(scope, ears) {
    this.#scope = scope, this.#ears = ears, scope.add(() => this.stop());
    let devices = navigator.mediaDevices;
    devices && scope.listen(devices, "devicechange", () => {
      this.#list();
    });
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
    if (this.wanted || this.#scope.disposed)
      return;
    let generation = ++this.#generation;
    this.#asking = !0, this.#muted = !1, this.#ears.state("asking", "");
    let stream = null;
    try {
      stream = await this.#ask();
      let take = generation === this.#generation ? await this.#connect(stream, generation) : null;
      if (take === null) {
        stop(stream);
        return;
      }
      this.#take = take, this.#asking = !1, this.#ears.state("on", ""), await this.#list();
    } catch (error) {
      if (stop(stream), generation === this.#generation) {
        this.#asking = !1;
        let found = trouble(error);
        this.#ears.trouble(found), this.#ears.state(found.state, found.detail);
      }
    }
  }
  /** Gives the microphone back, whatever state it is in. */
  stop() {
    let was = this.wanted;
    this.#generation += 1, this.#asking = !1, this.#muted = !1, this.#take?.scope.dispose(), this.#take = null, this.#settleTails(), was && this.#ears.state("off", "");
  }
  mute(muted) {
    this.#take && (this.#muted = muted, this.#take.track.enabled = !muted, this.#ears.state(muted ? "muted" : "on", ""));
  }
  /** Uses another device, now and from now on. */
  pick(deviceId) {
    this.#deviceId = deviceId, memory.set(deviceId), this.#list(), this.wanted && (this.stop(), this.start());
  }
  /** Brings out what is captured but not yet a whole chunk; then calls `done`. */
  flush(done) {
    if (!this.#take) {
      done();
      return;
    }
    this.#tails.push(done), this.#take.node.port.postMessage({ kind: "flush" }), this.#take.scope.timeout(() => this.#settleTails(), TAIL_MS);
  }
  async #ask() {
    if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia)
      throw new DOMException("", "NotSecure");
    let audio = { echoCancellation: !0, noiseSuppression: !0, autoGainControl: !0, channelCount: 1 };
    if (this.#deviceId === "")
      return navigator.mediaDevices.getUserMedia({ audio });
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: { ...audio, deviceId: { exact: this.#deviceId } }
      });
    } catch (error) {
      if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name))
        return navigator.mediaDevices.getUserMedia({ audio });
      throw error;
    }
  }
  async #connect(stream, generation) {
    let track = stream.getAudioTracks()[0];
    if (!track)
      throw new DOMException("", "NotFoundError");
    let scope = this.#scope.child();
    scope.add(() => stop(stream));
    try {
      let context = new AudioContext({ latencyHint: "interactive" });
      if (closeWith(scope, context), context.resume().catch(() => {
      }), await addWorklets(context), generation !== this.#generation || scope.disposed)
        return scope.dispose(), null;
      let node = this.#wire(context, stream, scope);
      return scope.listen(track, "ended", () => this.#ended()), tap().onMicrophone?.(track, context), { scope, track, node };
    } catch (error) {
      throw scope.dispose(), error;
    }
  }
  #wire(context, stream, scope) {
    let input2 = context.createMediaStreamSource(stream), node = new AudioWorkletNode(context, "livewidget-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1]
    }), base = this.#first;
    return node.port.onmessage = ({ data }) => {
      if (data.kind === "flushed") {
        this.#settleTails();
        return;
      }
      this.#first = base + data.first + data.samples.length, this.#ears.chunk(data.samples, base + data.first);
    }, input2.connect(node).connect(context.destination), scope.add(() => {
      node.port.postMessage({ kind: "close" }), node.port.onmessage = null, input2.disconnect(), node.disconnect();
    }), node;
  }
  /** The device went away, or the permission was taken back. */
  #ended() {
    this.stop(), this.#ears.trouble(trouble(new DOMException("", "TrackEnded")));
  }
  #settleTails() {
    for (let done of this.#tails.splice(0))
      done();
  }
  async #list() {
    let devices = await listed("audioinput");
    devices && this.#ears.devices(devices, this.#deviceId);
  }
};

// src/media/microphone-sender.ts
var PREROLL_MS = 200, BAR_SAMPLES = MICROPHONE_RATE / 25, Voice = class {
  #ears;
  #now;
  #uplink;
  #clock = new ClockMap();
  #silence = new SilenceWatch();
  #gate = { live: !1, pushToTalk: !1 };
  #talking = !1;
  #before = [];
  #bar = { peak: 0, samples: 0 };
  #busy = !1;
  #silent = !1;
  constructor(ears, now) {
    this.#ears = ears, this.#now = now, this.#uplink = new Uplink((packet) => ears.send(packet));
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
    let was = this.#gate;
    this.#gate = gate, was.live && !gate.live && (this.#uplink.flush(this.#now()), this.#talking = !1), was.pushToTalk !== gate.pushToTalk && this.release();
  }
  /** Takes a chunk from the capture worklet. */
  chunk(samples3, first) {
    let now = this.#now(), length = samples3.length * 1e3 / MICROPHONE_RATE, streamMs = first * 1e3 / MICROPHONE_RATE, captured_ms = Math.max(0, this.#clock.seen(streamMs + length, now) - length);
    this.#measure(samples3, length);
    let chunk = { first_sample: first, captured_ms, samples: samples3 };
    this.#gate.live && (!this.#gate.pushToTalk || this.#talking) ? this.#uplink.add(chunk, now) : this.#remember(chunk);
  }
  /** Push-to-talk is pressed: says so, then sends from a little before. */
  press() {
    if (!this.#gate.live || !this.#gate.pushToTalk || this.#talking)
      return;
    this.#talking = !0, this.#ears.activity(!0);
    let now = this.#now();
    for (let chunk of this.#before.splice(0))
      this.#uplink.add(chunk, now);
  }
  /** Push-to-talk is let go, and the tail is in: sends the rest, then says so. */
  release() {
    this.#talking && (this.#talking = !1, this.#uplink.flush(this.#now(), () => this.#ears.activity(!1)));
  }
  /** The kernel has taken packets up to `ack`. */
  heartbeat(ack, resend) {
    this.#uplink.heartbeat(ack, resend, this.#now()), this.#tellBusy();
  }
  /** The microphone was given back. */
  off() {
    this.#talking = !1, this.#before = [], this.#uplink.clear(), this.#clock.reset(), this.#tellBusy(), this.quiet();
  }
  /** Silence is wanted now: muted or off. */
  quiet() {
    this.#silence.reset(), this.#tellSilent(!1);
  }
  #remember(chunk) {
    for (this.#before.push(chunk); this.#before.length > 0 && this.#before[0].captured_ms < chunk.captured_ms - PREROLL_MS; )
      this.#before.shift();
  }
  #measure(samples3, length) {
    let peak2 = peakOf(samples3);
    this.#bar.peak = Math.max(this.#bar.peak, peak2), this.#bar.samples += samples3.length, this.#bar.samples >= BAR_SAMPLES && (this.#ears.level(this.#bar.peak), this.#bar = { peak: 0, samples: 0 }), this.#tellSilent(this.#silence.hear(peak2, length));
  }
  #tellSilent(silent2) {
    silent2 !== this.#silent && (this.#silent = silent2, this.#ears.silent(silent2));
  }
  #tellBusy() {
    this.#uplink.busy !== this.#busy && (this.#busy = this.#uplink.busy, this.#ears.busy(this.#busy));
  }
};

// src/audio/playout.ts
var VOICE_RATE = 24e3, samples2 = (ms2) => VOICE_RATE * ms2 / 1e3, START = samples2(100), REFILL = samples2(70);

// src/media/player.ts
var BLOCKED_MS = 700, ANSWER_MS = 120, REMEMBERED = 16, RAMP_S = 0.02;
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
  #blocked = !1;
  constructor(scope, ears) {
    this.#scope = scope, this.#ears = ears, scope.add(() => this.close());
  }
  get progress() {
    return this.#progress;
  }
  /** Opens the context; to be called from a click or a key, or the browser may keep it silent. */
  unlock() {
    let { context } = this.#open();
    context.state === "suspended" && context.resume().catch(() => {
    });
  }
  write(turn, first, samples3) {
    turn <= this.#voidTurn || (this.#newest = turn, this.#open(), this.#post({ kind: "audio", epoch: this.#epoch, turn, first, samples: samples3 }, [samples3.buffer]), this.#watchBlocked());
  }
  end(turn) {
    this.#deck && this.#post({ kind: "end", epoch: this.#epoch, turn });
  }
  /** Drops what is older than `epoch`; if `turn` is given, `heard` is told of it. The same epoch flushes once. */
  flush(epoch, turn) {
    turn !== null && this.#asked.push(turn), epoch > this.#epoch ? (this.#epoch = epoch, this.#silence()) : this.#answer();
  }
  /** Silence at once for the turn that is here now, and for what still comes of it; the kernel's flush follows. */
  hush() {
    this.#voidTurn = Math.max(this.#voidTurn, this.#newest), this.#silence();
  }
  setVolume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    let deck = this.#deck;
    deck?.gain.gain.setTargetAtTime(this.#volume, deck.context.currentTime, RAMP_S);
  }
  /** Ends the voice and frees the device. */
  close() {
    let deck = this.#deck;
    deck && (this.#deck = null, this.#newest = -1, this.#voidTurn = -1, this.#silentBefore = this.#progress.silentSamples, this.#progress = { ...this.#progress, bufferedMs: 0 }, deck.node?.port.postMessage({ kind: "close" }), deck.scope.dispose(), this.#answer(), this.#setBlocked(!1));
  }
  #open() {
    if (this.#deck)
      return this.#deck;
    let scope = this.#scope.child(), context = openContext(), gain = new GainNode(context, { gain: this.#volume });
    gain.connect(context.destination);
    let deck = { scope, context, gain, node: null, waiting: [] };
    return this.#deck = deck, closeWith(scope, context), scope.listen(
      context,
      "statechange",
      () => this.#setBlocked(this.#blocked && context.state !== "running")
    ), this.#load(deck).catch((error) => console.error("livewidget:", error)), deck;
  }
  async #load(deck) {
    let { context, gain, scope } = deck;
    if (await addWorklets(context), scope.disposed)
      return;
    let node = new AudioWorkletNode(context, "livewidget-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1]
    });
    node.connect(gain), node.port.onmessage = ({ data }) => this.#take(data), scope.add(() => {
      node.port.onmessage = null, node.disconnect(), gain.disconnect();
    }), deck.node = node, tap().onPlayer?.(context, gain);
    for (let message of deck.waiting.splice(0))
      this.#post(message);
  }
  #post(message, transfer = []) {
    let deck = this.#deck;
    deck?.node ? deck.node.port.postMessage(message, transfer) : deck?.waiting.push(message);
  }
  #silence() {
    let deck = this.#deck;
    deck?.node ? (this.#post({ kind: "flush", epoch: this.#epoch }), deck.scope.timeout(() => this.#answer(), ANSWER_MS)) : (deck?.waiting.splice(0), this.#answer());
  }
  #take(message) {
    if (this.#remember(message.turn, message.sample), message.kind === "flushed") {
      this.#progress = { ...this.#progress, turn: message.turn, sample: message.sample, bufferedMs: 0 }, this.#answer();
      return;
    }
    let { turn, sample, buffered, silent: silent2, peak: peak2 } = message, silentSamples = this.#silentBefore + silent2;
    this.#progress = { turn, sample, bufferedMs: buffered * 1e3 / VOICE_RATE, silentSamples }, this.#ears.progress(this.#progress, peak2);
  }
  #remember(turn, sample) {
    this.#heard.set(turn, Math.max(sample, this.#heard.get(turn) ?? 0)), this.#heard.size > REMEMBERED && this.#heard.delete(this.#heard.keys().next().value);
  }
  #answer() {
    for (let turn of this.#asked.splice(0))
      this.#ears.heard(turn, this.#heard.get(turn) ?? 0);
  }
  #watchBlocked() {
    let deck = this.#deck;
    !deck || this.#blocked || deck.context.state === "running" || deck.scope.timeout(() => {
      if (deck.context.state !== "running" && !this.#blocked) {
        this.#setBlocked(!0);
        for (let gesture of ["pointerdown", "keydown"])
          deck.scope.listen(document, gesture, () => this.unlock(), { capture: !0 });
      }
    }, BLOCKED_MS);
  }
  #setBlocked(blocked) {
    blocked !== this.#blocked && (this.#blocked = blocked, this.#ears.blocked(blocked));
  }
};

// src/notices.ts
var KERNEL_BUSY = {
  level: "warning",
  code: "kernel-busy",
  text: "Kernel busy: microphone paused. This kernel hears the browser only between cells; it goes on when the cell ends."
}, KERNEL_GONE = {
  level: "error",
  code: "kernel-gone",
  text: "The kernel does not answer any more, so the microphone is off. Restart the kernel if need be, and run the cell again."
}, SOUND_BLOCKED = {
  level: "warning",
  code: "sound-blocked",
  text: "The browser plays no sound yet. Click anywhere in this page to hear the voice."
}, OTHER_PAGE = {
  level: "info",
  code: "other-page",
  text: "Another page has this conversation's microphone and voice. Here you can read along and type."
}, NO_PICTURE = {
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
  take(notice) {
    this.#own.delete(notice.code), this.#put(notice);
  }
  clear(...codes) {
    let notices = this.#store.get().notices.filter((notice) => !codes.includes(notice.code));
    notices.length !== this.#store.get().notices.length && this.#store.set({ notices });
  }
  /** The kernel's notices are these, and no others. */
  replace(notices) {
    let own = this.#store.get().notices.filter((notice) => this.#own.has(notice.code)), codes = new Set(notices.map((notice) => notice.code));
    this.#store.set({ notices: [...notices, ...own.filter((notice) => !codes.has(notice.code))] });
  }
  #put(notice) {
    let others = this.#store.get().notices.filter((known2) => known2.code !== notice.code);
    this.#store.set({ notices: [...others, notice] });
  }
};

// src/audio-controller.ts
var BAR_MS = 40, Talk = class {
  levels = new LevelLanes();
  #scope;
  #store;
  #notices;
  #bridge;
  #now;
  #player;
  #microphone;
  #voice;
  /** Touches no device: that takes a click. */
  constructor(scope, store, notices, bridge, now) {
    this.#scope = scope, this.#store = store, this.#notices = notices, this.#bridge = bridge, this.#now = now, this.#voice = this.#makeVoice(), this.#player = this.#makePlayer(), this.#microphone = this.#makeMicrophone(), scope.interval(() => this.#moveLevels(), BAR_MS);
  }
  get player() {
    return this.#player;
  }
  get microphone() {
    return this.#microphone;
  }
  /** Tells the kernel how far the voice is; that is credit, statistics and sign of life. */
  report() {
    if (!this.#bridge.welcomed || !this.#store.get().connected)
      return;
    let { turn, sample, bufferedMs, silentSamples } = this.#player.progress, body = {
      ack_seq: this.#bridge.speakerAck,
      turn,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.#bridge.epoch,
      page_ms: this.#now()
    };
    this.#bridge.send({ lane: "control", kind: "played", body });
  }
  /** The kernel has taken microphone packets up to `ack`. */
  heartbeat(ack, resend) {
    this.#voice.heartbeat(ack, resend);
  }
  /** Push-to-talk is pressed or let go; the microphone is there or about to be. */
  hold(active) {
    active ? this.openGate() : this.#microphone.flush(() => this.#voice.release());
  }
  /** Gives both devices back at once. */
  silence() {
    this.#microphone.stop(), this.#player.close();
  }
  /** Frees the loudspeaker once all has been heard. */
  closeWhenQuiet() {
    this.#player.progress.bufferedMs === 0 && this.#player.close();
  }
  #makeVoice() {
    return new Voice(
      {
        send: ({ seq, samples: samples3, first_sample, captured_ms, stale, gap_ms }) => this.#bridge.sendVoice(seq, { first_sample, captured_ms, stale, gap_ms }, samples3),
        activity: (active) => this.#bridge.send({ lane: "control", kind: "activity", body: { active } }),
        level: (peak2) => this.levels.put("user", peak2),
        silent: (silent2) => silent2 ? this.#notices.show(SILENT2) : this.#notices.clear(SILENT2.code),
        busy: (busy) => this.#busy(busy)
      },
      this.#now
    );
  }
  #makePlayer() {
    return new Player(this.#scope, {
      progress: ({ turn, sample }, peak2) => {
        this.levels.put("model", peak2);
        let playback = this.#store.get().playback;
        (playback.turn !== turn || playback.playedSample !== sample) && this.#store.set({ playback: { ...playback, turn, playedSample: sample } });
      },
      heard: (turn, sample) => this.#bridge.send({ lane: "control", kind: "heard", body: { turn, sample } }),
      blocked: (blocked) => blocked ? this.#notices.show(SOUND_BLOCKED) : this.#notices.clear(SOUND_BLOCKED.code)
    });
  }
  #makeMicrophone() {
    return new Microphone(this.#scope, {
      chunk: (samples3, first) => {
        this.#microphone.muted || this.#voice.chunk(samples3, first);
      },
      state: (state, detail) => this.#microphoneState(state, detail),
      devices: (devices, deviceId) => this.#store.set({ microphone: { ...this.#store.get().microphone, devices, deviceId } }),
      trouble: ({ notice }) => this.#notices.show(notice)
    });
  }
  #microphoneState(state, detail) {
    let shown = state === "on" && this.#voice.busy ? "paused" : state;
    this.#store.set({ microphone: { ...this.#store.get().microphone, state: shown } }), state === "muted" ? this.#voice.quiet() : state !== "on" && (this.#voice.off(), this.#store.set({ holding: this.#store.get().holding && state === "asking" })), this.openGate(), this.#bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
  }
  /** Opens or shuts the microphone's way to the kernel, as the state says; to be called when that changes. */
  openGate() {
    let { phase, microphone, turnTaking, holding, owner } = this.#store.get(), on = microphone.state === "on" || microphone.state === "paused";
    this.#voice.open({ live: phase === "live" && owner && on, pushToTalk: turnTaking === "push_to_talk" }), holding && this.#voice.press();
  }
  #busy(busy) {
    let microphone = this.#store.get().microphone;
    busy ? (this.#notices.show(KERNEL_BUSY), this.#store.set({ microphone: { ...microphone, state: "paused" } })) : (this.#notices.clear(KERNEL_BUSY.code), microphone.state === "paused" && this.#store.set({ microphone: { ...microphone, state: "on" } }));
  }
  #moveLevels() {
    (this.#store.get().phase === "live" || this.#microphone.wanted || this.#player.progress.bufferedMs > 0) && this.levels.advance(this.#now());
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
  insight: ["wire", "speech", "picture"]
};

// src/bridge.ts
var CAPACITY = 256, RESEND_MS2 = 2e3, SLOWEST_MS = 3e4, Outbox = class {
  #seq = 0;
  #acked = 0;
  #waiting = [];
  #moved = 0;
  #patience = RESEND_MS2;
  /** The number given last. */
  get seq() {
    return this.#seq;
  }
  /** All that is not acknowledged yet, oldest first; at most 256, the oldest are given up. */
  get waiting() {
    return this.#waiting;
  }
  add(message, now) {
    return this.#waiting.length === 0 && (this.#moved = now, this.#patience = RESEND_MS2), this.#seq += 1, this.#waiting.push({ seq: this.#seq, message }), this.#waiting.length > CAPACITY && this.#waiting.shift(), this.#seq;
  }
  /** The other side has all up to `ack`; older news, and numbers never given, change nothing. */
  acknowledge(ack, now) {
    ack <= this.#acked || ack > this.#seq || (this.#acked = ack, this.#moved = now, this.#patience = RESEND_MS2, this.#waiting = this.#waiting.filter((sent) => sent.seq > ack));
  }
  /**
   * What to send again: all that waits, when nothing was acknowledged for two seconds; then after four, eight and so on,
   * for a kernel that is busy gets every copy.
   */
  stalled(now) {
    return this.#waiting.length === 0 || now - this.#moved < this.#patience ? [] : (this.#moved = now, this.#patience = Math.min(2 * this.#patience, SLOWEST_MS), [...this.#waiting]);
  }
}, Inbox = class {
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
    return seq <= this.#last || seq > this.#last + CAPACITY || this.#held.has(seq) ? [] : (this.#held.set(seq, message), this.#ready());
  }
  /** Gives up on what is missing: goes on at the next message that is here. */
  skip() {
    return this.#held.size === 0 ? [] : (this.#last = Math.min(...this.#held.keys()) - 1, this.#ready());
  }
  /** Begins anew after `last`; what was held beyond it stays. */
  restart(last) {
    this.#last = last;
    for (let seq of [...this.#held.keys()])
      (seq <= last || seq > last + CAPACITY) && this.#held.delete(seq);
    return this.#ready();
  }
  #ready() {
    let ready = [], next = this.#held.get(this.#last + 1);
    for (; next !== void 0; )
      this.#last += 1, this.#held.delete(this.#last), ready.push(next), next = this.#held.get(this.#last + 1);
    return ready;
  }
}, isCount = (value) => Number.isSafeInteger(value) && value >= 0, isObject = (value) => typeof value == "object" && value !== null && !Array.isArray(value);
function readKernelMessage(content) {
  if (!isObject(content) || !isObject(content.body))
    return null;
  let { lane, kind, epoch, seq, ack } = content;
  return Object.hasOwn(KERNEL_KINDS, String(lane)) && KERNEL_KINDS[String(lane)].includes(String(kind)) && [epoch, seq, ack].every(isCount) ? content : null;
}
var SPEAKER_HOLE_MS = 5e3, CONTROL_HOLE_MS = 3e3, REPORTS_UNDER_WAY = 8;
function randomName() {
  return Array.from(
    crypto.getRandomValues(new Uint8Array(8)),
    (byte) => byte.toString(16).padStart(2, "0")
  ).join("");
}
var Bridge = class {
  client;
  #wire;
  #now;
  #ears;
  #out = new Outbox();
  #control = new Inbox();
  #speaker = new Inbox();
  #epoch = 0;
  #welcomed = !1;
  #named = !1;
  #owning = !1;
  #cameraSeq = 0;
  #holeSince = { control: null, speaker: null };
  /** `client` names this page among those that show the same widget. */
  constructor(client, wire, now, ears) {
    this.client = client, this.#wire = wire, this.#now = now, this.#ears = ears;
  }
  get epoch() {
    return this.#epoch;
  }
  /** The highest number of the speaker lane without a hole. */
  get speakerAck() {
    return this.#speaker.last;
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
  /** Sends a message that will arrive, once and in order; returns its number, 0 for a report that is left out. */
  send(message) {
    if (message.kind === "played" && this.#reportsUnderWay() >= REPORTS_UNDER_WAY)
      return 0;
    let seq = this.#out.add(message, this.#now());
    return this.#post(message, seq, this.#control.last), seq;
  }
  /** Sends microphone audio under the number that the uplink gave it. */
  sendVoice(seq, body, samples3) {
    this.#post({ lane: "microphone", kind: "audio", body }, seq, 0, [samples3.buffer]);
  }
  /** Sends a picture, and returns its number; one that is lost stays lost. */
  sendFrame(body, image) {
    return this.#cameraSeq += 1, this.#post({ lane: "camera", kind: "frame", body }, this.#cameraSeq, 0, [image]), this.#cameraSeq;
  }
  /** Takes whatever the comm delivered. */
  receive(content, buffers = []) {
    let message = readKernelMessage(content);
    message !== null && (this.#ears.alive(), message.lane === "speaker" ? this.#hear({ message, buffers: [...buffers] }) : message.lane === "insight" ? this.#ears.insight(message, buffers) : (this.#acknowledged(message), this.#take(message)), this.#watchHoles());
  }
  /** To be called a few times a second: repeats what was lost and gives up on what will not come. */
  tick() {
    let now = this.#now();
    for (let { seq, message } of this.#out.stalled(now))
      this.#post(message, seq, this.#control.last);
    let { control: control2, speaker } = this.#holeSince;
    control2 !== null && now - control2 > CONTROL_HOLE_MS && (this.#holeSince.control = now, this.hello()), speaker !== null && now - speaker > SPEAKER_HOLE_MS && (this.#holeSince.speaker = null, this.#play(this.#speaker.skip()), this.#watchHoles());
  }
  #post(message, seq, ack, buffers = []) {
    this.#wire({ ...message, epoch: this.#epoch, seq, ack }, buffers);
  }
  #reportsUnderWay() {
    return this.#out.waiting.reduce((sum, sent) => sum + (sent.message.kind === "played" ? 1 : 0), 0);
  }
  /** The envelope speaks of one page's lane only; a heartbeat names all. */
  #acknowledged(message) {
    let mine = message.kind === "heartbeat" && Object.hasOwn(message.body.acks, this.client) ? message.body.acks[this.client] : void 0;
    mine !== void 0 ? (this.#named = !0, this.#out.acknowledge(mine, this.#now())) : this.#named || this.#out.acknowledge(message.ack, this.#now());
  }
  #take(message) {
    if (message.kind === "welcome" && message.body.client === this.client && (!this.#welcomed || message.seq > this.#control.last)) {
      this.#begin(message);
      return;
    }
    if (this.#welcomed)
      for (let ready of this.#control.receive(message.seq, message))
        this.#act(ready);
  }
  /** The welcome is a snapshot: whatever was missing before it no longer matters. */
  #begin(message) {
    let waiting = this.#control.restart(message.seq);
    (!this.#welcomed || message.body.owner !== this.client) && this.#play(this.#speaker.restart(message.body.speaker_seq)), this.#welcomed = !0;
    for (let ready of [message, ...waiting])
      this.#act(ready);
  }
  #act(message) {
    message.kind === "welcome" && message.body.client !== this.client || ((message.kind === "welcome" || message.kind === "state") && (this.#owning = message.body.owner === this.client), (message.epoch > this.#epoch || message.kind === "flush") && this.#raise(Math.max(message.epoch, this.#epoch), message.kind === "flush" ? message.body.turn : null), this.#ears.message(message));
  }
  #raise(epoch, turn) {
    this.#epoch = epoch, this.#ears.flush(epoch, turn), this.#play(this.#speaker.skip());
  }
  #hear(spoken) {
    if (!this.#welcomed)
      return;
    let before = this.#speaker.last;
    this.#play(this.#speaker.receive(spoken.message.seq, spoken)), this.#speaker.hole && this.#speaker.last === before && spoken.message.epoch > this.#epoch && this.#play(this.#speaker.skip());
  }
  #play(ready) {
    for (let { message, buffers } of ready)
      message.epoch > this.#epoch && (this.#epoch = message.epoch, this.#ears.flush(message.epoch, null)), !(message.epoch < this.#epoch || !this.#owning) && (message.kind === "end" ? this.#ears.message(message) : buffers[0] && message.body.sample_rate === 24e3 && this.#ears.voice(message.body.turn, message.body.first_sample, samplesOf(buffers[0])));
  }
  #watchHoles() {
    let now = this.#now();
    this.#holeSince = {
      control: this.#control.hole ? this.#holeSince.control ?? now : null,
      speaker: this.#speaker.hole ? this.#holeSince.speaker ?? now : null
    };
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
  /** Calls `callback` once after `ms`, unless the scope ends or the result is called first. */
  timeout(callback, ms2) {
    if (this.disposed)
      return () => {
      };
    let forget = () => {
    }, timer = setTimeout(() => {
      forget(), callback();
    }, ms2), cancel = () => clearTimeout(timer);
    return forget = this.add(cancel), () => {
      forget(), cancel();
    };
  }
  interval(callback, ms2) {
    if (this.disposed)
      return () => {
      };
    let timer = setInterval(callback, ms2);
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
  /** Ends the children, then what this scope owns, last in first out. The second call does nothing. */
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
  /** Registers an undo that can also be called early; it runs once. */
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
var NO_FRAMES = { list: [], lost: 0 };
function addFrames(known2, news) {
  let last = known2.list.at(-1)?.number ?? 0, fresh = news.frames.filter((frame) => frame.number > last);
  if (fresh.length === 0)
    return known2;
  let skipped = known2.list.length > 0 ? Math.max(0, fresh[0].number - last - 1) : news.lost, all = [...known2.list, ...fresh], dropped = Math.max(0, all.length - 2e3);
  return { list: all.slice(dropped), lost: known2.lost + skipped + dropped };
}
var NO_TRACK = { windows: [], marks: [], settings: null, endMs: 0 };
function addSpeech(known2, news) {
  let { levels, probabilities, marks, ...settings2 } = news, before = news.from_ms < known2.endMs - news.step_ms ? NO_TRACK : known2, fresh = levels.map((level, index) => ({
    atMs: news.from_ms + index * news.step_ms,
    level,
    probability: probabilities[index] ?? 0
  })), endMs = news.from_ms + levels.length * news.step_ms, kept = (list, at) => list.filter((item2) => at(item2) >= endMs - 2e4);
  return {
    windows: kept([...before.windows, ...fresh], (window2) => window2.atMs),
    marks: kept([...before.marks, ...marks], (mark) => mark.at_ms),
    settings: settings2,
    endMs
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
    floor: "listening",
    turnTaking: "automatic",
    view: "talk",
    sees: !1,
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    holding: !1,
    owner: !1,
    elsewhere: !1,
    connected: !0,
    sight: {
      source: null,
      state: "off",
      devices: [],
      deviceId: "",
      maxSide: 768,
      quality: 80,
      preview: null,
      sent: 0,
      news: ""
    },
    explorer: {
      open: !1,
      panel: "settings",
      catalogue: null,
      settings: null,
      meter: null,
      meterAt: 0,
      frames: NO_FRAMES,
      track: NO_TRACK
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
var Exploration = class {
  #store;
  #bridge;
  #unanswered = [];
  #now;
  #greeted = !1;
  constructor(store, bridge, now) {
    this.#store = store, this.#bridge = bridge, this.#now = now;
  }
  /** The kernel greets this page: it knows nothing (any more) of what the page looks at. */
  welcome(open) {
    open && !this.#greeted && this.#set({ open }), this.#greeted = !0, this.#store.get().explorer.open && this.#tell();
  }
  take(message) {
    switch (message.kind) {
      case "catalogue":
        this.#set({ catalogue: message.body });
        break;
      case "settings":
        this.#settings(message.body);
        break;
      case "meter":
        this.#set({ meter: message.body, meterAt: this.#now() });
        break;
    }
  }
  /** Something of the talk's insides, which this page looks at. */
  insight(message) {
    let { frames, track } = this.#store.get().explorer;
    message.kind === "wire" ? this.#set({ frames: addFrames(frames, message.body) }) : message.kind === "speech" && this.#set({ track: addSpeech(track, message.body) });
  }
  look(open, panel = this.#store.get().explorer.panel) {
    let before = this.#store.get().explorer;
    (before.open !== open || before.panel !== panel) && (this.#set({ open, panel }), this.#tell());
  }
  configure(changes) {
    let named = Object.entries(changes).map(([name2, value]) => ({ name: name2, value })), seq = this.#bridge.send({ lane: "control", kind: "configure", body: { changes: named } });
    this.#act({ seq, act: (pending) => ({ ...pending, ...changes }) });
  }
  apply() {
    this.#bridge.send({ lane: "control", kind: "apply", body: {} });
  }
  revert() {
    let seq = this.#bridge.send({ lane: "control", kind: "revert", body: {} });
    this.#act({ seq, act: () => ({}) });
  }
  /** What the kernel tells is older than what it has not answered: that is done again on top of it. */
  #settings(told) {
    let taken = told.acks[this.#bridge.client] ?? 0;
    this.#unanswered = this.#unanswered.filter(({ seq }) => seq > taken);
    let pending = this.#unanswered.reduce((before, { act }) => act(before), told.pending);
    this.#set({ settings: { ...told, pending } });
  }
  /** Shown at once: a control that waited for the kernel would jump back under the hand. */
  #act(asked) {
    this.#unanswered.push(asked);
    let { settings: settings2 } = this.#store.get().explorer;
    settings2 && this.#set({ settings: { ...settings2, pending: asked.act(settings2.pending) } });
  }
  #set(change) {
    this.#store.set({ explorer: { ...this.#store.get().explorer, ...change } });
  }
  /** Nothing of the explorer is sent to a page that does not look. */
  #tell() {
    let { open, panel } = this.#store.get().explorer, body = { open, wire: open && panel === "wire", tuner: open && panel === "tuner" };
    this.#bridge.send({ lane: "control", kind: "explorer", body });
  }
};

// src/media/frames.ts
var ChangeGate = class {
  #last = null;
  #sentMs = 0;
  /** Whether a frame is to be sent, which then is what the next are compared with. */
  passes(cells, now) {
    return this.#last !== null && now - this.#sentMs < 1e4 && !differs(cells, this.#last) ? !1 : (this.#last = cells, this.#sentMs = now, !0);
  }
};
function differs(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) {
    let apart = Math.abs(one[index] - other[index]);
    if (apart >= 24)
      return !0;
    sum += apart;
  }
  return sum / one.length >= 2;
}
function fitted(width, height, side) {
  let scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
var Frames = class {
  #scope;
  #easel;
  #ears;
  #now;
  #gate = new ChangeGate();
  #takenMs = Number.NEGATIVE_INFINITY;
  #busy = !1;
  maxSide;
  /** 0..1 */
  quality;
  constructor(scope, easel, ears, now, look) {
    this.#scope = scope, this.#easel = easel, this.#ears = ears, this.#now = now, this.maxSide = look.maxSide, this.quality = look.quality, scope.interval(() => {
      this.#take();
    }, 250);
  }
  /** What comes now may be dark still: the next frame is a second away. */
  rest() {
    this.#takenMs = this.#now();
  }
  async #take() {
    let now = this.#now();
    if (this.#busy || now - this.#takenMs < 1e3 || !this.#ears.wanted())
      return;
    let size2 = this.#easel.draw(this.maxSide);
    if (size2 === null)
      return;
    if (this.#takenMs = now, !this.#gate.passes(this.#easel.cells(), now)) {
      this.#ears.unchanged();
      return;
    }
    this.#busy = !0;
    let data = await this.#easel.jpeg(this.quality);
    this.#busy = !1, data !== null && !this.#scope.disposed && this.#ears.frame({ data, ...size2, captured_ms: now });
  }
}, HAVE_CURRENT_DATA = 2, MOST_BYTES = 50 * 2 ** 20;
function blank(width, height) {
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
function easelOf(stream, scope) {
  let video = document.createElement("video");
  video.muted = !0, video.playsInline = !0, video.srcObject = stream, video.play().catch(() => {
  }), scope.add(() => {
    video.pause(), video.srcObject = null;
  });
  let paper = blank(1, 1), small = blank(32, 32);
  return {
    draw(side) {
      let { videoWidth, videoHeight } = video;
      if (video.readyState < HAVE_CURRENT_DATA || videoWidth === 0 || videoHeight === 0)
        return null;
      let { width, height } = fitted(videoWidth, videoHeight, side);
      return (paper.canvas.width !== width || paper.canvas.height !== height) && (paper.canvas.width = width, paper.canvas.height = height), paper.context.imageSmoothingQuality = "high", paper.context.drawImage(video, 0, 0, width, height), { width, height };
    },
    cells() {
      return small.context.imageSmoothingQuality = "high", small.context.drawImage(paper.canvas, 0, 0, 32, 32), grays(small.context.getImageData(0, 0, 32, 32).data);
    },
    jpeg: (quality) => toJpeg(paper.canvas, quality)
  };
}
function grays(rgba) {
  let out = new Uint8Array(rgba.length / 4);
  for (let index = 0; index < out.length; index += 1) {
    let at = 4 * index;
    out[index] = Math.round(0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2]);
  }
  return out;
}
async function readPicture(file, side, quality) {
  if (file.size === 0 || file.size > MOST_BYTES)
    return null;
  try {
    let image = await createImageBitmap(file, { imageOrientation: "from-image" }), { width, height } = fitted(image.width, image.height, side), { canvas, context } = blank(width, height);
    context.fillStyle = "white", context.fillRect(0, 0, width, height), context.imageSmoothingQuality = "high", context.drawImage(image, 0, 0, width, height), image.close();
    let data = await toJpeg(canvas, quality);
    return data && { data, width, height, captured_ms: performance.now() };
  } catch {
    return null;
  }
}

// src/media/video-capture.ts
var TEXTS2 = {
  "camera-refused": [
    "refused",
    "The browser refused the camera. Click the camera icon in the address bar, allow the camera for this page, then press its button again."
  ],
  "camera-blocked": [
    "refused",
    "The program that shows this notebook keeps the camera from it. Open the notebook in a browser, at its own address, or show a picture file."
  ],
  "camera-missing": [
    "missing",
    "No camera was found. Plug one in or switch it on, then press its button again. You can show a picture file meanwhile."
  ],
  "camera-busy": [
    "off",
    "The camera cannot be opened: another program may be using it. Close that program or pick another camera in the settings, then press its button again."
  ],
  "camera-ended": [
    "ended",
    "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again."
  ],
  "camera-failed": ["off", "The camera could not be started. Reload the page and press its button again."],
  "camera-not-secure": [
    "refused",
    "This page has no camera because its address is not secure. Open the notebook through https:// or at http://localhost."
  ]
}, CODES2 = {
  NotAllowedError: "camera-refused",
  SecurityError: "camera-refused",
  NotFoundError: "camera-missing",
  OverconstrainedError: "camera-missing",
  NotReadableError: "camera-busy",
  AbortError: "camera-busy",
  NotSecure: "camera-not-secure",
  TrackEnded: "camera-ended"
}, CAMERA_TROUBLES = Object.keys(TEXTS2);
async function askCamera(deviceId) {
  if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia)
    throw new DOMException("", "NotSecure");
  let video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };
  if (deviceId === "")
    return navigator.mediaDevices.getUserMedia({ video });
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...video, deviceId: { exact: deviceId } } });
  } catch (error) {
    if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name))
      return navigator.mediaDevices.getUserMedia({ video });
    throw error;
  }
}
function cameraTrouble(error, may = () => allowed("camera")) {
  let name2 = error instanceof Error || error instanceof DOMException ? error.name : "", code2 = Object.hasOwn(CODES2, name2) ? CODES2[name2] : "camera-failed";
  code2 === "camera-refused" && !may() && (code2 = "camera-blocked");
  let [state, text2] = TEXTS2[code2];
  return { state, detail: name2 === "NotSecure" || name2 === "TrackEnded" ? "" : name2, notice: { level: "error", code: code2, text: text2 } };
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
}, SCREEN_TROUBLES = [NOT_CHOSEN, MISSING, ENDED, FAILED].map(
  ({ code: code2 }) => code2
);
async function askScreen() {
  if (!navigator.mediaDevices?.getDisplayMedia)
    throw new DOMException("", "NotSecure");
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 5 } }, audio: !1 });
}
function screenTrouble(error) {
  let name2 = error instanceof Error || error instanceof DOMException ? error.name : "";
  switch (name2) {
    case "NotAllowedError":
      return { state: "refused", detail: name2, notice: NOT_CHOSEN };
    case "NotSecure":
      return { state: "missing", detail: "", notice: MISSING };
    case "TrackEnded":
      return { state: "ended", detail: "", notice: ENDED };
    default:
      return { state: "off", detail: name2, notice: FAILED };
  }
}
var memory2 = remembered("livewidget.camera"), Lens = class {
  #scope;
  #ears;
  #now;
  #easel;
  #source = null;
  #take = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #deviceId = memory2.get();
  #look = { maxSide: 768, quality: 0.8 };
  #paused = !1;
  constructor(scope, ears, now, easel) {
    this.#scope = scope, this.#ears = ears, this.#now = now, this.#easel = easel, scope.add(() => this.stop());
    let devices = navigator.mediaDevices;
    devices && scope.listen(devices, "devicechange", () => {
      this.#list();
    });
  }
  /** What is on or asked for. */
  get source() {
    return this.#source;
  }
  /** Takes camera or screen in place of what is on. To be called from a click or a key only. */
  async start(source) {
    if (this.stop(), this.#scope.disposed)
      return;
    let generation = ++this.#generation;
    this.#source = source, this.#ears.state(source, "asking", "");
    let stream = null;
    try {
      if (stream = await (source === "camera" ? askCamera(this.#deviceId) : askScreen()), generation !== this.#generation) {
        stop(stream);
        return;
      }
      this.#take = this.#begin(source, stream), this.#ears.state(source, "on", ""), source === "camera" && await this.#list();
    } catch (error) {
      stop(stream), generation === this.#generation && this.#fail(source, error);
    }
  }
  /** Gives it back, whatever state it is in. */
  stop() {
    let source = this.#source;
    this.#generation += 1, this.#source = null, this.#take?.scope.dispose(), this.#take = null, source && this.#ears.state(source, "off", "");
  }
  /** Takes no frames, and lets the camera go dark, until it is called with false. */
  pause(paused) {
    paused !== this.#paused && (this.#paused = paused, this.#take && (this.#take.track.enabled = !paused, this.#take.frames.rest()));
  }
  /** Uses another camera, now and from now on. */
  pick(deviceId) {
    this.#deviceId = deviceId, memory2.set(deviceId), this.#list(), this.#source === "camera" && this.start("camera");
  }
  /** Sets the longest side in pixels and the quality, 0..1, of the frames to come. */
  look(maxSide, quality) {
    this.#look = { maxSide, quality }, this.#take && Object.assign(this.#take.frames, this.#look);
  }
  #begin(source, stream) {
    let track = stream.getVideoTracks()[0];
    if (!track)
      throw new DOMException("", "NotFoundError");
    let scope = this.#scope.child();
    scope.add(() => stop(stream)), scope.listen(track, "ended", () => this.#fail(source, new DOMException("", "TrackEnded"))), track.enabled = !this.#paused;
    let ears = {
      wanted: () => !this.#paused && this.#ears.wanted(),
      frame: (frame) => this.#ears.frame(source, frame),
      unchanged: () => this.#ears.unchanged()
    };
    try {
      let frames = new Frames(scope, this.#easel(stream, scope), ears, this.#now, this.#look);
      return { scope, track, frames };
    } catch (error) {
      throw scope.dispose(), error;
    }
  }
  /** It was refused, or went away. */
  #fail(source, error) {
    let found = source === "camera" ? cameraTrouble(error) : screenTrouble(error);
    this.#generation += 1, this.#source = null, this.#take?.scope.dispose(), this.#take = null, this.#ears.trouble(found), this.#ears.state(source, found.state, found.detail);
  }
  async #list() {
    let devices = await listed("videoinput");
    devices && this.#ears.devices(devices, this.#deviceId);
  }
};

// src/video-controller.ts
var PATIENCE_MS = 5e3, MOST_KEPT = 12, CANVASES = { easel: easelOf, read: readPicture }, Sight = class {
  #store;
  #notices;
  #bridge;
  #now;
  #begin;
  #studio;
  #lens;
  /** Pictures of which the kernel has not said whether they were sent, by their numbers. */
  #underWay = /* @__PURE__ */ new Map();
  #sentMs = Number.NEGATIVE_INFINITY;
  /** Touches no device: that takes a click. `begin` starts the talk, and returns false where this page may not. */
  constructor(scope, store, notices, bridge, now, begin, studio = CANVASES) {
    this.#store = store, this.#notices = notices, this.#bridge = bridge, this.#now = now, this.#begin = begin, this.#studio = studio, this.#lens = new Lens(
      scope,
      {
        state: (source, state, detail) => this.#lensState(source, state, detail),
        devices: (devices, deviceId) => this.#set({ devices, deviceId }),
        trouble: ({ notice }) => this.#notices.show(notice),
        wanted: () => this.#wanted(),
        frame: (source, frame) => this.#send(source, frame),
        unchanged: () => this.#set({ news: "unchanged" })
      },
      now,
      (stream, inner) => this.#studio.easel(stream, inner)
    ), scope.listen(document, "visibilitychange", () => this.#seen(!document.hidden)), scope.add(() => this.#show(null));
  }
  /** True while camera or screen is on or asked for. */
  get wanted() {
    return this.#lens.source !== null;
  }
  // --- What a person does ---
  toggle(source) {
    this.#lens.source === source ? this.#lens.stop() : this.#begin() && (this.#notices.clear(...CAMERA_TROUBLES, ...SCREEN_TROUBLES), this.#lens.start(source));
  }
  sendFile(file) {
    this.#store.get().sees && this.#begin() && (this.#notices.clear(NO_PICTURE.code), this.#sendFile(file));
  }
  pickCamera(deviceId) {
    this.#lens.pick(deviceId);
  }
  setSize(maxSide) {
    this.#set({ maxSide }), this.#look();
  }
  setQuality(percent) {
    this.#set({ quality: percent }), this.#look();
  }
  dismiss() {
    this.#show(null);
  }
  // --- What happens ---
  /** Gives camera and screen back. */
  stop() {
    this.#lens.stop();
  }
  /** The kernel says what became of a picture. */
  take(picture2, buffers) {
    let { source, number: number2, width, height, tokens: tokens2, sent, reason } = picture2, mine = this.#underWay.get(number2), data = source === "python" ? buffers[0] : mine?.data;
    if (source !== "python" && this.#underWay.delete(number2), reason === "full" && this.#notices.show(TOO_MANY_PICTURES), sent && data) {
      let blob = new Blob([data], { type: "image/jpeg" }), url = URL.createObjectURL(blob);
      this.#show({ source, url, width, height, bytes: blob.size, tokens: tokens2 }), this.#set({ news: "sent", sent: this.#store.get().sight.sent + 1 });
    } else !sent && mine && this.#set({ news: reason === "unchanged" ? "unchanged" : "waiting" });
  }
  #wanted() {
    let { phase, owner, connected } = this.#store.get(), awaited = this.#underWay.size > 0 && this.#now() - this.#sentMs < PATIENCE_MS;
    return awaited && this.#now() - this.#sentMs > PATIENCE_MS / 2 && this.#set({ news: "waiting" }), phase === "live" && owner && connected && !awaited;
  }
  #send(source, { data, ...place }) {
    let body = { source, mime_type: "image/jpeg", ...place }, number2 = this.#bridge.sendFrame(body, data);
    this.#underWay.set(number2, { data, ...place });
    for (let old of [...this.#underWay.keys()].slice(0, -MOST_KEPT))
      this.#underWay.delete(old);
    this.#sentMs = this.#now(), (source === "file" || this.#store.get().sight.preview === null) && this.#set({ news: "sending" });
  }
  async #sendFile(file) {
    let { maxSide, quality } = this.#store.get().sight, frame = await this.#studio.read(file, maxSide, quality / 100);
    frame ? this.#send("file", frame) : this.#notices.show(NO_PICTURE);
  }
  #lensState(source, state, detail) {
    let on = state === "asking" || state === "on", hidden = source === "camera" && document.hidden;
    if (this.#set({
      source: on ? source : null,
      state: state === "on" && hidden ? "hidden" : on ? state : "off"
    }), on)
      state === "on" && (this.#lens.pause(hidden), this.#show(null), this.#set({ sent: 0 }));
    else {
      this.#underWay.clear();
      let { preview: preview2 } = this.#store.get().sight;
      (preview2?.source === "camera" || preview2?.source === "screen") && this.#show(null), this.#set({ news: this.#store.get().sight.preview ? "sent" : "" });
    }
    this.#bridge.send({ lane: "control", kind: "camera", body: { source, state, detail } });
  }
  /** Whether somebody sees this page: a camera does not film on unseen; a screen is mostly another window's. */
  #seen(seen) {
    let { source, state } = this.#store.get().sight;
    source === "camera" && (state === "on" || state === "hidden") && (this.#lens.pause(!seen), this.#set({ state: seen ? "on" : "hidden" }));
  }
  #look() {
    let { maxSide, quality } = this.#store.get().sight;
    this.#lens.look(maxSide, quality / 100);
  }
  #show(preview2) {
    let before = this.#store.get().sight.preview;
    before && URL.revokeObjectURL(before.url), this.#set({ preview: preview2, news: preview2 ? this.#store.get().sight.news : "" });
  }
  #set(change) {
    this.#store.set({ sight: { ...this.#store.get().sight, ...change } });
  }
};

// src/app.ts
function hideClass(name2, scope, page = document) {
  if (!/^[\w-]+$/.test(name2))
    return;
  let style = page.createElement("style");
  style.textContent = `.${name2} { display: none !important; }`, page.head.append(style), scope.add(() => style.remove());
}
var TICK_MS = 250, IDLE_TICKS = 4, PATIENCE_TICKS = 20, VIEW_GRACE_MS = 1500, LONGEST_TEXT = 1e5, App = class {
  scope = new Scope();
  store = createStore();
  bridge;
  explorer;
  sight;
  #now = () => performance.now();
  #notices = new Notices(this.store);
  #talk;
  #lease;
  #views = /* @__PURE__ */ new Set();
  #transcriptClass = "";
  #owner = "";
  #ticks = 0;
  #idleTicks = 0;
  /** Touches no device: that takes a click. */
  constructor(wire) {
    this.#lease = new Lease(this.#now()), this.bridge = new Bridge(randomName(), wire, this.#now, {
      message: (message) => this.#take(message),
      voice: (turn, first, samples3) => this.#talk.player.write(turn, first, samples3),
      flush: (epoch, turn) => this.#flush(epoch, turn),
      insight: (message, buffers) => this.#look(message, buffers),
      alive: () => this.#alive()
    }), this.explorer = new Exploration(this.store, this.bridge, this.#now), this.#talk = new Talk(this.scope, this.store, this.#notices, this.bridge, this.#now);
    let begin = () => this.#beginToShow();
    this.sight = new Sight(this.scope, this.store, this.#notices, this.bridge, this.#now, begin), this.scope.interval(() => this.#tick(), TICK_MS), this.scope.listen(window, "pagehide", () => this.#silence()), this.bridge.hello();
  }
  /** Draws the widget into `el` until `signal` ends or the result is called. */
  mount(el2, mount) {
    let view = this.scope.child();
    return this.#views.add(view), view.add(() => this.#viewGone(view)), this.#hideTranscript(view), mount(el2, this.store, this.#talk.levels, this, view), () => view.dispose();
  }
  /** The connection says that it is lost, or back: only the kernel's own word counts, and soon. */
  doubt() {
    this.#lease.doubt(this.#now());
  }
  /** The model is gone. */
  dispose() {
    this.scope.disposed || (this.#views.clear(), this.#leave(), this.scope.dispose());
  }
  // --- What a person does ---
  start() {
    if (this.#elsewhere()) {
      this.#notices.show(OTHER_PAGE);
      return;
    }
    this.#talk.player.unlock(), this.#notices.clear(...TROUBLES, KERNEL_GONE.code), this.store.get().connected || (this.#lease.renew(this.#now()), this.bridge.hello()), this.#begin(!0), this.#talk.microphone.start();
  }
  stop() {
    this.#silence(), this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }
  toggleMute() {
    this.#talk.microphone.mute(!this.#talk.microphone.muted);
  }
  sendText(text2) {
    let said2 = text2.trim().slice(0, LONGEST_TEXT);
    said2 !== "" && (this.#elsewhere() || (this.#talk.player.unlock(), this.#begin(!1)), this.bridge.send({ lane: "control", kind: "text", body: { text: said2 } }));
  }
  interrupt() {
    this.#talk.player.hush(), this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }
  hold(active) {
    active === this.store.get().holding || active && this.#elsewhere() || (this.store.set({ holding: active }), active && (this.#talk.player.unlock(), this.#talk.microphone.wanted || this.start()), this.#talk.hold(active));
  }
  setTurnTaking(mode) {
    this.store.set({ turnTaking: mode }), this.#talk.openGate(), this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode } });
  }
  setVolume(volume) {
    this.#talk.player.setVolume(volume), this.store.set({ playback: { ...this.store.get().playback, volume } });
  }
  pickMicrophone(deviceId) {
    this.#talk.microphone.pick(deviceId);
  }
  dismissNotice(code2) {
    this.#notices.clear(code2);
  }
  confirm(id, allowed2) {
    this.bridge.send({ lane: "control", kind: "confirm", body: { id, allowed: allowed2 } });
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
        this.#owner === this.bridge.client && this.#talk.heartbeat(message.body.microphone_ack, message.body.microphone_resend);
        break;
      case "end":
        this.#talk.player.end(message.body.turn);
        break;
      default:
        this.explorer.take(message);
    }
  }
  #look(message, buffers) {
    message.kind === "picture" ? this.sight.take(message.body, buffers) : this.explorer.insight(message);
  }
  #welcome(welcome) {
    let { name: name2, speaker, turns } = welcome;
    if (this.store.set({ name: name2, speaker, turns }), this.#notices.replace(welcome.notices), welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (let view of this.#views)
        this.#hideTranscript(view);
    }
    this.#session(welcome), this.explorer.welcome(welcome.explorer);
  }
  #session(told) {
    let { phase, floor, turn_taking, view, sees, model, badge } = told, { suggestions: suggestions2, elapsed_ms, owner } = told, before = this.store.get(), liveSince = phase === "live" ? before.liveSince ?? this.#now() - elapsed_ms : null, mine = owner === this.bridge.client;
    this.#owner = owner;
    let elsewhere = owner !== "" && !mine;
    this.store.set({ phase, floor, turnTaking: turn_taking, view, sees, model, badge, suggestions: suggestions2 }), this.store.set({ liveSince, owner: mine, elsewhere }), elsewhere ? this.#yield() : this.#notices.clear(OTHER_PAGE.code), phase === "ended" && before.phase !== "ended" && this.#ended(), this.#talk.openGate();
  }
  #turn(turn) {
    let others = this.store.get().turns.filter((known2) => known2.index !== turn.index), place = others.findIndex((known2) => known2.index > turn.index);
    others.splice(place === -1 ? others.length : place, 0, turn), this.store.set({ turns: others });
  }
  #flush(epoch, turn) {
    turn !== null && this.#talk.levels.mark(), this.#talk.player.flush(epoch, turn);
  }
  #alive() {
    let back = !this.store.get().connected;
    this.#lease.renew(this.#now()), back && (this.store.set({ connected: !0 }), this.#notices.clear(KERNEL_GONE.code), this.bridge.hello());
  }
  // --- What follows from it ---
  /** Whether a device is on or asked for. */
  get #wanted() {
    return this.#talk.microphone.wanted || this.sight.wanted;
  }
  /** Whether another page talks. */
  #elsewhere() {
    return this.#owner !== "" && this.#owner !== this.bridge.client && this.store.get().phase === "live";
  }
  /** Asks the kernel to begin; what it says about that will follow. */
  #begin(microphone, claim = microphone) {
    let { phase } = this.store.get(), resting = phase === "idle" || phase === "ended";
    resting && this.store.set({ phase: "connecting" }), (resting || claim) && this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
  }
  /** Begins to talk for a picture, with this page as the one that shows; false where another page does. */
  #beginToShow() {
    return this.#elsewhere() ? (this.#notices.show(OTHER_PAGE), !1) : (this.#talk.player.unlock(), this.#begin(!1, this.#owner === ""), !0);
  }
  /** Gives all devices back at once. */
  #silence() {
    this.#talk.silence(), this.sight.stop();
  }
  /** The session is over: the devices go at once, the voice may finish its sentence. */
  #ended() {
    this.#talk.microphone.stop(), this.sight.stop(), this.#talk.closeWhenQuiet();
  }
  /** Another page has microphone and voice. */
  #yield() {
    this.#wanted && this.#notices.show(OTHER_PAGE), this.#silence();
  }
  #leave() {
    this.#silence(), (this.#owner === "" || this.#owner === this.bridge.client) && this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }
  #viewGone(view) {
    this.#views.delete(view), !(this.#views.size > 0 || this.scope.disposed) && (this.#talk.microphone.stop(), this.sight.stop(), this.scope.timeout(() => {
      this.#views.size === 0 && this.#leave();
    }, VIEW_GRACE_MS));
  }
  #hideTranscript(view) {
    this.#transcriptClass !== "" && hideClass(this.#transcriptClass, view);
  }
  // --- Time ---
  #tick() {
    this.bridge.tick(), this.#ticks += 1, (this.store.get().phase === "live" || this.store.get().phase === "connecting" || this.#ticks % IDLE_TICKS === 0) && this.#talk.report(), this.store.get().phase === "ended" && this.#talk.closeWhenQuiet(), this.#idleTicks = this.store.get().phase === "idle" && this.#wanted ? this.#idleTicks + 1 : 0, this.#idleTicks > PATIENCE_TICKS && this.#silence(), !this.#lease.holds(this.#now()) && (this.store.get().connected || this.#wanted) && this.#lost();
  }
  #lost() {
    let used = this.#wanted || this.store.get().phase === "live";
    this.store.get().connected && (this.store.set({ connected: !1 }), this.bridge.hello()), this.#silence(), used && this.#notices.show(KERNEL_GONE);
  }
};

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
function name(node, label, title2 = label) {
  attribute(node, "aria-label", label), attribute(node, "title", title2);
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
}, SVG = "http://www.w3.org/2000/svg";
function icon(picture2, size2 = 20) {
  let svg = document.createElementNS(SVG, "svg");
  for (let [key, value] of Object.entries({
    class: "lw-icon",
    width: String(size2),
    height: String(size2),
    viewBox: "0 0 24 24",
    "aria-hidden": "true"
  }))
    svg.setAttribute(key, value);
  let path = document.createElementNS(SVG, "path");
  return path.setAttribute("d", PATHS[picture2]), svg.append(path), svg;
}
function picture(svg, to) {
  attribute(svg.firstElementChild, "d", PATHS[to]);
}
function patchKeyed(list, nodes, items, how) {
  let changed = !1;
  if (nodes.size > items.length || items.some((item2) => !nodes.has(how.key(item2)))) {
    let kept = new Set(items.map(how.key));
    for (let [key, node] of nodes)
      kept.has(key) || (node.element.remove(), nodes.delete(key), changed = !0);
  }
  let place = list.firstElementChild;
  for (let item2 of items) {
    let node = nodes.get(how.key(item2));
    node || (node = how.make(item2), nodes.set(how.key(item2), node)), node.element === place ? place = place.nextElementSibling : list.insertBefore(node.element, place), changed = how.update(node, item2) || changed;
  }
  return changed;
}

// src/views/format.ts
var ANSI = /\u001b\[[0-?]*[ -/]*[@-~]/g, CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, LINES = /\r\n?|[\u2028\u2029\u0085]/g, BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
function clean(text2, longest = 2e4) {
  return (text2.length > longest ? `${text2.slice(0, longest)}…` : text2).replace(ANSI, "").replace(LINES, `
`).replace(CONTROLS, "").replace(BIDI, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`).replace(LONE_SURROGATE, "�");
}
function cleanLine(text2, longest = 200) {
  return clean(text2, longest).replace(/\s+/g, " ").trim();
}
function elapsed(ms2) {
  let seconds = Math.max(0, Math.floor(ms2 / 1e3)), two = (value) => String(value).padStart(2, "0"), hours = Math.floor(seconds / 3600), rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
function latency(ms2) {
  let seconds = Math.max(0, ms2) / 1e3;
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0)} s`;
}
function duration(ms2) {
  return ms2 < 1 ? "< 1 ms" : ms2 < 999.5 ? `${Math.round(ms2)} ms` : `${(ms2 / 1e3).toFixed(1)} s`;
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
function left(ms2) {
  let seconds = Math.max(0, Math.ceil(ms2 / 1e3));
  return seconds > 90 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}
var known = /* @__PURE__ */ new Map();
function languageName(code2) {
  let name2 = known.get(code2);
  return name2 === void 0 && (name2 = lookUp(code2), known.set(code2, name2)), name2;
}
function lookUp(code2) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code2) ?? code2;
  } catch {
    return code2;
  }
}
function languageTag(code2) {
  return /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(code2) ? code2 : null;
}

// src/views/tool.ts
function question(actions) {
  let words2 = el("span", "lw-question-words"), yes = button("lw-answer", "Allow", "Allow"), no = button("lw-answer", "Don't", "Don't"), element = el("span", "lw-question", { role: "group" }, words2, yes, no), asked = null, answered = !1, answer = (allowed2) => {
    asked !== null && !answered && (answered = !0, actions.confirm(asked, allowed2));
  };
  return yes.onclick = () => answer(!0), no.onclick = () => answer(!1), {
    element,
    update(use, state) {
      if (asked !== (use?.id ?? null) && (asked = use?.id ?? null, answered = !1), use === null && element.contains(document.activeElement) && element.closest(".livewidget")?.focus({ preventScroll: !0 }), show(element, use !== null), use === null)
        return;
      let called = cleanLine(use.name, 80);
      name(yes, `Allow ${called}`), name(no, `Don't allow ${called}`), element.setAttribute("aria-label", `May ${called} run?`), text(words2, state.elsewhere ? "asked in another page" : "May it run?"), show(yes, !state.elsewhere), show(no, !state.elsewhere);
    }
  };
}
function asking(state) {
  return state.phase === "live" ? state.turns.flatMap((turn) => turn.tools.filter((use) => use.state === "asking")) : [];
}
var CHIP = 240, ASKED = 2e3;
function tools(actions) {
  let element = el("ul", "lw-tools", { "aria-label": "Tools" }), chips = [];
  return {
    element,
    update(uses, state) {
      for (let chip2 of chips.splice(uses.length))
        chip2.element.remove();
      uses.forEach((use, index) => {
        chips[index] || (chips[index] = makeChip(actions), element.append(chips[index].element)), chips[index].update(use, state);
      }), show(element, uses.length > 0);
    }
  };
}
function makeChip(actions) {
  let [call, rest] = [el("b"), el("span")], ask = question(actions), element = el("li", "lw-chip", {}, el("span", "lw-call", {}, call, rest), ask.element);
  return {
    element,
    update(use, state) {
      let known2 = use.state in OUTCOME ? use.state : "running";
      attribute(element, "data-state", known2), text(call, cleanLine(use.name, 80)), text(rest, `(${cleanLine(use.args, known2 === "asking" ? ASKED : CHIP)})${OUTCOME[known2](use)}`), ask.update(known2 === "asking" ? use : null, state);
    }
  };
}
var OUTCOME = {
  asking: () => "",
  running: (use) => ` … ${cleanLine(use.updates.at(-1) ?? "", CHIP)}`.trimEnd(),
  done: (use) => ` → ${cleanLine(use.result ?? "None", CHIP)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", CHIP)}`,
  refused: () => " did not run",
  cancelled: () => " cancelled"
};

// src/views/status.ts
function status(state) {
  if (!state.connected)
    return { word: "kernel gone", tone: "error" };
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
      return { word: state.view === "translation" ? "translating" : "speaking", tone: "model-sounding" };
    case "thinking":
      return { word: "thinking…", tone: "model" };
    case "tool":
      return asks(state) ? { word: "asking you", tone: "warn" } : { word: "using a tool", tone: "model" };
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
      return { word: takesText(state) ? "typing only" : "not hearing", tone: "off" };
    default:
      return null;
  }
}
function mirrors(state) {
  return state.elsewhere && (state.phase === "live" || state.phase === "connecting");
}
function canInterrupt(state) {
  return state.connected && state.phase === "live" && state.floor === "model" && state.view === "talk";
}
function takesText(state) {
  return state.view === "talk";
}
function canHold(state) {
  return state.connected && state.phase === "live" && state.owner && state.turnTaking === "push_to_talk" && (state.microphone.state === "on" || state.microphone.state === "muted");
}
function noMicrophone(state) {
  return takesText(state) ? "You can type; press ● to try again." : "Press ● to try again.";
}
function lacksMicrophone(state) {
  return state.microphone.state === "refused" || state.microphone.state === "missing";
}
function hint(state) {
  if (!state.connected)
    return "Run this cell again, or press ● to retry.";
  if (mirrors(state))
    return "Another page has the microphone.";
  switch (state.phase) {
    case "idle":
      return lacksMicrophone(state) ? noMicrophone(state) : "● asks the browser for the microphone.";
    case "connecting":
      return "The browser may ask for the microphone.";
    case "ended":
      return "The talk has ended. Press ● to start again.";
    case "live":
      return liveHint(state);
  }
}
function asks(state) {
  return !state.elsewhere && asking(state).length > 0;
}
function liveHint(state) {
  if (asks(state))
    return "A tool waits: allow it, or don't.";
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
      return noMicrophone(state);
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
function invitation(state) {
  return state.connected ? state.phase === "connecting" ? "Connecting…" : state.phase === "live" && state.microphone.state === "asking" ? "Allow the microphone, then talk." : state.phase !== "live" || state.microphone.state !== "on" || mirrors(state) ? takesText(state) ? state.phase === "live" ? "Type something." : "Press ● and talk, or type." : "Press ● and talk." : state.turnTaking === "push_to_talk" ? "Hold space and talk." : "Just talk." : "The kernel is gone.";
}
function placeholder(state) {
  return state.connected ? state.phase === "live" && state.microphone.state === "on" && !mirrors(state) && state.turnTaking === "automatic" ? "Type, or just talk…" : "Type a message…" : "Not connected";
}
function microphoneButton(state) {
  let nothing = (label, look) => ({
    does: "nothing",
    look,
    label,
    pressed: null
  });
  if (!state.connected)
    return { does: "start", look: "lost", label: "Try to reach the kernel again", pressed: null };
  if (mirrors(state))
    return nothing("Another page has the microphone", "silent");
  if (state.phase === "connecting")
    return nothing("Connecting", "wait");
  if (state.phase !== "live")
    return { does: "start", look: "record", label: "Start talking", pressed: null };
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
  return canHold(state) ? {
    does: "hold",
    look: state.holding ? "held" : "armed",
    label: "Hold to talk",
    pressed: state.holding
  } : {
    does: "mute",
    look: state.microphone.state === "on" ? "open" : "silent",
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

// src/views/header.ts
var SVG2 = "http://www.w3.org/2000/svg", RADIUS = 6, AROUND = 2 * Math.PI * RADIUS, SOON_MS = 6e4, TICK_MS2 = 500;
function timeLeft({ phase, connected, explorer: explorer2 }, now) {
  let { meter, meterAt } = explorer2;
  return phase !== "live" || !connected || meter === null || meter.time_left_ms === null ? null : Math.max(0, meter.time_left_ms - (now - meterAt));
}
function timeRing(scope) {
  let [track, rest] = [circle("lw-ring-track"), circle("lw-ring-rest")];
  rest.setAttribute("pathLength", String(AROUND));
  let picture2 = document.createElementNS(SVG2, "svg");
  for (let [key, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16" }))
    picture2.setAttribute(key, value);
  picture2.setAttribute("aria-hidden", "true"), picture2.append(track, rest);
  let word = el("span", "lw-ring-word"), element = el("span", "lw-ring", { role: "img" }, picture2, word), now = null, draw = () => {
    let ms2 = now && timeLeft(now, performance.now()), meter = now?.explorer.meter ?? null;
    if (show(element, ms2 !== null && meter !== null), ms2 === null || meter === null)
      return;
    let share = meter.time_limit_ms ? Math.min(1, ms2 / meter.time_limit_ms) : 0;
    attribute(rest, "stroke-dasharray", `${(share * AROUND).toFixed(1)} ${AROUND.toFixed(1)}`);
    let soon = ms2 <= SOON_MS || meter.ending === "go_away";
    attribute(element, "data-soon", soon ? "true" : null), text(word, soon ? left(ms2) : ""), show(word, soon);
    let sentence4 = lasts(ms2, meter);
    attribute(element, "aria-label", sentence4), attribute(element, "title", sentence4);
  };
  return scope.interval(draw, TICK_MS2), {
    element,
    update(state) {
      now = state, draw();
    }
  };
}
function lasts(ms2, { ending }) {
  return ending === "go_away" ? `The service ends this connection in ${left(ms2)}` : `This connection lasts about ${left(ms2)} more`;
}
function tokenMeter() {
  let count = el("span"), cost = el("span", "lw-cost"), element = el("span", "lw-tokens", {}, count, cost);
  return {
    element,
    update({ explorer: { meter } }) {
      show(element, meter !== null && meter.total_tokens > 0), meter !== null && (text(count, tokens(meter.total_tokens)), text(cost, price(meter)), attribute(element, "title", details(meter)));
    }
  };
}
function price({ cost_usd }) {
  return cost_usd === null ? "" : cost_usd === 0 ? " · free" : ` · ${dollars(cost_usd)}`;
}
function details(meter) {
  let kinds2 = Object.entries(meter.by_modality).map(
    ([kind, count]) => `${kind.toLowerCase()} ${count.toLocaleString("en")}`
  );
  return [
    `${tokens(meter.prompt_tokens)} sent, ${tokens(meter.response_tokens)} received`,
    kinds2.join(", "),
    `${meter.context_tokens.toLocaleString("en")} of ${meter.context_limit.toLocaleString("en")} in the context`,
    meter.cost_usd ? `an estimate by the prices of ${meter.prices_of}` : "",
    meter.link_ms === null ? "" : `round trip ${meter.link_ms.toFixed(meter.link_ms < 10 ? 1 : 0)} ms`
  ].filter((part) => part !== "").join(`
`);
}
function circle(className) {
  let node = document.createElementNS(SVG2, "circle");
  for (let [key, value] of Object.entries({ class: className, cx: "8", cy: "8", r: String(RADIUS) }))
    node.setAttribute(key, value);
  return node;
}
function header(scope) {
  let dot = el("span", "lw-dot", { "aria-hidden": "true" }), who = el("strong", "lw-who"), badge = el("span", "lw-badge"), badgeMore = el("span", "lw-wide"), badgeShort = el("span");
  badge.append(badgeShort, badgeMore);
  let word = el("span", "lw-word"), first = el("span", "lw-first lw-wide", {
    title: "From the end of your words to the first sound of the answer"
  }), clock2 = el("span", "lw-clock", { role: "timer", "aria-label": "Elapsed time" }, "00:00"), ring = timeRing(scope), used = tokenMeter(), explore = el(
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
    el("span", "lw-meta", {}, word, first, used.element, ring.element, clock2),
    explore,
    settings2
  ), since = null, counted2 = !1, tick = () => {
    since !== null && text(clock2, elapsed(performance.now() - since));
  };
  return scope.interval(tick, 250), {
    element,
    explore,
    settings: settings2,
    update(state) {
      let { word: now, tone } = status(state);
      attribute(dot, "data-tone", tone), attribute(word, "data-tone", tone), text(word, now), text(who, displayName(state)), attribute(who, "title", displayName(state));
      let [short2, more] = badgeParts(cleanLine(state.badge));
      text(badgeShort, short2), text(badgeMore, more), show(badge, short2 !== "");
      let ms2 = lastLatency(state);
      text(first, ms2 === null ? "" : `first sound ${latency(ms2)}`), show(first, ms2 !== null), since = state.phase === "live" && state.connected ? state.liveSince : null, state.phase === "connecting" && text(clock2, elapsed(0)), counted2 ||= since !== null || state.phase === "idle" || state.phase === "connecting", show(clock2, counted2), tick(), ring.update(state), used.update(state), show(used.element, !used.element.hidden && (state.explorer.meter?.cost_usd ?? 0) > 0);
    }
  };
}
function lastLatency(state) {
  return [...state.turns].reverse().find((turn) => turn.latency_ms !== null)?.latency_ms ?? null;
}

// src/explorer/latency.ts
var MOST = 50, PARTS = [
  { name: "decision", label: "noticing your end", of: ({ decision_ms }) => decision_ms ?? 0 },
  { name: "network", label: "network", of: ({ network_ms }) => network_ms ?? 0 },
  { name: "tool", label: "your tools", of: ({ tool_ms }) => tool_ms },
  { name: "wait", label: "the model", of: ({ wait_ms }) => wait_ms },
  { name: "heard", label: "its voice", of: ({ heard_ms }) => heard_ms ?? 0 }
];
function anatomyPanel(_store, _actions, _scope) {
  let legend = el("ul", "lw-tuner-legend");
  for (let { name: name2, label } of PARTS)
    legend.append(el("li", "", {}, el("i", `lw-tuner-key lw-part-${name2}`), label));
  let list = el("ol", "lw-anatomy"), empty = el(
    "p",
    "lw-panel-empty",
    {},
    "No answer yet. Each will have a bar here: where its time went."
  ), element = el("div", "lw-anatomies", {}, legend, list, empty), seen = null;
  return {
    element,
    update({ turns }) {
      if (turns === seen)
        return;
      seen = turns;
      let timed = turns.filter((turn) => turn.anatomy !== null).slice(-MOST);
      show(empty, timed.length === 0), show(legend, timed.length > 0);
      let longest = Math.max(1, ...timed.map((turn) => total(turn.anatomy)));
      for (let [index, turn] of timed.entries())
        put(list.children[index] ?? list.appendChild(row()), turn, longest);
      for (; list.children.length > timed.length; )
        list.lastElementChild.remove();
    }
  };
}
function total(anatomy) {
  return PARTS.reduce((sum, part) => sum + part.of(anatomy), 0);
}
function row() {
  let bar = el("div", "lw-bar", { role: "img" }, ...PARTS.map(({ name: name2 }) => el("i", `lw-part-${name2}`)));
  return el("li", "", {}, el("p", "lw-anatomy-text"), bar, el("p", "lw-anatomy-says"));
}
function put(node, turn, longest) {
  let [said2, bar, says] = node.children, anatomy = turn.anatomy;
  text(said2, cleanLine(turn.spans.map((span) => span.text).join(""), 90) || "…"), PARTS.forEach((part, index) => {
    bar.children[index].style.width = `${part.of(anatomy) / longest * 100}%`;
  }), text(says, sentence(anatomy)), attribute(bar, "aria-label", sentence(anatomy));
}
function sentence(anatomy) {
  let before = PARTS.slice(0, -1), first = before.reduce((sum, part) => sum + part.of(anatomy), 0), made = before.filter((part) => part.of(anatomy) >= 0.5).map((part) => `${part.label} ${duration(part.of(anatomy))}`).join(", "), heard = anatomy.heard_ms ? `; heard for ${duration(anatomy.heard_ms)}` : "";
  return `first sound after ${duration(first)}${made ? ` (${made})` : ""}${heard}`;
}

// src/explorer/control.ts
function modelOf({ pending, model }) {
  return typeof pending.model == "string" ? pending.model : model;
}
function askedOf({ pending, values }, name2) {
  let said2 = Object.hasOwn(pending, name2) ? pending : values;
  return Object.hasOwn(said2, name2) ? said2[name2] : null;
}
function isChanged(settings2, name2) {
  return Object.hasOwn(settings2.pending, name2);
}
function choicesOf(feature, model) {
  return feature.choices_by_model[model] ?? feature.choices;
}
function choiceName(feature, choice) {
  let words2 = choice.replaceAll("_", " "), note = feature.notes[choice];
  return note ? `${words2} — ${note}` : words2;
}
function unsaid(feature) {
  return feature.unsaid !== "" ? feature.unsaid : typeof feature.default == "boolean" ? feature.default ? "on" : "off" : typeof feature.default == "string" ? choiceName(feature, feature.default) : feature.kind === "names" || feature.kind === "json" || feature.kind === "text" ? "none" : "left to the service";
}
function range({ kind, lowest, highest }) {
  return kind !== "number" || lowest === null ? "" : highest !== null ? `${number(lowest)} to ${number(highest)}` : lowest >= -1 ? `${number(lowest)} or more` : "any whole number";
}
function number(value) {
  return String(value).replace("-", "−");
}
function refusal(feature, model) {
  let does = feature.refused.includes(model) ? "does not have it" : feature.ignored.includes(model) ? "ignores it" : "";
  return does && `${model} ${does}${feature.instead ? `: ${feature.instead}` : ""}.`;
}
function having(feature, models) {
  return models.map(({ id }) => id).filter((id) => !feature.refused.includes(id) && !feature.ignored.includes(id));
}
function matches(feature, search) {
  let { name: name2, label, wire, about, group } = feature, text2 = `${name2} ${label} ${wire} ${about} ${group}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text2.includes(word));
}
function groups({ features }) {
  let found = /* @__PURE__ */ new Map();
  for (let feature of features)
    found.set(feature.group, [...found.get(feature.group) ?? [], feature]);
  return found;
}
var LONG2 = /* @__PURE__ */ new Set(["system_instruction"]);
function input(feature) {
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
        LONG2.has(feature.name) ? el("textarea", "lw-entry lw-entry-long", { rows: "3" }) : el("input", "lw-entry", { type: "text" }),
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
  let element = el("select", "lw-entry"), own = typeof feature.default == "string" ? feature.default : "", made = "";
  return {
    element,
    typed: !1,
    set(value, model) {
      let choices = [...choicesOf(feature, model)], chosen = typeof value == "string" ? value : own;
      chosen !== "" && !choices.includes(chosen) && choices.push(chosen);
      let key = JSON.stringify(choices);
      if (key !== made) {
        made = key;
        let options = choices.map(
          (choice) => el("option", "", { value: choice }, choiceName(feature, choice))
        ), none = own === "" ? [el("option", "", { value: "" }, `Default: ${unsaid(feature)}`)] : [];
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
      put2(element, typeof value == "number" ? String(value) : "");
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
    set: (value) => put2(element, show2(value)),
    read: () => read(element.value)
  };
}
function put2(element, text2) {
  element.value !== text2 && (element.value = text2);
}
function splitNames(text2) {
  let names = text2.split(",").map((name2) => name2.trim()).filter((name2) => name2 !== "");
  return names.length > 0 ? names : null;
}
var TYPING_MS = 300;
function control(feature, models, ways, scope) {
  let entry2 = input(feature), parts = build(feature, models, entry2, scope), { element, undo, why, fault } = parts, wrong = "", said2 = null, forget = () => {
  }, changed = () => {
    forget();
    let given = entry2.read();
    wrong = "wrong" in given ? given.wrong : "", "value" in given ? ways.change(feature, given.value) : ways.doubt(), tell();
  }, tell = () => {
    let sentence4 = wrong || (said2?.errors[feature.name] ?? "");
    text(fault, clean(sentence4, 500)), show(fault, sentence4 !== ""), attribute(entry2.element, "aria-invalid", sentence4 === "" ? null : "true"), show(why, sentence4 === "" && why.textContent !== "");
  };
  return scope.listen(entry2.element, "change", changed), entry2.typed && scope.listen(entry2.element, "input", () => {
    forget(), forget = scope.timeout(changed, TYPING_MS);
  }), scope.listen(undo, "click", () => {
    if (!said2)
      return;
    forget(), wrong = "";
    let back = isChanged(said2, feature.name) ? said2.values[feature.name] ?? null : null;
    entry2.set(back, modelOf(said2)), entry2.element.focus(), ways.change(feature, back), tell();
  }), {
    element,
    feature,
    wrong: () => wrong,
    forget() {
      forget(), wrong = "", said2 && entry2.set(askedOf(said2, feature.name), modelOf(said2));
    },
    focus: () => entry2.element.focus(),
    update(settings2) {
      said2 = settings2;
      let model = modelOf(settings2), value = askedOf(settings2, feature.name), refused = feature.refused.includes(model), isSaid2 = value !== null && value !== feature.default;
      !(entry2.typed && entry2.element === document.activeElement) && wrong === "" && entry2.set(value, model);
      let off = refused && !isSaid2;
      attribute(entry2.element, "disabled", off ? "" : null), attribute(element, "data-off", refused ? "true" : null);
      let marked = isChanged(settings2, feature.name);
      attribute(element, "data-changed", marked ? "true" : null), show(undo, marked || refused && isSaid2), name(undo, marked ? `Undo the change of ${feature.label}` : `Leave ${feature.label} out`), text(why, clean(refusal(feature, model))), tell();
    }
  };
}
function build(feature, models, entry2, scope) {
  let box = entry2.element;
  box.id = freshId("setting");
  let label = el("label", "lw-control-label", { for: box.id }, clean(feature.label)), about = el("p", "lw-control-about", { id: freshId("about") }, clean(feature.about)), fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" }), why = el("p", "lw-control-why", { id: freshId("why") });
  attribute(box, "aria-describedby", `${about.id} ${why.id} ${fault.id}`);
  let undo = button("lw-plain lw-control-undo", "Undo", icon("undo", 16)), unit = el("span", "lw-control-unit", {}, clean(feature.unit)), hint2 = [range(feature), `default: ${unsaid(feature)}`].filter((part) => part !== "").join(" · "), line2 = el("div", "lw-control-line", {}, box, unit, undo), who = whoHasIt(feature, models, scope), small = el("p", "lw-control-small", {}, ...feature.wire ? [wireName(feature)] : [], who.opener), element = el(
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
function wireName({ wire, name: known2 }) {
  let steps = wire.split("."), node = el("code", "lw-wire-name", { title: `In Python: ${known2}` });
  return steps.forEach((step, index) => {
    let last = index === steps.length - 1;
    node.append(el(last ? "b" : "span", "", {}, clean(last ? step : `${step}.`)), el("wbr"));
  }), node;
}
function whoHasIt(feature, models, scope) {
  let able = having(feature, models), list = el(
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
  let count = el("strong", "lw-apply-count"), takes = el("span", "lw-apply-takes"), problem = el("button", "lw-apply-problem", { type: "button" }), refused = el("p", "lw-apply-refused", { role: "alert" }), words2 = el("p", "lw-apply-words", { role: "status" }, count, takes), revert = el("button", "lw-button", { type: "button" }, "Revert"), apply = el("button", "lw-button lw-button-first", { type: "button" }, "Apply"), element = el(
    "div",
    "lw-apply",
    {},
    el("div", "lw-apply-text", {}, words2, problem, refused),
    revert,
    apply
  ), first = "", applying = null, told = null, label = () => {
    text(apply, applying === told && applying !== null ? "Applying…" : "Apply");
  };
  return scope.listen(problem, "click", () => ways.show(first)), scope.listen(revert, "click", () => ways.revert()), scope.listen(apply, "click", () => {
    apply.hasAttribute("aria-disabled") || (applying = told, label(), ways.apply());
  }), {
    element,
    update(state, catalogue, settings2, wrong) {
      told = settings2;
      let changes = Object.keys(settings2.pending).length, faults = [...wrong, ...Object.keys(settings2.errors).filter((name2) => name2 !== "")], names = [...new Set(faults)];
      first = names[0] ?? "", text(count, changes === 1 ? "1 change" : `${changes} changes`), text(takes, changes > 0 ? ` · ${consequence(state, settings2)}` : ""), show(words2, changes > 0), text(problem, `Cannot be: ${names.map((name2) => title(catalogue, name2)).join(", ")}`), show(problem, names.length > 0), text(refused, clean(settings2.errors[""] ?? "", 500)), show(refused, !!settings2.errors[""]), attribute(
        apply,
        "aria-disabled",
        names.length > 0 || changes === 0 || !state.connected ? "true" : null
      ), attribute(revert, "disabled", state.connected ? null : ""), label();
      let wanted = changes > 0 || names.length > 0;
      !wanted && element.contains(document.activeElement) && ways.rest(), show(element, wanted);
    }
  };
}
function consequence({ phase }, { pending, live: live2 }) {
  let names = Object.keys(pending), they = names.length === 1 ? "it holds" : "they hold";
  return phase !== "live" ? `${they} from the next start on` : names.includes("model") ? "another model takes the talk over, told what was said where it can be" : names.every((name2) => live2.includes(name2)) ? `${they} at once` : "needs a new connection; the talk goes on";
}
function title({ features }, name2) {
  return clean(features.find((feature) => feature.name === name2)?.label ?? "Model");
}
var SAID_MS = 2500, COPY = "Copy";
function codeView(scope) {
  let block2 = el("code", "lw-code-text"), box = el("pre", "lw-code", { tabindex: "0", "aria-label": "Python of this session" }, block2), copy = el("button", "lw-button lw-code-copy", { type: "button" }, COPY), said2 = el("span", "lw-unseen", { role: "status" }), element = el("div", "lw-code-block", { id: freshId("code") }, box, said2, copy);
  element.hidden = !0;
  let opener = el(
    "button",
    "lw-button lw-code-opener",
    { type: "button", "aria-expanded": "false", "aria-controls": element.id },
    icon("code", 16),
    "Copy as code"
  ), forget = () => {
  }, say = (words2) => {
    text(copy, words2), text(said2, words2), forget(), forget = scope.timeout(() => {
      text(copy, COPY), text(said2, "");
    }, SAID_MS);
  }, put4 = async () => {
    select(box);
    try {
      await navigator.clipboard.writeText(block2.textContent ?? ""), say("Copied");
    } catch {
      say(document.execCommand?.("copy") ? "Copied" : "Now press Ctrl+C");
    }
  };
  return scope.listen(opener, "click", () => {
    show(element, element.hidden !== !1), attribute(opener, "aria-expanded", String(!element.hidden)), element.hidden || put4();
  }), scope.listen(copy, "click", () => {
    put4();
  }), {
    opener,
    element,
    update(code2) {
      text(block2, clean(code2));
    }
  };
}
function select(node) {
  let selection = getSelection();
  if (selection) {
    selection.removeAllRanges();
    let range2 = document.createRange();
    range2.selectNodeContents(node), selection.addRange(range2);
  }
}
function modelPicker(choose, scope) {
  let select3 = el("select", "lw-entry lw-model-select", { id: freshId("model") }), label = el("label", "lw-model-label", { for: select3.id }, "Model"), facts = el("p", "lw-model-facts", { id: freshId("facts") }), fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  attribute(select3, "aria-describedby", `${facts.id} ${fault.id}`);
  let element = el("div", "lw-model-picker", {}, label, select3, facts, fault);
  scope.listen(select3, "change", () => choose(select3.value));
  let made = "";
  return {
    element,
    focus: () => select3.focus(),
    update({ models }, settings2) {
      let chosen = modelOf(settings2), options = models.some(({ id }) => id === chosen) ? models : [{ id: chosen, status: "not in the table", facts: [] }, ...models], key = JSON.stringify(options.map(({ id }) => id));
      key !== made && (made = key, select3.replaceChildren(...options.map((model) => option(model.id, model.status)))), select3.value = chosen, attribute(element, "data-changed", chosen === settings2.model ? null : "true"), text(facts, clean(options.find(({ id }) => id === chosen)?.facts.join(" ") ?? "", 500));
      let sentence4 = settings2.errors.model ?? "";
      text(fault, clean(sentence4, 500)), show(fault, sentence4 !== "");
    }
  };
}
function option(id, status2) {
  return el("option", "", { value: id }, status2 === "stable" ? id : `${id} (${status2})`);
}
var TITLE = 40;
function settingsPanel(store, actions, scope) {
  let { configure, apply, revert } = bound(actions), waiting = el("p", "lw-panel-empty", {}, "Asking the kernel…"), picker = modelPicker((model) => configure({ model }), scope), search = el("input", "lw-entry lw-search", {
    type: "search",
    placeholder: "Search settings",
    "aria-label": "Search settings"
  }), code2 = codeView(scope), ignored = el("ul", "lw-set-ignored", { "aria-label": "What the model ignores" }), top = el("div", "lw-set-top", {}, picker.element, search, code2.opener, code2.element, ignored), rail = el("nav", "lw-rail", { "aria-label": "Groups of settings" }), nothing = el("p", "lw-panel-empty", {}, "No setting has these words."), list = el("div", "lw-set-list", { tabindex: "-1" }, nothing), body = el("div", "lw-set-body", {}, rail, list), bar = applyBar(
    {
      apply,
      revert() {
        for (let one of all())
          one.forget();
        revert();
      },
      show: (name2) => reveal(name2),
      rest: () => list.focus({ preventScroll: !0 })
    },
    scope
  ), whole = el("fieldset", "lw-set", {}, top, body, bar.element), element = el("div", "lw-set-panel", {}, waiting, whole), made = null, sections = [], last = null, jumped = null, all = () => sections.flatMap((section) => section.controls), wrong = () => all().filter((one) => one.wrong() !== "").map((one) => one.feature.name), ways = {
    change: ({ name: name2 }, value) => configure({ [name2]: value }),
    doubt: () => draw(store.get(), !0)
  }, filter = () => {
    jumped = null;
    let words2 = search.value.trim(), found = 0;
    for (let section of sections) {
      let hits = section.controls.filter((one) => {
        let hit = matches(one.feature, words2);
        return show(one.element, hit), hit;
      });
      show(section.element, hits.length > 0), show(section.jump, hits.length > 0), found += hits.length;
    }
    show(nothing, found === 0), spy();
  }, reveal = (name2) => {
    search.value = "", filter();
    let found = all().find((one) => one.feature.name === name2);
    found ? (list.scrollTop = found.element.offsetTop - TITLE, found.focus()) : picker.focus();
  }, spy = () => {
    let at = list.scrollTop + TITLE, seen = sections.filter((section) => !section.element.hidden), above = list.scrollTop > 0 ? seen.filter((section) => section.element.offsetTop <= at) : [], now = (jumped?.top === list.scrollTop ? jumped.to : void 0) ?? above.at(-1) ?? seen[0];
    for (let section of sections)
      attribute(section.jump, "aria-current", section === now ? "true" : null);
  }, make2 = (catalogue) => {
    made = catalogue, sections = [...groups(catalogue)].map(([title2, features]) => {
      let controls = features.map((feature) => control(feature, catalogue.models, ways, scope)), section = makeSection(title2, controls);
      return scope.listen(section.jump, "click", () => {
        list.scrollTop = section.element.offsetTop, jumped = { to: section, top: list.scrollTop }, spy();
      }), section;
    }), rail.replaceChildren(...sections.map((section) => section.jump)), list.replaceChildren(...sections.map((section) => section.element), nothing), filter();
  }, draw = (state, again = !1) => {
    let { catalogue, settings: settings2 } = state.explorer;
    if (show(waiting, !catalogue || !settings2), show(whole, !!(catalogue && settings2)), !(!catalogue || !settings2 || !again && isSame(state, last))) {
      last = state, catalogue !== made && make2(catalogue), whole.disabled = !state.connected, picker.update(catalogue, settings2);
      for (let section of sections)
        updateSection(section, settings2);
      code2.update(settings2.code), updateIgnored(ignored, settings2.notes), bar.update(state, catalogue, settings2, wrong());
    }
  };
  return scope.listen(search, "input", filter), scope.listen(search, "keydown", (event) => {
    event.key === "Escape" && search.value !== "" && (event.preventDefault(), search.value = "", filter());
  }), scope.listen(list, "scroll", spy), { element, update: draw };
}
function bound({ explorer: explorer2 }) {
  return {
    configure: explorer2.configure.bind(explorer2),
    apply: explorer2.apply.bind(explorer2),
    revert: explorer2.revert.bind(explorer2)
  };
}
function isSame(state, before) {
  return before !== null && state.explorer.settings === before.explorer.settings && state.explorer.catalogue === before.explorer.catalogue && state.phase === before.phase && state.connected === before.connected;
}
function makeSection(title2, controls) {
  let heading = el("h3", "lw-set-title", { id: freshId("group") }, clean(title2)), changes = el("span", "lw-rail-changes"), jump = el("button", "lw-rail-item", { type: "button" }, el("span", "", {}, clean(title2)), changes), element = el("section", "lw-set-group", { "aria-labelledby": heading.id }, heading);
  return element.append(...controls.map((one) => one.element)), { element, jump, changes, controls };
}
function updateIgnored(element, notes2) {
  let shown = notes2.map((note) => el("li", "", {}, clean(note)));
  element.replaceChildren(...shown), show(element, notes2.length > 0);
}
function updateSection({ controls, changes }, settings2) {
  for (let one of controls)
    one.update(settings2);
  let changed = controls.filter(({ feature }) => isChanged(settings2, feature.name)).length, faulty = controls.filter((one) => one.wrong() !== "" || settings2.errors[one.feature.name]).length, words2 = faulty > 0 ? `${faulty} cannot be` : changed > 0 ? `${changed} changed` : "";
  text(changes, words2 === "" ? "" : String(faulty || changed)), attribute(changes, "title", words2 || null), attribute(changes, "data-level", faulty > 0 ? "error" : null), show(changes, words2 !== "");
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
function grouping(rate) {
  return Math.max(1, Math.round(rate * PITCH / SPEED));
}
function columns(head, count, width, group) {
  let made = [], newest = Math.ceil(Math.min(head, count) / group) - 1;
  for (let column = newest; column >= 0; column -= 1) {
    let x = xOf(column * group, head, width, group);
    if (x <= -PITCH)
      break;
    made.push({ x, first: column * group, last: Math.min((column + 1) * group, count) });
  }
  return made.reverse();
}
function xOf(level, head, width, group) {
  return width - (head - level) / group * PITCH;
}
function barHeight(peak2, lane) {
  return peak2 >= SILENCE ? Math.max(2, Math.min(1, Math.sqrt(peak2) * 1.08) * lane) : 0;
}
function advance(head, count, rate, seconds) {
  let behind = count - head;
  if (behind < 0 || behind > rate || seconds > 0.5)
    return count;
  let ease = Math.min(1, seconds * 2);
  return Math.min(count, head + rate * seconds + (behind - 0.5) * ease);
}
var MIDDLE = 2.5, EDGE = 8, CALM_MS = 500;
function waveform(levels, onLevel, scope) {
  let canvas = el("canvas", "lw-canvas"), user = el("span", "lw-lane lw-lane-user", {}, "you"), model = el("span", "lw-lane lw-lane-model"), element = el("div", "lw-waveform", { "aria-hidden": "true" }, canvas, user, model), live2 = !1, alone = !1, visible = typeof IntersectionObserver > "u", colours = null, head = levels.count, last = 0, stop2 = null, draw = () => {
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
    head = advance(head, levels.count, levels.rate, last === 0 ? 0 : (time - last) / 1e3), last = time, draw(), onLevel(levels.count > 0 ? levels.at("user", levels.count - 1) : 0);
  }, run = () => {
    let wanted = live2 && visible;
    wanted && !stop2 ? (last = 0, stop2 = reducedMotion() ? scope.interval(calm, CALM_MS) : scope.frame(moving)) : !wanted && stop2 && (stop2(), stop2 = null, onLevel(0)), !wanted && visible && still();
  };
  return watchSize(element, scope, () => {
    visible && draw();
  }), watchVisibility(element, scope, (now) => {
    visible = now, run();
  }), whenThemeChanges(scope, () => {
    colours = null, stop2?.(), stop2 = null, run();
  }), {
    element,
    update(state) {
      text(model, speakerName(state));
      let listens = state.view === "dictation";
      show(model, !listens), attribute(element, "data-alone", listens ? "true" : null), listens !== alone && (alone = listens, visible && !stop2 && draw());
      let now = state.phase === "live" && state.connected;
      now !== live2 && (live2 = now, run());
    }
  };
}
function paint(canvas, levels, head, colours, alone) {
  let context = canvas.getContext("2d"), { clientWidth: width, clientHeight: height } = canvas;
  if (!context || width === 0)
    return;
  let density = devicePixelRatio || 1, wide = Math.round(width * density), high = Math.round(height * density);
  (canvas.width !== wide || canvas.height !== high) && (canvas.width = wide, canvas.height = high), context.setTransform(density, 0, 0, density, 0, 0), context.clearRect(0, 0, width, height);
  let group = grouping(levels.rate), middle = height / 2, lane = middle - MIDDLE - EDGE, shown = columns(head, levels.count, width, group);
  for (let speaker of alone ? ["user"] : ["user", "model"]) {
    context.fillStyle = colours[speaker], context.beginPath();
    for (let { x, first, last } of shown) {
      let tall = barHeight(peak(levels, speaker, first, last), lane);
      if (tall > 0) {
        let above = speaker === "user" ? middle - MIDDLE - tall : middle + MIDDLE, [top, height2] = alone ? [middle - tall, 2 * tall] : [above, tall];
        context.roundRect(x + (PITCH - BAR) / 2, top, BAR, height2, BAR / 2);
      }
    }
    context.fill();
  }
  context.strokeStyle = colours.mark, context.lineWidth = 1.5, context.setLineDash([3, 3]), context.beginPath();
  for (let mark of levels.marks) {
    let x = xOf(mark, head, width, group);
    x > 0 && (context.moveTo(x, EDGE / 2), context.lineTo(x, height - EDGE / 2));
  }
  context.stroke();
}
function peak(levels, speaker, first, last) {
  let highest = 0;
  for (let index = first; index < last; index += 1)
    highest = Math.max(highest, levels.at(speaker, index));
  return highest;
}
function watchSize(element, scope, changed) {
  if (typeof ResizeObserver > "u")
    return;
  let observer = new ResizeObserver(changed);
  observer.observe(element), scope.add(() => observer.disconnect());
}
function watchVisibility(element, scope, changed) {
  if (typeof IntersectionObserver > "u")
    return;
  let observer = new IntersectionObserver((entries) => changed(entries.at(-1).isIntersecting));
  observer.observe(element), scope.add(() => observer.disconnect());
}

// src/explorer/vad-monitor.ts
var SHOWN_MS = 12e3, FLOOR_DBFS = -70, GAP = 10;
function stretches(marks, endMs) {
  let found = [], speech = null, start = null, silence = null;
  for (let { kind, at_ms } of marks)
    kind === "speech" ? speech = at_ms : kind === "start" ? (found.push({ kind: "padding", fromMs: speech ?? at_ms, toMs: at_ms }), start = at_ms) : kind === "silence" ? silence = at_ms : (found.push({ kind: "turn", fromMs: start ?? 0, toMs: silence ?? at_ms }), found.push({ kind: "silence", fromMs: silence ?? at_ms, toMs: at_ms }), speech = start = silence = null);
  return start !== null && found.push({ kind: "turn", fromMs: start, toMs: endMs }), found;
}
function xOf2(atMs, endMs, width) {
  return width - (endMs - atMs) / SHOWN_MS * width;
}
function heightOf(dbfs) {
  return Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS));
}
function paint2(context, width, height, track, colours) {
  let lane = (height - GAP) / 2, { windows, marks, settings: settings2, endMs } = track, x = (atMs) => xOf2(atMs, endMs, width);
  context.clearRect(0, 0, width, height);
  for (let { kind, fromMs, toMs } of stretches(marks, endMs))
    kind !== "turn" ? (context.fillStyle = kind === "padding" ? colours.padding : colours.silence, context.globalAlpha = 0.35, context.fillRect(x(fromMs), 0, Math.max(1.5, x(toMs) - x(fromMs)), height), context.globalAlpha = 1) : (context.fillStyle = colours.level, context.fillRect(x(fromMs), height - 3, x(toMs) - x(fromMs), 3));
  context.fillStyle = colours.level;
  let bar = Math.max(1, width / SHOWN_MS * (settings2?.step_ms ?? 32) - 0.8);
  for (let window2 of windows) {
    let tall = heightOf(window2.level) * lane;
    context.fillRect(x(window2.atMs), lane - tall, bar, tall);
  }
  let y = (probability) => height - 6 - probability * (lane - 8);
  if (settings2) {
    context.setLineDash([4, 4]), context.lineWidth = 1;
    for (let threshold of [settings2.start_threshold, settings2.end_threshold])
      line(
        context,
        [
          [0, y(threshold)],
          [width, y(threshold)]
        ],
        colours.line
      );
    context.setLineDash([]);
  }
  context.lineWidth = 1.75, line(
    context,
    windows.map((window2) => [x(window2.atMs), y(window2.probability)]),
    colours.probability
  ), context.lineWidth = 1.5;
  for (let { kind, at_ms } of marks)
    (kind === "start" || kind === "end") && line(
      context,
      [
        [x(at_ms), 0],
        [x(at_ms), height]
      ],
      kind === "start" ? colours.padding : colours.silence
    );
}
function line(context, points, colour) {
  context.strokeStyle = colour, context.beginPath();
  for (let [index, [x, y]] of points.entries())
    context[index === 0 ? "moveTo" : "lineTo"](x, y);
  context.stroke();
}
var WORDS = [
  { name: "padding", label: "prefix padding", about: "speech needed before a turn begins" },
  { name: "level", label: "your turn", about: "what the model takes as yours" },
  { name: "silence", label: "silence", about: "silence that ends it" }
];
function tunerPanel(_store, _actions, scope) {
  let canvas = el("canvas", "lw-tuner-canvas"), level = el("span", "lw-tuner-lane", {}, "level"), probability = el("span", "lw-tuner-lane lw-tuner-lower", {}, "probability of speech"), picture2 = el("div", "lw-tuner-picture", { role: "img" }, canvas, level, probability), legend = el("ul", "lw-tuner-legend");
  for (let { name: name2, label, about } of WORDS)
    legend.append(el("li", "", { title: about }, el("i", `lw-tuner-key lw-tuner-${name2}`), label));
  let says = el("p", "lw-tuner-says"), hint2 = el(
    "p",
    "lw-tuner-hint",
    {},
    "The dashed lines are where speech begins and where it ends. Change sensitivities, padding and silence in Settings, under Turn detection, and say the same again."
  ), empty = el("p", "lw-panel-empty", {}, "Press ● and speak: what the microphone hears is drawn here."), element = el("div", "lw-tuner", {}, picture2, legend, says, hint2, empty), colours = null, track = null, draw = () => {
    let context = canvas.getContext("2d"), { clientWidth: width, clientHeight: height } = canvas;
    if (!context || width === 0 || !track)
      return;
    colours ??= coloursOf(element);
    let density = devicePixelRatio || 1, [wide, high] = [Math.round(width * density), Math.round(height * density)];
    (canvas.width !== wide || canvas.height !== high) && ([canvas.width, canvas.height] = [wide, high]), context.setTransform(density, 0, 0, density, 0, 0), paint2(context, width, height, track, colours);
  };
  if (whenThemeChanges(scope, () => {
    colours = null, draw();
  }), typeof ResizeObserver < "u") {
    let observer = new ResizeObserver(draw);
    observer.observe(picture2), scope.add(() => observer.disconnect());
  }
  return {
    element,
    update({ explorer: explorer2 }) {
      if (track === explorer2.track)
        return;
      track = explorer2.track;
      let heard = track.settings !== null;
      for (let part of [picture2, legend, says, hint2])
        show(part, heard);
      show(empty, !heard), text(says, sentence2(track)), picture2.setAttribute("aria-label", sentence2(track)), draw();
    }
  };
}
function sentence2({ settings: settings2, marks, endMs }) {
  if (!settings2)
    return "";
  let by = settings2.detector === "Silero" ? "Heard by the tutor's own detector" : "Heard by loudness, as the tutor's detector is not installed", last = marks.filter(({ kind }) => kind === "start" || kind === "end").at(-1), ago = last ? `${((endMs - last.at_ms) / 1e3).toFixed(1)} s ago` : "", turn = last ? ` Your turn ${last.kind === "start" ? "began" : "ended"} ${ago}.` : " No turn yet.";
  return `${by}: padding ${settings2.prefix_padding_ms} ms, silence ${settings2.silence_ms} ms, speech from ${settings2.start_threshold} on, over below ${settings2.end_threshold}.${turn}`;
}
function coloursOf(element) {
  let probe = element.appendChild(el("i")), of = (value) => (probe.style.color = `var(${value})`, getComputedStyle(probe).color), found = {
    level: of("--lw-you"),
    probability: of("--lw-ink"),
    line: of("--lw-edge"),
    padding: of("--lw-warning"),
    silence: of("--lw-model"),
    soft: of("--lw-soft")
  };
  return probe.remove(), found;
}

// src/explorer/wire.ts
var SOUND = /"audio"\s*:\s*\{"ms"/;
function isSound(frame) {
  return SOUND.test(frame.json) && !/"(text|turnComplete|interrupted|functionCalls)"/.test(frame.json);
}
function kinds(frames) {
  let counts = /* @__PURE__ */ new Map();
  for (let { kind } of frames)
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}
function matches2(frame, { kind, text: text2 }) {
  let wanted = text2.trim().toLowerCase();
  return (kind === "" || frame.kind === kind) && (wanted === "" || frame.kind.toLowerCase().includes(wanted) || frame.json.toLowerCase().includes(wanted));
}
function rows(frames, search) {
  let found = [];
  for (let frame of frames) {
    if (!matches2(frame, search))
      continue;
    let last = found.at(-1), before = last?.frames.at(-1);
    before !== void 0 && before.outgoing === frame.outgoing && before.kind === frame.kind && isSound(before) && isSound(frame) ? last.frames.push(frame) : found.push({ number: frame.number, frames: [frame] });
  }
  return found;
}
function parsed(frame) {
  try {
    return JSON.parse(frame.json);
  } catch {
    return frame.json;
  }
}
function asSound(value) {
  let sound = value?.audio;
  return typeof sound?.ms == "number" && typeof sound.rate == "number" && Array.isArray(sound.peaks) ? { ms: sound.ms, rate: sound.rate, peaks: sound.peaks.map(Number) } : null;
}
function sounds(value) {
  let one = asSound(value);
  return one ? [one] : typeof value == "object" && value !== null ? Object.values(value).flatMap(sounds) : [];
}
function toJsonl(frames) {
  return frames.map((frame) => {
    let { number: number2, at_ms, gap_ms, outgoing, kind, size: size2 } = frame;
    return `${JSON.stringify({ number: number2, at_ms, gap_ms, way: outgoing ? "out" : "in", kind, size: size2, json: parsed(frame) })}
`;
  }).join("");
}
function size(bytes2) {
  return bytes2 < 1e3 ? `${bytes2} B` : bytes2 < 999500 ? `${(bytes2 / 1e3).toFixed(1)} KB` : `${(bytes2 / 1e6).toFixed(1)} MB`;
}
function clock(ms2) {
  let whole = Math.max(0, Math.round(ms2)), minutes = Math.floor(whole / 6e4), seconds = (whole % 6e4 / 1e3).toFixed(3).padStart(6, "0");
  return `${minutes}:${seconds}`;
}
var OPEN = 3, MOST2 = 200;
function tree(value, depth = 0) {
  let sound = asSound(value);
  if (sound)
    return el("span", "lw-json-sound", {}, wave(sound.peaks), ` ${soundText(sound)}`);
  if (typeof value != "object" || value === null)
    return leaf(value);
  let entries = Object.entries(value);
  if (entries.length === 0)
    return el("span", "lw-json-mark", {}, Array.isArray(value) ? "[]" : "{}");
  let list = el("ul", "lw-json");
  for (let [key, item2] of entries.slice(0, MOST2))
    list.append(entry(Array.isArray(value) ? "" : key, item2, depth));
  return entries.length > MOST2 && list.append(el("li", "lw-json-mark", {}, `… ${entries.length - MOST2} more`)), list;
}
function entry(key, value, depth) {
  let name2 = key === "" ? [] : [el("span", "lw-json-key", {}, cleanLine(key, 100)), ": "];
  if (!(typeof value == "object" && value !== null && !asSound(value) && Object.keys(value).length > 0))
    return el("li", "", {}, ...name2, tree(value, depth + 1));
  let count = Object.keys(value).length, mark = Array.isArray(value) ? `[${count}]` : `{${count}}`, fold = el("details", "", {}, el("summary", "", {}, ...name2, el("span", "lw-json-mark", {}, mark)));
  return fold.open = depth < OPEN, fold.append(tree(value, depth + 1)), el("li", "", {}, fold);
}
function leaf(value) {
  return typeof value == "string" ? el("span", "lw-json-text", {}, `"${clean(value)}"`) : el("span", "lw-json-value", {}, String(value));
}
function soundText({ ms: ms2, rate }) {
  return `${Math.round(ms2)} ms · ${rate / 1e3} kHz`;
}
var SVG3 = "http://www.w3.org/2000/svg", WIDE = 96, HIGH = 18;
function wave(peaks, wide = WIDE) {
  let svg = document.createElementNS(SVG3, "svg");
  svg.setAttribute("class", "lw-wave"), svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`), svg.setAttribute("width", String(wide)), svg.setAttribute("height", String(HIGH)), svg.setAttribute("aria-hidden", "true");
  let path = document.createElementNS(SVG3, "path"), step = wide / Math.max(1, peaks.length), bars = peaks.map((peak2, index) => {
    let tall = Math.max(1, Math.min(1, Math.max(0, peak2)) * HIGH);
    return `M${((index + 0.5) * step).toFixed(1)} ${((HIGH - tall) / 2).toFixed(1)}v${tall.toFixed(1)}`;
  });
  return path.setAttribute("d", bars.join("")), svg.append(path), svg;
}
var PREVIEW = 160, BARS = 48;
function frameRow(first) {
  let shown = first, drawn = 0, at = el("span", "lw-frame-at"), way = el("span", "lw-frame-way"), kind = el("span", "lw-frame-kind"), what = el("span", "lw-frame-what"), bytes2 = el("span", "lw-frame-size"), head = el("button", "lw-frame-head", { type: "button", "aria-expanded": "false" });
  head.append(at, way, kind, what, bytes2);
  let body = el("div", "lw-frame-body");
  body.hidden = !0;
  let element = el("li", "lw-frame", {}, head, body), fill = () => body.replaceChildren(...shown.frames.slice(-12).map((frame) => details2(frame, shown)));
  head.onclick = () => {
    body.hidden = !body.hidden, attribute(head, "aria-expanded", String(!body.hidden)), body.hidden || fill();
  };
  let put4 = (row4) => {
    if (row4.frames.length === drawn)
      return;
    drawn = row4.frames.length, shown = row4;
    let { at_ms, outgoing, kind: name2 } = row4.frames[0];
    attribute(element, "data-way", outgoing ? "out" : "in"), at.textContent = clock(at_ms), way.textContent = outgoing ? "↑" : "↓", attribute(way, "title", outgoing ? "sent" : "received"), kind.textContent = row4.frames.length > 1 ? `${cleanLine(name2, 80)} × ${row4.frames.length}` : cleanLine(name2, 80), bytes2.textContent = size(row4.frames.reduce((sum, frame) => sum + frame.size, 0)), what.replaceChildren(preview(row4)), body.hidden || fill();
  };
  return put4(first), { element, put: put4 };
}
function preview(row4) {
  let heard = row4.frames.flatMap((frame) => sounds(parsed(frame)));
  if (heard.length === 0)
    return document.createTextNode(cleanLine(row4.frames[0].json, PREVIEW));
  let ms2 = heard.reduce((sum, sound) => sum + sound.ms, 0), peaks = thinned(
    heard.flatMap((sound) => sound.peaks),
    BARS
  );
  return el(
    "span",
    "lw-json-sound",
    {},
    wave(peaks),
    ` ${ms2 < 1e3 ? `${Math.round(ms2)} ms` : `${(ms2 / 1e3).toFixed(1)} s`}`
  );
}
function thinned(values, most) {
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
function details2(frame, row4) {
  let gap = frame.gap_ms === null ? "the first frame" : `${frame.gap_ms.toFixed(1)} ms after the one before`, about = `frame ${frame.number} · ${size(frame.size)} · ${gap}`, node = el("div", "lw-frame-details", {}, el("p", "lw-frame-about", {}, about), tree(parsed(frame)));
  return row4.frames.length > 12 && frame === row4.frames.at(-12) && node.prepend(el("p", "lw-frame-about", {}, `… ${row4.frames.length - 12} earlier frames of this run`)), node;
}
var STEP = 150, NEAR = 40;
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
  ), count = el("span", "lw-wire-count", { role: "status" }), bar = el("div", "lw-wire-bar", {}, search, kind, pause, save, count), earlier = el("button", "lw-button lw-wire-earlier", { type: "button" }), list = el("ol", "lw-frames", { "aria-label": "Frames of the wire" }), empty = el("p", "lw-panel-empty", {}, "Nothing has gone over the wire yet. Start to talk."), scroller = el("div", "lw-wire-list", { tabindex: "-1" }, earlier, list), element = el("div", "lw-wire", {}, bar, scroller, empty), held = null, made = /* @__PURE__ */ new Map(), most = STEP, seen = null, frames = () => held ?? store.get().explorer.frames, wanted = () => ({ kind: kind.value, text: search.value }), changed = () => {
    seen = null, most = STEP, draw();
  };
  scope.listen(search, "input", changed), scope.listen(kind, "change", changed), scope.listen(earlier, "click", () => {
    let before = scroller.scrollHeight - scroller.scrollTop;
    most += STEP, seen = null, draw(), scroller.scrollTop = scroller.scrollHeight - before;
  }), scope.listen(pause, "click", () => {
    held = held ? null : store.get().explorer.frames, text(pause, held ? "Go on" : "Pause"), attribute(pause, "aria-pressed", String(held !== null)), draw();
  }), scope.listen(save, "click", () => {
    let shown = rows(frames().list, wanted()).flatMap((row4) => row4.frames);
    download("wire.jsonl", toJsonl(shown), scope);
  });
  function draw() {
    let { list: all, lost } = frames();
    if (seen === all)
      return;
    seen = all;
    let follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    putKinds(kind, all);
    let found = rows(all, wanted());
    putRows(found.slice(-most)), show(earlier, found.length > most), text(earlier, `${found.length - most} earlier rows`);
    let here = found.reduce((sum, row4) => sum + row4.frames.length, 0), gone = lost > 0 ? `, ${lost} not kept` : "";
    text(count, `${here === all.length ? here : `${here} of ${all.length}`} frames${gone}`), show(empty, all.length === 0), follows && held === null && (scroller.scrollTop = scroller.scrollHeight);
  }
  function putRows(found) {
    let next = /* @__PURE__ */ new Map();
    for (let row4 of found) {
      let known2 = made.get(row4.number);
      known2?.put(row4), next.set(row4.number, known2 ?? frameRow(row4));
    }
    for (let [number2, row4] of made)
      next.has(number2) || row4.element.remove();
    made = next;
    let at = list.firstElementChild;
    for (let { element: node } of made.values())
      node === at ? at = at.nextElementSibling : list.insertBefore(node, at);
  }
  return { element, update: draw };
}
function putKinds(select3, frames) {
  let known2 = kinds(frames), chosen = select3.value, labels = [["", "All kinds"], ...known2.map(([name2, count]) => [name2, `${name2} (${count})`])], options = select3.options;
  for (labels.forEach(([value, label], index) => {
    let option2 = options[index] ?? select3.appendChild(el("option"));
    option2.value = value, text(option2, label);
  }); options.length > labels.length; )
    options[options.length - 1].remove();
  select3.value = known2.some(([name2]) => name2 === chosen) ? chosen : "";
}
function download(name2, content, scope) {
  let url = URL.createObjectURL(new Blob([content], { type: "application/jsonl" }));
  el("a", "", { href: url, download: name2 }).click(), scope.timeout(() => URL.revokeObjectURL(url), 1e4);
}

// src/explorer/explorer.ts
var PANELS = [
  { name: "settings", title: "Settings", make: settingsPanel },
  { name: "wire", title: "Wire", make: wirePanel },
  { name: "tuner", title: "Tuner", make: tunerPanel },
  { name: "turns", title: "Turns", make: anatomyPanel }
];
function explorer(opener, store, actions, scope) {
  let id = freshId("explorer"), tabs = PANELS.map(makeTab), list = el("div", "lw-tabs", { role: "tablist", "aria-label": "Explorer" });
  list.append(...tabs.map((tab) => tab.button));
  let close = button("lw-plain lw-explorer-close", "Close the explorer", icon("close", 18)), used = tokenMeter(), bar = el("div", "lw-explorer-bar", {}, list, used.element, close), element = el("section", "lw-explorer", { id, "aria-label": "Explorer" }, bar);
  element.append(...tabs.map((tab) => tab.panel)), attribute(opener, "aria-controls", id);
  let look = actions.explorer.look.bind(actions.explorer);
  scope.listen(opener, "click", () => look(!store.get().explorer.open)), scope.listen(close, "click", () => {
    look(!1), opener.focus();
  });
  for (let tab of tabs)
    scope.listen(tab.button, "click", () => look(!0, tab.name));
  return scope.listen(list, "keydown", (event) => {
    let to = goal(event.key, tabs, store.get().explorer.panel);
    to && (event.preventDefault(), look(!0, to.name), to.button.focus());
  }), {
    element,
    update(state) {
      let { open, panel } = state.explorer;
      attribute(opener, "aria-expanded", String(open)), show(element, open), used.update(state);
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
function goal(key, tabs, now) {
  let at = tabs.findIndex((tab) => tab.name === now), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key];
  return to === void 0 ? void 0 : tabs.at(to % tabs.length);
}

// src/views/media-buttons.ts
var LENSES = [
  { source: "camera", glyph: "camera", on: "Turn the camera off", off: "Show the camera" },
  { source: "screen", glyph: "screen", on: "Stop showing the screen", off: "Show a screen" }
];
function canShow(state) {
  return state.sees && state.connected && !mirrors(state);
}
function eyes(actions) {
  let lenses = LENSES.map((lens) => ({ ...lens, node: button("lw-eye", lens.off, icon(lens.glyph)) })), input2 = el("input", "", { type: "file", accept: "image/*", "aria-label": "Picture file" });
  input2.hidden = !0;
  let file = button("lw-eye", "Show a picture file", icon("picture")), element = el("div", "lw-eyes", { role: "group", "aria-label": "Show something" });
  element.append(...lenses.map(({ node }) => node), file, input2);
  for (let { node, source } of lenses)
    node.onclick = () => {
      node.getAttribute("aria-disabled") === null && actions.toggle(source);
    };
  return file.onclick = () => {
    file.getAttribute("aria-disabled") === null && input2.click();
  }, input2.onchange = () => {
    let picked = input2.files?.[0];
    picked && actions.sendFile(picked), input2.value = "";
  }, {
    element,
    update(state) {
      show(element, state.sees);
      for (let { node, source, on, off } of lenses) {
        let pressed = state.sight.source === source;
        attribute(node, "aria-pressed", String(pressed)), attribute(node, "data-look", pressed ? state.sight.state : "off"), name(node, pressed ? on : off);
      }
      for (let node of [...lenses.map((lens) => lens.node), file])
        attribute(node, "aria-disabled", canShow(state) ? null : "true");
    }
  };
}
function dropping(card, may, actions, scope) {
  let carries = (event) => may() && (event.dataTransfer?.types.includes("Files") ?? !1);
  for (let type of ["dragenter", "dragover"])
    scope.listen(card, type, (event) => {
      carries(event) && (event.preventDefault(), event.stopPropagation(), attribute(card, "data-drop", "true"));
    });
  scope.listen(card, "dragleave", (event) => {
    event.relatedTarget instanceof Node && card.contains(event.relatedTarget) || attribute(card, "data-drop", null);
  }), scope.listen(card, "drop", (event) => {
    attribute(card, "data-drop", null), carries(event) && (event.preventDefault(), event.stopPropagation(), take(event.dataTransfer));
  }), scope.listen(card, "paste", (event) => {
    may() && take(event.clipboardData) && event.preventDefault();
  });
  function take(from) {
    let files = [...from?.files ?? []], file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
    return file && actions.sendFile(file), file !== void 0;
  }
}
var WHAT = {
  camera: "Camera",
  screen: "Screen",
  file: "Picture",
  python: "From Python"
};
function newsOf({ source, state, preview: preview2, news, sent }) {
  if (state === "hidden")
    return "Paused while this page is not seen.";
  if (state === "asking")
    return source === "screen" ? "Choose what to show in the browser's question." : "Allow the camera in the browser's question.";
  switch (news) {
    case "sending":
      return "Sending…";
    case "unchanged":
      return "Unchanged, not sent again.";
    case "waiting":
      return "Waits for the kernel.";
    case "sent":
      return preview2 ? counted(preview2.tokens, source !== null && preview2.source === source ? sent : 1) : "";
    case "":
      return source === null ? "" : "Looking…";
  }
}
function counted(tokens2, sent) {
  return sent > 1 ? `${sent} sent, ${tokens2} tokens each` : `Sent, ${tokens2} tokens`;
}
function tray(actions, scope) {
  let small = el("img", "", { alt: "" }), thumb = button("lw-thumb", "Enlarge the picture that was sent"), what = el("strong"), size2 = el("span", "lw-tray-size"), news = el("span", "lw-tray-news"), words2 = el("p", "lw-tray-words", {}, el("span", "lw-tray-what", {}, what, size2), news), close = button("lw-plain", "", icon("close", 16)), element = el("div", "lw-tray", { role: "group", "aria-label": "What is shown" }, thumb, words2, close), large = enlarged(thumb, scope), on = null;
  return close.onclick = () => on ? actions.toggle(on) : actions.dismiss(), {
    element,
    large: large.element,
    update(state) {
      let { sight } = state, { source, preview: preview2 } = sight;
      on = source, show(element, source !== null || preview2 !== null || sight.news === "sending"), attribute(element, "data-news", sight.news), show(thumb, preview2 !== null), put3(thumb, small, preview2), text(what, WHAT[preview2?.source ?? source ?? "file"]), text(size2, preview2 ? measured(preview2) : ""), text(news, newsOf(sight)), name(close, source === null ? "Take the picture away" : OFF[source]), large.update(state);
    }
  };
}
function put3(place, image, preview2) {
  preview2 === null ? image.remove() : (attribute(image, "src", preview2.url), image.parentNode !== place && place.append(image));
}
var OFF = { camera: "Turn the camera off", screen: "Stop showing the screen" };
function measured({ width, height, bytes: count }) {
  return `${width} × ${height} · ${bytes(count)}`;
}
function enlarged(opener, scope) {
  let picture2 = el("img", "", { alt: "The picture that was sent last" }), caption = el("p", "lw-large-caption"), close = button("lw-plain", "Close", icon("close")), element = el("div", "lw-large", { role: "dialog", "aria-label": "The picture that was sent last" }), frame = el("div", "lw-large-frame");
  element.append(frame, caption, close), element.hidden = !0;
  let shut = () => {
    show(element, !1), opener.focus();
  };
  return opener.onclick = () => {
    show(element, !0), close.focus();
  }, element.onclick = shut, scope.listen(element, "keydown", (event) => {
    event.key === "Escape" && (event.preventDefault(), shut());
  }), {
    element,
    update({ sight: { preview: preview2 } }) {
      preview2 === null && show(element, !1), put3(frame, picture2, preview2), text(
        caption,
        preview2 ? `${WHAT[preview2.source]} · ${measured(preview2)} · ${preview2.tokens} tokens` : ""
      );
    }
  };
}

// src/views/composer.ts
var POINTER = "pointer", KEY = "button key", CLICK = "click";
function microphoneView(store, hold, actions, scope) {
  let glyph = icon("microphone", 22), element = button("lw-microphone", "Start talking", glyph), does = () => microphoneButton(store.get()).does;
  scope.listen(element, "click", (event) => {
    let now = does();
    now === "start" ? actions.start() : now === "mute" ? actions.toggleMute() : now === "hold" && event.detail === 0 && (hold.holds(CLICK) ? hold.end(CLICK) : hold.begin(CLICK));
  }), scope.listen(element, "pointerdown", (event) => {
    event.button === 0 && does() === "hold" && hold.begin(POINTER) && element.setPointerCapture(event.pointerId);
  });
  for (let type of ["pointerup", "pointercancel", "lostpointercapture"])
    scope.listen(element, type, () => hold.end(POINTER));
  scope.listen(element, "contextmenu", (event) => {
    does() === "hold" && event.preventDefault();
  }), scope.listen(element, "keydown", (event) => {
    (event.key === " " || event.key === "Enter") && does() === "hold" && (event.preventDefault(), event.repeat || hold.begin(KEY));
  }), scope.listen(element, "keyup", (event) => {
    (event.key === " " || event.key === "Enter") && hold.holds(KEY) && (event.preventDefault(), hold.end(KEY));
  }), scope.listen(element, "blur", () => hold.end(KEY));
  let shown = 0;
  return {
    element,
    level(value) {
      let rounded = Math.round(Math.sqrt(Math.min(1, Math.max(0, value))) * 20) / 20;
      rounded !== shown && (shown = rounded, element.style.setProperty("--lw-level", String(rounded)));
    },
    update(state) {
      let now = microphoneButton(state);
      attribute(element, "data-look", now.look), attribute(element, "aria-pressed", now.pressed === null ? null : String(now.pressed)), attribute(element, "aria-disabled", now.does === "nothing" ? "true" : null), name(element, now.label, now.pressed && now.does === "mute" ? "Unmute the microphone" : now.label), picture(glyph, now.look === "silent" ? "silent" : "microphone");
    }
  };
}
var LONGEST = 8e3;
function composer(store, hold, actions, scope) {
  let microphone = microphoneView(store, hold, actions, scope), stop2 = button("lw-stop", "Stop the talk", el("span", "lw-square", { "aria-hidden": "true" })), box = el("input", "lw-box", {
    type: "text",
    "aria-label": "Message",
    autocomplete: "off",
    enterkeyhint: "send",
    maxlength: String(LONGEST)
  }), send = el("button", "lw-plain lw-send", { type: "submit" }, icon("send"));
  name(send, "Send");
  let line2 = el("p", "lw-hint"), interrupt = interruptButton(actions), below = el("div", "lw-below", {}, line2, interrupt.element), field = el("div", "lw-field", {}, box, send), eye = eyes(actions.sight), element = el("form", "lw-composer", {}, microphone.element, stop2, field, eye.element, below), ready = () => {
    attribute(send, "disabled", box.value.trim() && store.get().connected ? null : "");
  };
  return stop2.onclick = () => actions.stop(), scope.listen(box, "input", ready), scope.listen(element, "submit", (event) => {
    event.preventDefault();
    let message = box.value.trim();
    message && store.get().connected && (actions.sendText(message), box.value = "", ready());
  }), {
    element,
    level: microphone.level,
    update(state) {
      microphone.update(state), eye.update(state);
      let runs = state.connected && (state.phase === "live" || state.phase === "connecting");
      !runs && stop2 === document.activeElement && microphone.element.focus(), attribute(stop2, "disabled", runs ? null : "");
      let typed = takesText(state);
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
var MOST3 = 6;
function suggestions(actions) {
  let label = el("span", "lw-try-label", {}, "Try saying"), element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label), made = [], typed = !0;
  return {
    element,
    update(state) {
      let offered2 = state.suggestions.slice(0, MOST3);
      if (!(offered2.length === made.length && offered2.every((words2, index) => words2 === made[index])) || typed !== takesText(state)) {
        made = offered2, typed = takesText(state);
        let make2 = (words2) => typed ? chip(words2, () => actions.sendText(words2)) : sentence3(words2);
        element.replaceChildren(label, ...offered2.map(make2));
      }
      for (let node of element.querySelectorAll("button"))
        attribute(node, "disabled", state.connected ? null : "");
      let wanted = state.turns.length === 0 || state.phase === "idle";
      show(element, wanted && offered2.length > 0);
    }
  };
}
function chip(words2, send) {
  let shown = cleanLine(words2, 80), node = button("lw-suggestion", `Say: ${shown}`);
  return text(node, shown), node.onclick = send, node;
}
function sentence3(words2) {
  return el("span", "lw-sentence", {}, `“${cleanLine(words2, 80)}”`);
}

// src/views/notices.ts
var SPOKEN = 4;
function announcer() {
  let element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" }), known2 = null, asked = /* @__PURE__ */ new Set(), put4 = (line2) => {
    element.append(line2), element.children.length > SPOKEN && element.firstElementChild.remove();
  };
  return {
    element,
    update(state) {
      if (known2 === null) {
        known2 = new Set(state.turns.filter(isSaid).map((turn) => turn.index));
        return;
      }
      for (let use of asking(state))
        asked.has(use.id) || (asked.add(use.id), put4(el("p", "", {}, clean(`May it run? ${cleanLine(use.name, 80)}(${cleanLine(use.args)})`))));
      for (let turn of state.turns) {
        if (known2.has(turn.index) || !isSaid(turn))
          continue;
        known2.add(turn.index);
        let who = turn.speaker === "user" ? "you" : speakerName(state), line2 = el("p", "", {}, clean(`${who}: ${said(turn)}`)), language = languageTag(turn.language);
        language && line2.setAttribute("lang", language), put4(line2);
      }
    }
  };
}
function isSaid(turn) {
  return turn.final && (turn.spans.length > 0 || turn.interim !== "" || turn.waited);
}
function said(turn) {
  if (turn.waited)
    return "chose not to answer";
  let words2 = turn.spans.map((span) => span.text).join("").trim();
  return turn.interrupted ? `${words2} (interrupted)` : words2;
}
var MOST4 = 3;
function notes(actions) {
  let element = el("div", "lw-notes"), shown = /* @__PURE__ */ new Map();
  return {
    element,
    update(state) {
      let wanted = state.notices.slice(-MOST4);
      for (let [code2, note] of shown)
        wanted.some((notice) => notice.code === code2) || (note.element.remove(), shown.delete(code2));
      for (let notice of wanted) {
        let note = shown.get(notice.code);
        note || (note = make(() => actions.dismissNotice(notice.code)), shown.set(notice.code, note), element.append(note.element)), note.update(notice);
      }
      show(element, wanted.length > 0);
    }
  };
}
function make(dismiss) {
  let first = el("span", "lw-note-first"), rest = el("span"), close = button("lw-plain lw-note-close", "Dismiss", icon("close", 16));
  close.onclick = dismiss;
  let element = el("div", "lw-note", {}, el("p", "lw-note-text", {}, first, rest), close);
  return {
    element,
    update({ level, text: words2 }) {
      attribute(element, "role", level === "error" ? "alert" : "status"), attribute(
        element,
        "data-level",
        level === "error" ? "error" : level === "warning" ? "warning" : "info"
      );
      let [sentence4, more] = firstSentence(clean(words2, 2e3));
      text(first, sentence4), text(rest, more && ` ${more}`);
    }
  };
}

// src/views/push-to-talk.ts
function makeHold(store, actions, scope) {
  let sources2 = /* @__PURE__ */ new Set(), release = () => {
    sources2.size > 0 && (sources2.clear(), actions.hold(!1));
  };
  return scope.listen(window, "blur", release), scope.listen(document, "visibilitychange", () => {
    document.hidden && release();
  }), scope.add(release), {
    begin(source) {
      return canHold(store.get()) ? (sources2.add(source), sources2.size === 1 && actions.hold(!0), !0) : !1;
    },
    end(source) {
      sources2.delete(source) && sources2.size === 0 && actions.hold(!1);
    },
    holds: (source) => sources2.has(source),
    update(state) {
      canHold(state) || release();
    }
  };
}
var SPACE = "space bar", OWN_USE = "input, textarea, select, button, summary, [contenteditable]";
function keyboard(root, store, hold, actions, scope) {
  scope.listen(root, "keydown", (event) => {
    event.stopPropagation(), !event.defaultPrevented && (event.key === "Escape" && canInterrupt(store.get()) ? (event.preventDefault(), actions.interrupt()) : isTalkKey(event) && (hold.holds(SPACE) || !event.repeat && hold.begin(SPACE)) && event.preventDefault());
  });
  for (let type of ["keyup", "keypress"])
    scope.listen(root, type, (event) => {
      event.stopPropagation(), type === "keyup" && event.key === " " && hold.end(SPACE);
    });
  scope.listen(root, "focusout", (event) => {
    event.relatedTarget instanceof Node && root.contains(event.relatedTarget) || hold.end(SPACE);
  });
}
function isTalkKey(event) {
  return event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey ? !1 : !(event.target instanceof Element && event.target.closest(OWN_USE));
}

// src/views/settings.ts
function row2(label, control2, ...more) {
  return control2.id = freshId("field"), el("div", "lw-row", {}, el("label", "lw-label", { for: control2.id }, label), control2, ...more);
}
function deviceRow(kind, of, pick) {
  let select3 = el("select", "lw-select");
  select3.onchange = () => pick(select3.value);
  let made = "";
  return {
    element: row2(kind, select3),
    update(state) {
      let known2 = of(state), options = offered(kind, known2), key = JSON.stringify(options);
      key !== made && (made = key, select3.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)))), select3.value !== known2.deviceId && (select3.value = known2.deviceId);
    }
  };
}
function offered(kind, { devices, deviceId }) {
  let named = devices.filter((device) => device.id !== "").map((device, index) => ({
    id: device.id,
    label: cleanLine(device.label, 80) || `${kind} ${index + 1}`
  })), all = [{ id: "", label: `This browser's ${kind.toLowerCase()}` }, ...named];
  return all.some((device) => device.id === deviceId) ? all : [...all, { id: deviceId, label: `Chosen ${kind.toLowerCase()}` }];
}
function percentRow(label, range2, of, set) {
  let limits = { min: String(range2.min), max: String(range2.max), step: "5" }, slider = el("input", "lw-slider", { type: "range", ...limits }), shown = el("output", "lw-value");
  return slider.oninput = () => {
    text(shown, `${slider.value} %`), set(Number(slider.value));
  }, {
    element: row2(label, slider, shown),
    update(state) {
      let percent = String(of(state));
      slider.value !== percent && slider !== document.activeElement && (slider.value = percent), text(shown, `${slider.value} %`);
    }
  };
}
var SIZES = [384, 512, 768];
function sightRows(actions) {
  let camera = deviceRow(
    "Camera",
    ({ sight }) => sight,
    (id) => actions.pickCamera(id)
  ), quality = percentRow(
    "Quality",
    { min: 30, max: 95 },
    ({ sight }) => sight.quality,
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
  let options = SIZES.map((size2) => el("option", "", { value: String(size2) }, `at most ${size2} pixels`)), select3 = el("select", "lw-select", {}, ...options);
  return select3.onchange = () => actions.setSize(Number(select3.value)), {
    element: row2("Pictures", select3),
    update({ sight }) {
      select3.value !== String(sight.maxSide) && (select3.value = String(sight.maxSide));
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
  ), parts = [microphone, volume, ...sightRows(actions.sight), modeRow(actions), modelRow()], element = el("div", "lw-settings", { id, role: "dialog", "aria-label": "Settings" });
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
    scope.listen(node, "keydown", (event) => {
      event.key === "Escape" && close() && (event.preventDefault(), opener.focus());
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
    let input2 = el("input", "lw-radio", { type: "radio", name: group, value: mode });
    return input2.onchange = () => actions.setTurnTaking(mode), input2;
  }), labels = MODES.map(
    ({ label, explained }, index) => el(
      "label",
      "lw-choice",
      {},
      inputs[index],
      el("span", "", {}, label, el("small", "lw-explained", {}, explained))
    )
  ), title2 = el("span", "lw-label", { id: freshId("label") }, "Turns"), choices = el("div", "lw-choices", { role: "radiogroup", "aria-labelledby": title2.id }, ...labels);
  return {
    element: el("div", "lw-row", {}, title2, choices),
    update(state) {
      for (let input2 of inputs) {
        let checked = input2.value === state.turnTaking;
        input2.checked !== checked && (input2.checked = checked);
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
function patchList(list, made, items, make2, update) {
  for (; made.length > items.length; )
    made.pop().element.remove();
  items.forEach((item2, index) => {
    let node = made[index];
    node || (node = make2(), made.push(node), list.append(node.element)), update(node, item2);
  });
}
function code() {
  let element = el("div", "lw-runs"), blocks = [];
  return {
    element,
    update(turn) {
      patchList(element, blocks, turn.code, block, (node, run) => node.update(run)), show(element, turn.code.length > 0);
    }
  };
}
function block() {
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
var LONGEST2 = 4096;
function address(uri) {
  if (uri.length > LONGEST2 || !/^https?:\/\//i.test(uri))
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
    update(uri, title2) {
      let url = address(uri), shown = cleanLine(title2) || url?.hostname || cleanLine(uri);
      attribute(anchor, "href", url === null ? null : url.href), text(anchor, shown), text(host, url === null || shown.includes(url.hostname) ? "" : ` ${url.hostname}`);
    }
  };
}
var FIRST = 4;
function sources() {
  let searched = el("p", "lw-searched"), first = el("ol", "lw-sources", { "aria-label": "Sources" }), rest = el("ol", "lw-sources", { "aria-label": "More sources", start: String(FIRST + 1) }), count = el("summary"), more = el("details", "lw-more-sources", {}, count, rest), read = el("ul", "lw-pages", { "aria-label": "Pages" }), element = el("div", "lw-evidence", {}, searched, first, more, read), shown = [], folded = [], pages = [];
  return {
    element,
    update({ sources: all, queries, pages: asked }) {
      text(searched, queries.map((query) => cleanLine(query)).join(" · ")), show(searched, queries.length > 0);
      let put4 = (item2, source) => item2.update(source.uri, source.title);
      patchList(first, shown, all.slice(0, FIRST), item, put4), patchList(rest, folded, all.slice(FIRST), item, put4), show(first, all.length > 0), text(count, `${all.length - FIRST} more`), show(more, all.length > FIRST), patchList(read, pages, asked, row3, (node, page) => node.update(page)), show(read, asked.length > 0), show(element, all.length + queries.length + asked.length > 0);
    }
  };
}
function item() {
  let { element, update } = link();
  return { element: el("li", "", {}, element), update };
}
var STATUS = {
  read: "read",
  failed: "could not be read",
  paywall: "behind a paywall",
  unsafe: "not safe"
};
function row3() {
  let where = link(), status2 = el("span", "lw-page-status"), element = el("li", "", {}, where.element, status2);
  return {
    element,
    update(page) {
      attribute(element, "data-status", page.status), where.update(page.status === "unsafe" ? "" : page.url, short(page.url)), text(status2, STATUS[page.status] ?? STATUS.failed);
    }
  };
}
function short(uri) {
  let url = address(uri);
  return url === null ? uri : cleanLine(url.host + (url.pathname === "/" ? "" : url.pathname), 80);
}
var BEGINNING = 120;
function thoughts() {
  let beginning = el("span", "lw-thoughts-beginning"), summary = el("summary", "", {}, el("span", "lw-thoughts-word", {}, "thoughts"), beginning), all = el("div", "lw-thought", { dir: "auto" }), element = el("details", "lw-thoughts", {}, summary, all);
  return {
    element,
    update(turn) {
      let words2 = clean(turn.thoughts).trim();
      text(all, words2), text(beginning, cleanLine(words2.slice(0, 4 * BEGINNING).replaceAll("**", ""), BEGINNING)), show(element, words2 !== "");
    }
  };
}

// src/views/turn.ts
var RATE2 = 24e3, CHARACTERS_PER_SECOND = 20;
function pace(turn, state) {
  if (turn.speaker !== "model" || !state.owner || state.phase !== "live" || turn.interrupted)
    return "whole";
  let { turn: playing, playedSample } = state.playback;
  return turn.index === playing ? turn.final && playedSample === 0 ? "whole" : "inStep" : !turn.final && turn.index > playing && playedSample > 0 ? "ahead" : "whole";
}
function words(turn, state) {
  let spans = turn.interrupted && turn.heard_sample !== null ? cut(turn.spans, turn.heard_sample) : turn.spans, { interim } = turn, at = pace(turn, state);
  if (at === "whole")
    return { said: join(spans), speaking: "", interim };
  let played = at === "ahead" ? 0 : state.playback.playedSample, begun = spans.filter((span) => span.sample <= played), last = begun.at(-1);
  return !last || played >= end(last, spans[begun.length]) ? { said: join(begun), speaking: "", interim } : { said: join(begun.slice(0, -1)), speaking: last.text, interim };
}
function end(span, next) {
  let guess = span.sample + span.text.length / CHARACTERS_PER_SECOND * RATE2;
  return next ? Math.min(guess, next.sample) : guess;
}
function cut(spans, heard) {
  let begun = spans.filter((span) => span.sample < heard), last = begun.at(-1);
  if (!last || heard >= end(last, spans[begun.length]))
    return begun;
  let room = Math.floor((heard - last.sample) / RATE2 * CHARACTERS_PER_SECOND), boundary = last.text.lastIndexOf(" ", room);
  return [
    ...begun.slice(0, -1),
    { text: boundary > 0 ? last.text.slice(0, boundary) : "", sample: last.sample }
  ];
}
function join(spans) {
  return spans.map((span) => span.text).join("");
}
function turnView(speaker, actions) {
  let name2 = el("span", "lw-speaker"), language = el("span", "lw-language"), who = el("span", "lw-whose", {}, name2, language), said2 = document.createTextNode(""), speaking = el("span", "lw-soft"), interim = el("span", "lw-soft lw-interim"), interrupted = el("span", "lw-interrupted", {}, "interrupted"), line2 = el("p", "lw-words", { dir: "auto" }, said2, speaking, interim, interrupted), [thought, ran, rests] = [thoughts(), code(), sources()], left2 = el("p", "lw-waited", {}, "chose not to answer"), count = el("span"), pictures = el("p", "lw-pictures", {}, icon("picture", 14), count), calls = tools(actions), small = el("span", "lw-small", {
    title: "From the end of your words, once noticed, to the first sound"
  }), side = speaker === "user" ? "lw-user" : "lw-model", content = el("div", "lw-content", {}, thought.element, calls.element, ran.element, line2);
  content.append(left2, pictures, rests.element);
  let element = el("li", `lw-turn ${side}`, {}, who, content, small), last = null, before = "";
  return {
    element,
    update(turn, state) {
      let named = speaker === "user" ? "you" : speakerName(state), now = words(turn, state), key = `${named}
${now.said.length} ${now.speaking.length} ${state.elsewhere}`;
      if (turn === last && key === before)
        return !1;
      last = turn, before = key, text(name2, named), text(language, turn.language), attribute(language, "title", turn.language ? languageName(turn.language) : null), putWords({ said: said2, speaking, interim }, now), show(interrupted, turn.interrupted);
      let waits = !turn.final && !turn.waited && turn.tools.length === 0;
      show(line2, !isEmpty(now) || turn.interrupted || waits), attribute(line2, "data-empty", isEmpty(now) && waits ? "true" : null), attribute(line2, "lang", languageTag(turn.language)), show(left2, turn.waited), text(count, turn.images === 1 ? "1 picture" : `${turn.images} pictures`), show(pictures, turn.images > 0);
      for (let part of [thought, ran, rests])
        part.update(turn);
      return calls.update(turn.tools, state), text(small, turn.latency_ms === null ? "" : latency(turn.latency_ms)), !0;
    }
  };
}
function isEmpty({ said: said2, speaking, interim }) {
  return said2 + speaking + interim === "";
}
function putWords(nodes, now) {
  let { interim } = now, said2 = now.said.trimStart(), speaking = said2 ? now.speaking : now.speaking.trimStart(), heard = said2 + speaking, gap = heard !== "" && interim !== "" && !/\s$/.test(heard) && !/^\s/.test(interim);
  text(nodes.said, clean(speaking + interim ? said2 : said2.trimEnd())), text(nodes.speaking, clean(speaking)), text(nodes.interim, clean((gap ? " " : "") + interim));
}

// src/views/transcript.ts
var SAID_MS2 = 2e3;
function dictation(scope) {
  let count = el("span", "lw-count", { "aria-live": "off" }), label = el("span", "", {}, "Copy text"), copy = el("button", "lw-copy", { type: "button" }, icon("copy", 14), label), told = el("span", "lw-unseen", { role: "status" }), head = el("div", "lw-dictation-head", {}, count, copy, told), flow = el("div", "lw-flow", { dir: "auto" }), element = el("div", "lw-dictation", {}, head, flow), pieces = /* @__PURE__ */ new Map(), quiet = null, say = (word) => {
    text(label, word), text(told, word), quiet?.(), quiet = scope.timeout(() => {
      text(label, "Copy text"), text(told, "");
    }, SAID_MS2);
  };
  return copy.onclick = () => {
    copyText(allOf(pieces)).then(
      () => say("Copied"),
      () => {
        select2(flow), say("Press Ctrl+C");
      }
    );
  }, {
    kind: "dictation",
    element,
    update(state) {
      let turns = state.turns.filter((turn) => turn.speaker === "user"), changed = patchKeyed(flow, pieces, turns, {
        key: (turn) => turn.index,
        make: makePiece,
        update: (piece, turn) => piece.update(turn)
      }), words2 = [...pieces.values()].reduce((sum, piece) => sum + piece.count, 0);
      return text(count, words2 === 1 ? "1 word" : `${words2} words`), attribute(copy, "disabled", words2 > 0 ? null : ""), show(head, turns.length > 0), changed;
    }
  };
}
function makePiece() {
  let said2 = document.createTextNode(""), interim = el("span", "lw-soft lw-interim"), element = el("span", "lw-piece", {}, said2, interim, " "), piece = {
    element,
    turn: null,
    said: "",
    count: 0,
    update(turn) {
      if (turn === piece.turn)
        return !1;
      piece.turn = turn, piece.said = clean(turn.spans.map((span) => span.text).join("")).trim(), piece.count = countWords(piece.said);
      let guess = clean(turn.interim).trim();
      return text(said2, piece.said), text(interim, piece.said && guess ? ` ${guess}` : guess), attribute(element, "lang", languageTag(turn.language)), !0;
    }
  };
  return piece;
}
function allOf(pieces) {
  return [...pieces.entries()].sort(([one], [other]) => one - other).map(([, piece]) => piece.said).filter((said2) => said2 !== "").join(" ");
}
function countWords(words2) {
  if (typeof Intl.Segmenter > "u")
    return words2.split(/\s+/).filter((word) => word !== "").length;
  let count = 0;
  for (let { isWordLike } of new Intl.Segmenter(void 0, { granularity: "word" }).segment(words2))
    count += isWordLike ? 1 : 0;
  return count;
}
async function copyText(words2) {
  await navigator.clipboard.writeText(words2);
}
function select2(node) {
  let range2 = document.createRange();
  range2.selectNodeContents(node);
  let selection = getSelection();
  selection?.removeAllRanges(), selection?.addRange(range2);
}
function pairs(turns) {
  let made = [];
  for (let turn of turns) {
    let last = made.at(-1);
    turn.speaker === "user" ? made.push({ index: turn.index, source: turn, target: null }) : last?.source && last.target === null && last.source.index === turn.index - 1 ? last.target = turn : made.push({ index: turn.index, source: null, target: turn });
  }
  return made;
}
function languageOf(turns, speaker) {
  for (let at = turns.length - 1; at >= 0; at -= 1) {
    let turn = turns[at];
    if (turn.speaker === speaker && turn.language)
      return languageName(turn.language);
  }
  return "";
}
function pairList() {
  let from = el("span", "lw-column lw-column-source"), into = el("span", "lw-column lw-column-target"), heads = el("div", "lw-columns", {}, from, into), list = el("ol", "lw-pairs"), element = el("div", "lw-translation", {}, heads, list), rows2 = /* @__PURE__ */ new Map();
  return {
    kind: "translation",
    element,
    update(state) {
      return text(from, languageOf(state.turns, "user") || "What is said"), text(into, languageOf(state.turns, "model") || "Translation"), patchKeyed(list, rows2, pairs(state.turns), {
        key: (pair) => pair.index,
        make: makeRow,
        update: (row4, pair) => row4.update(pair)
      });
    }
  };
}
function makeRow() {
  let source = cell("lw-source"), target = cell("lw-target");
  return {
    element: el("li", "lw-pair", {}, source.element, target.element),
    update(pair) {
      let before = source.update(pair.source, !1);
      return target.update(pair.target, pair.target === null && pair.source?.final === !1) || before;
    }
  };
}
function cell(side) {
  let said2 = document.createTextNode(""), interim = el("span", "lw-soft lw-interim"), element = el("p", `lw-words ${side}`, { dir: "auto" }, said2, interim), last;
  return {
    element,
    update(turn, waits) {
      let open = turn !== null && !turn.final;
      if (attribute(element, "data-open", open ? "true" : null), attribute(element, "data-empty", waits ? "true" : null), attribute(element, "data-none", turn === null && !waits ? "true" : null), turn === last)
        return !1;
      last = turn;
      let words2 = clean(turn?.spans.map((span) => span.text).join("") ?? "").trim(), guess = clean(turn?.interim ?? "").trim();
      return text(said2, words2), text(interim, words2 && guess ? ` ${guess}` : guess), attribute(element, "lang", languageTag(turn?.language ?? "")), show(interim, guess !== ""), !0;
    }
  };
}
function talkList(actions) {
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
var NEAR2 = 32;
function transcript(suggestions2, actions, scope) {
  let bodies = [talkList(actions), pairList(), dictation(scope)], empty = el("p", "lw-empty"), scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, ...bodies.map((body) => body.element), suggestions2);
  let newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest"), element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = !0;
  let following = !0, toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  }, follow = () => {
    following && toEnd(), show(newest, !following);
  };
  if (scope.listen(scroller, "scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR2, show(newest, !following);
  }), newest.onclick = () => {
    following = !0, follow(), scroller.focus({ preventScroll: !0 });
  }, typeof ResizeObserver < "u") {
    let observer = new ResizeObserver(follow);
    for (let body of bodies)
      observer.observe(body.element);
    scope.add(() => observer.disconnect());
  }
  return {
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
    // A click beside the controls keeps the keys here instead of handing them to the notebook.
    tabindex: "-1",
    // JupyterLab's own mark for "keys typed in here are no commands".
    "data-lm-suppress-shortcuts": "true"
  }), hold = makeHold(store, actions, scope), top = header(scope), choices = settings(top.settings, actions, scope), say = composer(store, hold, actions, scope), chips = suggestions(actions), picture2 = waveform(levels, say.level, scope), notices = notes(actions), stage = el("div", "lw-stage", {}, picture2.element, notices.element), talk = transcript(chips.element, actions, scope), spoken = announcer(), explore = explorer(top.explore, store, actions, scope), shown = tray(actions.sight, scope), card = el("div", "lw-card", {}, top.element, stage, talk.element, shown.element, say.element);
  card.append(choices.element, spoken.element, shown.large), root.append(el("div", "lw-body", {}, card, explore.element)), keyboard(root, store, hold, actions, scope), dropping(card, () => canShow(store.get()), actions.sight, scope);
  let views = [hold, top, choices, notices, picture2, chips, talk, say, spoken];
  views.push(explore, shown);
  let draw = () => {
    let state = store.get();
    attribute(root, "aria-label", `Live conversation with ${displayName(state)}`);
    for (let view of views)
      view.update(state);
  };
  draw(), host.append(root), scope.add(() => root.remove()), scope.add(store.subscribe(draw));
}

// src/index.ts
function launch(model) {
  let app = new App((content, buffers) => {
    try {
      model.send(content, void 0, buffers);
    } catch {
    }
  }), hear = (content, buffers) => app.bridge.receive(content, buffers), doubt = () => app.doubt();
  return model.on("msg:custom", hear), model.on("comm_live_update", doubt), app.scope.add(() => {
    model.off("msg:custom", hear), model.off("comm_live_update", doubt);
  }), app;
}
function until(signal, app, end2) {
  return signal?.aborted ? end2() : signal && app.scope.listen(signal, "abort", end2, { once: !0 }), end2;
}
function widget() {
  let apps = /* @__PURE__ */ new WeakMap(), newest = null;
  return {
    initialize({ model, signal }) {
      let app = launch(model);
      return apps.set(model, app), newest = app, until(signal, app, () => app.dispose());
    },
    render({ model, el: el2, signal }) {
      let app = apps.get(model) ?? newest;
      return app ? until(signal, app, app.mount(el2, mountCard)) : void 0;
    }
  };
}
export {
  widget as default
};
