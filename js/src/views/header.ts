// The top line: whose move it is, who it is, how long the first sound took, what the talk has used and how long it may last.

import type { Meter } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { State } from "../state.ts";
import { attribute, button, el, icon, show, svg, text, type View } from "./dom.ts";
import {
  ANSWERED_IN,
  badgeParts,
  cleanLine,
  dollars,
  elapsedTime,
  latency,
  remaining,
  tokens,
} from "./format.ts";
import { displayName, status } from "./status.ts";

/** Radius of the ring, in units of its view box. */
const RADIUS = 6;
const AROUND = 2 * Math.PI * RADIUS;
/** From then on the remaining time is written out; chosen: time enough to finish a sentence. */
const SOON_MS = 60_000;
/** How often the ring is redrawn. */
const TICK_MS = 500;

/** How long the connection of a live session still lasts, in ms; null if unknown. */
export function timeLeft({ phase, connected, explorer }: State, now: number): number | null {
  const { meter, meterAt } = explorer;
  if (phase !== "live" || !connected || meter === null || meter.time_left_ms === null) {
    return null;
  }
  return Math.max(0, meter.time_left_ms - (now - meterAt));
}

function timeRing(scope: Scope): View {
  const [track, rest] = [circle("lw-ring-track"), circle("lw-ring-rest")];
  rest.setAttribute("pathLength", String(AROUND));
  const picture = svg(
    "svg",
    { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" },
    track,
    rest,
  );
  const word = el("span", "lw-ring-word");
  const element = el("span", "lw-ring", { role: "img" }, picture, word);
  let now: State | null = null;
  const draw = () => {
    const ms = now && timeLeft(now, performance.now());
    const meter = now?.explorer.meter ?? null;
    show(element, ms !== null && meter !== null);
    if (ms === null || meter === null) {
      return;
    }
    const share = meter.time_limit_ms ? Math.min(1, ms / meter.time_limit_ms) : 0;
    attribute(rest, "stroke-dasharray", `${(share * AROUND).toFixed(1)} ${AROUND.toFixed(1)}`);
    const soon = ms <= SOON_MS || meter.ending === "go_away";
    attribute(element, "data-soon", soon ? "true" : null);
    text(word, soon ? remaining(ms) : "");
    show(word, soon);
    const sentence = timeLeftText(ms, meter);
    attribute(element, "aria-label", sentence);
    attribute(element, "title", sentence);
  };
  scope.interval(draw, TICK_MS);
  return {
    element,
    update(state) {
      now = state;
      draw();
    },
  };
}

function timeLeftText(ms: number, { ending }: Meter): string {
  return ending === "go_away"
    ? `The service ends this connection in ${remaining(ms)}`
    : `This connection lasts about ${remaining(ms)} more`;
}

export function tokenMeter(): View {
  const count = el("span");
  const cost = el("span", "lw-cost");
  const element = el("span", "lw-tokens", {}, count, cost);
  return {
    element,
    update({ explorer: { meter } }) {
      show(element, meter !== null && meter.total_tokens > 0);
      if (meter !== null) {
        text(count, tokens(meter.total_tokens));
        text(cost, costText(meter));
        attribute(element, "title", usageText(meter));
      }
    },
  };
}

function costText({ cost_usd }: Meter): string {
  if (cost_usd === null) {
    return "";
  }
  return cost_usd === 0 ? " · free" : ` · ${dollars(cost_usd)}`;
}

function usageText(meter: Meter): string {
  const kinds = Object.entries(meter.by_modality).map(
    ([kind, count]) => `${kind.toLowerCase()} ${count.toLocaleString("en")}`,
  );
  const parts = [
    `${tokens(meter.prompt_tokens)} sent, ${tokens(meter.response_tokens)} received`,
    kinds.join(", "),
    // That of an agent's model is not known.
    meter.context_limit === 0
      ? ""
      : `${meter.context_tokens.toLocaleString("en")} of ${meter.context_limit.toLocaleString("en")} in the context`,
    meter.cost_usd ? `an estimate by the prices of ${meter.prices_of}` : "",
    meter.link_ms === null ? "" : `round trip ${meter.link_ms.toFixed(meter.link_ms < 10 ? 1 : 0)} ms`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const circle = (className: string) =>
  svg("circle", { class: className, cx: "8", cy: "8", r: String(RADIUS) });

interface Header extends View {
  explore: HTMLButtonElement;
  settings: HTMLButtonElement;
}

export function header(scope: Scope): Header {
  const dot = el("span", "lw-dot", { "aria-hidden": "true" });
  const who = el("strong", "lw-who");
  const badge = el("span", "lw-badge");
  const badgeMore = el("span", "lw-wide");
  const badgeShort = el("span");
  badge.append(badgeShort, badgeMore);
  const word = el("span", "lw-word");
  const first = el("span", "lw-first lw-wide", {
    title: ANSWERED_IN,
  });
  const clock = el("span", "lw-clock", { role: "timer", "aria-label": "Elapsed time" }, "00:00");
  const ring = timeRing(scope);
  const used = tokenMeter();
  const explore = el(
    "button",
    "lw-explore",
    { type: "button", title: "Explore what the model can do" },
    icon("compass", 18),
    el("span", "lw-explore-word", {}, "Explore"),
  );
  const settings = button("lw-plain lw-settings-button", "Settings", icon("settings"));
  const element = el(
    "header",
    "lw-header",
    {},
    el("span", "lw-identity", {}, dot, who, badge),
    el("span", "lw-meta", {}, word, first, used.element, ring.element, clock),
    explore,
    settings,
  );

  let since: number | null = null;
  let counted = false;
  const tick = () => {
    if (since !== null) {
      text(clock, elapsedTime(performance.now() - since));
    }
  };
  // Four times a second, so that no second is skipped.
  scope.interval(tick, 250);

  return {
    element,
    explore,
    settings,
    update(state) {
      const { word: now, tone } = status(state);
      attribute(dot, "data-tone", tone);
      attribute(word, "data-tone", tone);
      text(word, now);
      text(who, displayName(state));
      attribute(who, "title", displayName(state));
      const [lead, more] = badgeParts(cleanLine(state.badge));
      // An agent's badge begins with its name, which stands there already; a narrow card has room for that alone.
      const [short, rest] =
        lead === displayName(state) && more ? [more.replace(" · ", ""), ""] : [lead, more];
      text(badgeShort, short);
      text(badgeMore, rest);
      badge.classList.toggle("lw-wide", lead === displayName(state));
      show(badge, short !== "");
      const ms = lastLatency(state);
      text(first, ms === null ? "" : `answered in ${latency(ms)}`);
      show(first, ms !== null);
      since = state.phase === "live" && state.connected ? state.liveSince : null;
      if (state.phase === "connecting") {
        text(clock, elapsedTime(0));
      }
      counted ||= since !== null || state.phase === "idle" || state.phase === "connecting";
      // The length of a session that ended before this view was made is unknown, and one that never opened has none.
      show(clock, counted && !(state.phase === "ended" && state.ending === "never_opened"));
      tick();
      ring.update(state);
      used.update(state);
      // The cost is always shown; tokens that cost nothing only in the explorer.
      show(used.element, !used.element.hidden && (state.explorer.meter?.cost_usd ?? 0) > 0);
    },
  };
}

function lastLatency(state: State): number | null {
  return [...state.turns].reverse().find((turn) => turn.speaker === "model")?.latency_ms ?? null;
}
