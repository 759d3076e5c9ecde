// Where the bars of the waveform stand. Time runs to the left, the newest bar is at the right edge. No DOM here.

/** Pixels from one column to the next, and how wide its bar is drawn. */
export const PITCH = 4;
export const BAR = 2.5;
/** How fast the picture scrolls, before rounding to whole columns: pixels per second. */
const SPEED = 56;
/** Peaks below this are the noise of a quiet room and drawn as nothing. */
const SILENCE = 0.006;

/** How many levels make one column, for levels that come `rate` times a second. */
export function grouping(rate: number): number {
  return Math.max(1, Math.round((rate * PITCH) / SPEED));
}

export interface Column {
  /** Left edge in CSS pixels; may lie outside on either side by less than one pitch. */
  x: number;
  /** Levels `first` up to, not including, `last`. */
  first: number;
  last: number;
}

/**
 * The columns of a picture `width` pixels wide whose right edge is at level `head` (fractional while it scrolls), of
 * `count` levels so far. Columns always hold the same levels, so that a bar never changes once it is complete.
 */
export function columns(head: number, count: number, width: number, group: number): Column[] {
  const made: Column[] = [];
  const newest = Math.ceil(Math.min(head, count) / group) - 1;
  for (let column = newest; column >= 0; column -= 1) {
    const x = xOf(column * group, head, width, group);
    if (x <= -PITCH) {
      break;
    }
    made.push({ x, first: column * group, last: Math.min((column + 1) * group, count) });
  }
  return made.reverse();
}

/** The x of a level's left edge. */
export function xOf(level: number, head: number, width: number, group: number): number {
  return width - ((head - level) / group) * PITCH;
}

/** Height of a bar in a lane `lane` pixels high: the root, because ears hear loudness so rather than linearly. */
export function barHeight(peak: number, lane: number): number {
  if (!(peak >= SILENCE)) {
    return 0;
  }
  return Math.max(2, Math.min(1, Math.sqrt(peak) * 1.08) * lane);
}

/**
 * Moves the right edge on by `seconds`. Levels come in batches, so the edge runs at their mean rate and is drawn to the
 * newest gently; after a pause (a hidden tab, a stall) it is simply there.
 */
export function advance(head: number, count: number, rate: number, seconds: number): number {
  const behind = count - head;
  if (behind < 0 || behind > rate || seconds > 0.5) {
    return count;
  }
  const ease = Math.min(1, seconds * 2);
  return Math.min(count, head + rate * seconds + (behind - 0.5) * ease);
}
