// Text and numbers as the card shows them. Text from outside passes through `clean` before it reaches a text node.

/** Longer texts are cut; chosen: nobody reads further, and a text node of megabytes stalls the page. */
export const MAX_TEXT = 20_000;

const ANSI =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with one.
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it removes control characters.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const LINES = /\r\n?|[\u2028\u2029\u0085]/g;
// Without width and without a purpose in plain text; the joiners stay, since scripts and emoji use them, and so
// do the flags of England, Scotland and Wales, which are tags after a black flag (group 1).
const UNSEEN =
  /(\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f})|[\u{ad}\u{180e}\u{200b}\u{2060}-\u{2065}\u{206a}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e007f}]/gu;
// Embeddings, overrides and isolates can disguise text; plain right-to-left letters need none of them.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Text without terminal sequences, control characters and characters without width, with those that change the
 * writing direction as visible escapes. Python's half is `plain` in livewidget/text.py.
 */
export function clean(text: string, longest = MAX_TEXT): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut
    .replace(ANSI, "")
    .replace(LINES, "\n")
    .replace(CONTROLS, "")
    .replace(UNSEEN, "$1")
    .replace(BIDI, (mark) => `\\u${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`)
    .replace(LONE_SURROGATE, "\ufffd");
}

/** Cleaned text on one line, for names, labels and badges. */
export function cleanLine(text: string, longest = 200): string {
  return clean(text, longest).replace(/\s+/g, " ").trim();
}

/** `02:14`; from an hour on `1:02:14`. */
export function elapsedTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** What `latency_ms` of a turn is. */
export const ANSWERED_IN = "From the end of your words to the first sound you heard";

/** Time to the first sound: `0.18 s`; from ten seconds on `12 s`. */
export function latency(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0)} s`;
}

/** How long something took: `12 ms`, `1.4 s`. */
export function duration(ms: number): string {
  if (ms < 1) {
    return "< 1 ms";
  }
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The size of a file: `812 bytes`, `41 kB`, `1.2 MB`. */
export function bytes(count: number): string {
  if (count < 1000) {
    return `${count} bytes`;
  }
  return count < 999_500 ? `${Math.round(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** The first sentence of a notice, and the rest. A full stop ends it only before a space: `0.18` is one word. */
export function firstSentence(text: string): [first: string, rest: string] {
  const match = /^(.+?[.!?…])\s+(\S.*)$/s.exec(text);
  return match ? [match[1]!, match[2]!] : [text, ""];
}

/** A badge's short form and what a wide card adds: `no key`, ` · on this computer`. */
export function badgeParts(text: string): [short: string, more: string] {
  const at = text.indexOf(" · ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

/** `1,204 tokens`. */
export function tokens(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "token" : "tokens"}`;
}

/** An estimate in dollars: `~$0.002`, `~$1.20`; below a tenth of a cent `< $0.001`. */
export function dollars(amount: number): string {
  if (amount > 0 && amount < 0.001) {
    return "< $0.001";
  }
  return `~$${amount.toFixed(amount < 0.1 ? 3 : 2)}`;
}

/** Remaining time: `9 min`, `42 s`. */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds > 90 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}

const languageNames = new Map<string, string>();

/** "Spanish" for "es"; an unknown code as it is; "" for "". */
export function languageName(code: string): string {
  let name = languageNames.get(code);
  if (name === undefined) {
    name = lookUpLanguage(code);
    languageNames.set(code, name);
  }
  return name;
}

function lookUpLanguage(code: string): string {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** The code for a `lang` attribute, or null if it is invalid: a wrong one would change how text is read out. */
export function languageTag(code: string): string | null {
  return /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(code) ? code : null;
}
