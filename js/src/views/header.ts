// The top line: whose move it is, who it is, how long the first sound took, how long the talk has run.

import type { Scope } from "../scope.ts";
import type { State } from "../state.ts";
import { attribute, button, el, icon, show, text, type View } from "./dom.ts";
import { badgeParts, cleanLine, elapsed, latency } from "./format.ts";
import { timeRing, tokenMeter } from "./gauges.ts";
import { displayName, status } from "./status.ts";

export interface Header extends View {
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
    title: "From the end of your words to the first sound of the answer",
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
      text(clock, elapsed(performance.now() - since));
    }
  };
  // Four looks a second, so that no second is skipped; the text changes once in it.
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
      const [short, more] = badgeParts(cleanLine(state.badge));
      text(badgeShort, short);
      text(badgeMore, more);
      show(badge, short !== "");
      const ms = lastLatency(state);
      text(first, ms === null ? "" : `first sound ${latency(ms)}`);
      show(first, ms !== null);
      since = state.phase === "live" && state.connected ? state.liveSince : null;
      if (state.phase === "connecting") {
        text(clock, elapsed(0));
      }
      counted ||= since !== null || state.phase === "idle" || state.phase === "connecting";
      // A talk that ended before this view was made: how long it was is not known.
      show(clock, counted);
      tick();
      ring.update(state);
      used.update(state);
      // Money is worth a look at any time; tokens that cost nothing are for who explores.
      show(used.element, !used.element.hidden && (state.explorer.meter?.cost_usd ?? 0) > 0);
    },
  };
}

function lastLatency(state: State): number | null {
  return [...state.turns].reverse().find((turn) => turn.latency_ms !== null)?.latency_ms ?? null;
}
