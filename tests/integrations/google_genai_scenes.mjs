// The scenes of driving.py, in its words, for Google's SDK for JavaScript; nothing here knows Node or a page.

const FRAME_MS = 40;
const FRAME_BYTES = 2 * 16 * FRAME_MS;
const WAV_HEADER = 44; // as livewidget writes it
const SPEED = 4; // times as fast as a microphone: the tutor's ears count samples, not seconds
const WAIT_MS = 30_000;
const WORK_MS = 500;
const LIGHT = {
  name: "set_light",
  description: "Switch the light.",
  parametersJsonSchema: { type: "object", properties: { on: { type: "boolean" } } },
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** What the SDK reported, in order. */
class Log {
  events = [];
  #waiting = [];

  note(kind, value) {
    this.events.push([kind, value]);
    for (const look of [...this.#waiting]) look();
  }

  /** Wait for these kinds, in this order, whatever is in between; gives the place after the last. */
  until(since, ...kinds) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`waited for ${kinds}, got ${JSON.stringify(this.report(since))}`));
      }, WAIT_MS);
      const look = () => {
        let at = since;
        for (const kind of kinds) {
          const found = this.events.findIndex(([one], n) => n >= at && one === kind);
          if (found < 0) return;
          at = found + 1;
        }
        clearTimeout(late);
        this.#waiting.splice(this.#waiting.indexOf(look), 1);
        resolve(at);
      };
      this.#waiting.push(look);
      look();
    });
  }

  report(since, to) {
    const events = this.events.slice(since, to);
    const values = (wanted) => events.filter(([kind]) => kind === wanted).map(([, value]) => value);
    const kinds = events.map(([kind]) => kind).filter((kind) => kind !== "heard" && kind !== "said");
    return {
      order: kinds.filter((kind, n) => kind !== kinds[n - 1]),
      heard: values("heard").join(" "),
      said: values("said").join(""),
      audio_ms: Math.round(values("audio").reduce((sum, ms) => sum + ms, 0)),
      calls: values("call"),
    };
  }
}

/** One session, and what it reported. `place`: `ai`, the SDK's client; `server`, the task; `read(name)`, a file's bytes. */
async function connected(place, handle, ai = place.ai) {
  const client = { ...place, log: new Log(), handle: undefined, session: undefined };
  client.session = await ai.live.connect({
    model: place.server.model,
    config: {
      responseModalities: ["AUDIO"],
      inputAudioTranscription: {},
      outputAudioTranscription: {},
      sessionResumption: handle ? { handle } : {},
      tools: [{ functionDeclarations: [LIGHT] }],
    },
    callbacks: { onmessage: (message) => take(client, message) },
  });
  return client;
}

function take(client, message) {
  const { log } = client;
  const update = message.sessionResumptionUpdate;
  if (update?.resumable) client.handle = update.newHandle;
  for (const call of message.toolCall?.functionCalls ?? []) {
    log.note("call", [call.name, call.args]);
    answer(client, call, log.events.length);
  }
  const content = message.serverContent;
  if (!content) return;
  for (const { inlineData } of content.modelTurn?.parts ?? []) {
    if (inlineData?.mimeType !== "audio/pcm;rate=24000") continue;
    log.note("audio", atob(inlineData.data).length / 48);
  }
  if (content.inputTranscription?.text) log.note("heard", content.inputTranscription.text);
  if (content.outputTranscription?.text) log.note("said", content.outputTranscription.text);
  if (content.interrupted) log.note("interrupted");
  if (content.turnComplete) log.note("end");
}

/** Take a function's time, and send its result. */
async function answer({ log, server, session }, { id, name }, since) {
  await (server.ends_first ? log.until(since, "end") : sleep(WORK_MS));
  log.note("result");
  session.sendToolResponse({ functionResponses: [{ id, name, response: { result: "the light is on" } }] });
}

async function speak({ read, session }, name) {
  const sound = (await read(name)).subarray(WAV_HEADER);
  for (let at = 0; at < sound.length; at += FRAME_BYTES) {
    const data = base64(sound.subarray(at, at + FRAME_BYTES));
    session.sendRealtimeInput({ audio: { data, mimeType: "audio/pcm;rate=16000" } });
    await sleep(FRAME_MS / SPEED);
  }
}

function type({ session }, text) {
  session.sendClientContent({ turns: [{ role: "user", parts: [{ text }] }], turnComplete: true });
}

// --- Scenes ---------------------------------------------------------------------------------------------------

async function asked(client, text) {
  const since = client.log.events.length;
  type(client, text);
  return client.log.report(since, await client.log.until(since, "audio", "end"));
}

async function spoken(client, name, ...kinds) {
  const since = client.log.events.length;
  await speak(client, name);
  return client.log.report(since, await client.log.until(since, ...kinds, "audio", "end"));
}

async function interruption(client) {
  const { log } = client;
  const since = log.events.length;
  type(client, "tell me a story");
  await log.until(since, "audio");
  const speaking = speak(client, "interruption.wav");
  const stopped = await log.until(since, "interrupted");
  const heard = await log.until(stopped, "heard");
  const to = Math.max(heard, await log.until(stopped, "audio", "end"));
  await speaking;
  return { before: log.report(since, stopped), after: log.report(stopped, to) };
}

async function video(client) {
  const data = base64(await client.read("picture.jpg"));
  client.session.sendRealtimeInput({ video: { data, mimeType: "image/jpeg" } });
  return asked(client, "what do you see");
}

async function resumption(place, handle) {
  const client = await connected(place, handle);
  const report = await asked(client, "say that again please");
  client.session.close();
  return report;
}

/** Make an ephemeral token, and talk with nothing else. */
async function token(place) {
  const { name } = await place.ai.authTokens.create({ config: { uses: 1, httpOptions: { apiVersion: "v1alpha" } } });
  return { made: name.startsWith("auth_tokens/"), ...(await withToken(place, name)) };
}

/** Talk with a token that somebody made, aloud and once more than it may be used. */
export async function withToken(place, name) {
  const client = await connected(place, undefined, place.withToken(name));
  const report = await spoken(client, "question.wav", "heard");
  client.session.close();
  return { ...report, again: await refusal(place, name) };
}

/** Why the server lets a token in no more; the SDK itself waits for ever. */
function refusal(place, name) {
  return new Promise((resolve) => {
    const callbacks = { onmessage: () => {}, onclose: ({ reason }) => resolve(reason) };
    place.withToken(name).live.connect({ model: place.server.model, config: {}, callbacks });
  });
}

/** Play the scenes; return what came of each, by its name. */
export async function play(place) {
  const client = await connected(place);
  const report = {
    spoken_turn: await spoken(client, "question.wav"),
    tool_call: await spoken(client, "tool.wav", "call", "result"),
    text_turn: await asked(client, "what is the capital of japan"),
    interruption: await interruption(client),
    video_frame: await video(client),
  };
  if (!client.handle) throw new Error("no handle came");
  client.session.close();
  report.last_said = report.interruption.after.said;
  report.resumption = await resumption(place, client.handle);
  report.without = await resumption(place);
  if (!place.server.vertex) report.token = await token(place);
  return report;
}
