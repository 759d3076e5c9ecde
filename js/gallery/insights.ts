// What the explorer's panels of a talk's insides show: made up, but shaped as the kernel sends it.

import { type ExplorerContents, type SpeechTrack, initialState } from "../src/state.ts";
import type { Frame } from "../src/messages.gen.ts";

let number = 0;
let at = 0;

function frame(outgoing: boolean, kind: string, json: unknown, size: number, gap: number): Frame {
  number += 1;
  at += gap;
  return { number, at_ms: at, outgoing, kind, size, gap_ms: number === 1 ? null : gap, json: JSON.stringify(json) };
}

function sound(index: number, ms: number, rate: number): unknown {
  const peaks = Array.from({ length: 12 }, (_, bar) =>
    Math.abs(Math.sin((index * 12 + bar) * 0.31) * Math.sin((index * 12 + bar) * 0.07)),
  );
  return { audio: { ms, rate, peaks } };
}

const frames: Frame[] = [
  frame(
    true,
    "setup",
    {
      setup: {
        model: "models/offline-tutor",
        generationConfig: { responseModalities: ["AUDIO"], speechConfig: { voiceConfig: { voiceName: "Kore" } } },
        sessionResumption: { handle: "…hidden" },
        inputAudioTranscription: {},
        outputAudioTranscription: {},
      },
    },
    412,
    0,
  ),
  frame(false, "setupComplete", { setupComplete: {} }, 27, 11.2),
  ...Array.from({ length: 38 }, (_, index) =>
    frame(true, "realtimeInput.audio", { realtimeInput: { audio: sound(index, 40, 16_000) } }, 1780, 40),
  ),
  frame(false, "voiceActivity", { voiceActivity: { type: "ACTIVITY_START", audioOffset: "0.480s" } }, 96, 3),
  frame(
    false,
    "serverContent.inputTranscription",
    { serverContent: { inputTranscription: { text: "what is seven plus five", finished: true } } },
    124,
    6,
  ),
  ...Array.from({ length: 9 }, (_, index) =>
    frame(
      false,
      "serverContent.modelTurn",
      { serverContent: { modelTurn: { parts: [{ inlineData: sound(index + 40, 200, 24_000) }] } } },
      12_930,
      50,
    ),
  ),
  frame(false, "serverContent.generationComplete", { serverContent: { generationComplete: true } }, 61, 1),
  frame(
    false,
    "serverContent.turnComplete",
    { serverContent: { turnComplete: true }, usageMetadata: { promptTokenCount: 58, totalTokenCount: 103 } },
    140,
    1302,
  ),
];

const loud = (ms: number) => (ms > 2400 && ms < 4700) || (ms > 8200 && ms < 11_700);

const track: SpeechTrack = {
  windows: Array.from({ length: 375 }, (_, index) => {
    const atMs = index * 32;
    const voice = loud(atMs);
    const wave = Math.abs(Math.sin(index * 0.7) * Math.sin(index * 0.19));
    return {
      atMs,
      level: voice ? -38 + 26 * wave : -62 + 5 * wave,
      probability: voice ? 0.82 + 0.17 * wave : 0.04 + 0.08 * wave,
    };
  }),
  marks: [
    { kind: "speech", at_ms: 2400 },
    { kind: "start", at_ms: 2600 },
    { kind: "silence", at_ms: 4700 },
    { kind: "end", at_ms: 5500 },
    { kind: "speech", at_ms: 8200 },
    { kind: "start", at_ms: 8400 },
  ],
  settings: {
    from_ms: 0,
    step_ms: 32,
    start_threshold: 0.5,
    end_threshold: 0.35,
    prefix_padding_ms: 200,
    silence_ms: 800,
    detector: "Silero",
  },
  endMs: 12_000,
};

/** The explorer, open at one of them. */
export function looking(panel: ExplorerContents["panel"]): ExplorerContents {
  return { ...initialState().explorer, open: true, panel, frames: { list: frames, lost: 0 }, track };
}
