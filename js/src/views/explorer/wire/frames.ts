// Frames as rows: sound after sound is one row, and what a person looks for is found.

import type { WireFrame } from "../../../explorer.ts";

/** Frames that are shown as one row: a single one, or a run of sound in one direction. */
export interface Row {
  /** Of its first frame. */
  number: number;
  frames: WireFrame[];
}

export interface Search {
  /** "" for all. */
  kind: string;
  text: string;
}

const SOUND = /"audio"\s*:\s*\{"ms"/;

/** Whether a frame is sound and nothing else that one would want to read. */
export function isSound(frame: WireFrame): boolean {
  return SOUND.test(frame.json) && !/"(text|turnComplete|interrupted|functionCalls)"/.test(frame.json);
}

/** The row's kinds, the commonest first. */
export function kinds(frames: readonly WireFrame[]): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { kind } of frames) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

export function matches(frame: WireFrame, { kind, text }: Search): boolean {
  const wanted = text.trim().toLowerCase();
  return (
    (kind === "" || frame.kind === kind) &&
    (wanted === "" || frame.kind.toLowerCase().includes(wanted) || frame.json.toLowerCase().includes(wanted))
  );
}

export function rows(frames: readonly WireFrame[], search: Search): Row[] {
  const found: Row[] = [];
  for (const frame of frames) {
    if (!matches(frame, search)) {
      continue;
    }
    const last = found.at(-1);
    const before = last?.frames.at(-1);
    const goesOn =
      before !== undefined &&
      before.outgoing === frame.outgoing &&
      before.kind === frame.kind &&
      isSound(before);
    if (goesOn && isSound(frame)) {
      last!.frames.push(frame);
    } else {
      found.push({ number: frame.number, frames: [frame] });
    }
  }
  return found;
}

/** What a frame holds, or its text where that was cut and is no JSON any more. */
export function parsed(frame: WireFrame): unknown {
  try {
    return JSON.parse(frame.json);
  } catch {
    return frame.json;
  }
}

export interface Sound {
  ms: number;
  rate: number;
  peaks: number[];
}

/** A piece of sound in a frame, as the kernel puts it. */
export function asSound(value: unknown): Sound | null {
  const sound = (value as { audio?: Partial<Sound> } | null)?.audio;
  const ok = typeof sound?.ms === "number" && typeof sound.rate === "number" && Array.isArray(sound.peaks);
  return ok ? { ms: sound.ms!, rate: sound.rate!, peaks: sound.peaks!.map(Number) } : null;
}

/** Every piece of sound in it, in order. */
export function sounds(value: unknown): Sound[] {
  const one = asSound(value);
  if (one) {
    return [one];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(sounds) : [];
}

/** One file of the frames shown, as the kernel's own export writes them. */
export function toJsonl(frames: readonly WireFrame[]): string {
  return frames
    .map((frame) => {
      const { number, at_ms, gap_ms, outgoing, kind, size } = frame;
      return `${JSON.stringify({ number, at_ms, gap_ms, way: outgoing ? "out" : "in", kind, size, json: parsed(frame) })}\n`;
    })
    .join("");
}

/** `340 B`, `1.2 KB`. */
export function size(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  return bytes < 999_500 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `0:03.120` since the first frame. */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const minutes = Math.floor(whole / 60_000);
  const seconds = ((whole % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${minutes}:${seconds}`;
}
