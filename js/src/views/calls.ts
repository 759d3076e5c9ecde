// The phone calls that are on, a row each: who calls, how long, and the buttons to mute it and to hang up.

import type { Call } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, State } from "../state.ts";
import { attribute, button, el, icon, name, patchKeyed, picture, show, text, type View } from "./dom.ts";
import { cleanLine, elapsedTime } from "./format.ts";

/** How often the times are looked at; chosen: no second is skipped. */
const TICK_MS = 250;

interface Row {
  element: HTMLElement;
  update(call: Call, state: State): boolean;
  tick(): void;
}

export function callList(actions: Pick<Actions, "call">, scope: Scope): View {
  const list = el("ul", "lw-calls", { "aria-label": "Phone calls" });
  const rows = new Map<string, Row>();
  let now: State | null = null;
  scope.interval(() => {
    for (const row of rows.values()) {
      row.tick();
    }
  }, TICK_MS);
  return {
    element: list,
    update(state) {
      if (
        now?.calls === state.calls &&
        now.calledBy === state.calledBy &&
        now.connected === state.connected
      ) {
        return;
      }
      now = state;
      patchKeyed(list, rows, state.calls, {
        key: ({ id }: Call) => id,
        make: ({ id }) => callRow(id, actions),
        update: (row, call) => row.update(call, state),
      });
      show(list, state.calls.length > 0);
    },
  };
}

function callRow(id: string, actions: Pick<Actions, "call">): Row {
  const caller = el("strong", "lw-caller");
  const role = el("span", "lw-call-role");
  const time = el("span", "lw-clock", { role: "timer", "aria-label": "Length of the call" });
  const glyph = icon("microphone", 18);
  const mute = button("lw-plain lw-call-button", "Mute", glyph);
  const hangUp = button("lw-plain lw-call-button lw-hang-up", "Hang up", icon("phone", 18));
  const element = el("li", "lw-call-row", {}, icon("phone", 16), caller, role, time, mute, hangUp);
  let began = 0;
  let muted = false;
  mute.onclick = () => actions.call(id, muted ? "unmute" : "mute");
  hangUp.onclick = () => actions.call(id, "hang_up");
  const tick = () => text(time, elapsedTime(performance.now() - began));
  return {
    element,
    tick,
    update(call, state) {
      const followed = call.id === state.calledBy;
      muted = call.muted;
      began = state.callsAt - call.elapsed_ms;
      const known = cleanLine(call.caller, 40);
      const who = known === "" || known === "unknown" ? "unknown number" : known;
      text(caller, who);
      text(role, muted ? "muted" : followed ? "talks here" : "own conversation");
      attribute(element, "data-followed", followed ? "true" : null);
      attribute(element, "data-muted", muted ? "true" : null);
      attribute(mute, "aria-pressed", String(muted));
      name(mute, `Mute ${who}`, muted ? `Unmute ${who}` : `Mute ${who}`);
      picture(glyph, muted ? "silent" : "microphone");
      name(hangUp, `Hang up ${who}`);
      for (const one of [mute, hangUp]) {
        attribute(one, "disabled", state.connected ? null : "");
      }
      tick();
      return true;
    },
  };
}
