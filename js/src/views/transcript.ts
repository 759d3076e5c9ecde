// The talk as turns, in step with the sound; stays at the newest unless the reader has scrolled away.

import type { Scope } from "../scope.ts";
import type { State, Turn } from "../state.ts";
import { attribute, button, el, icon, show, text, type View } from "./dom.ts";
import { clean } from "./format.ts";
import { invitation, speakerName } from "./status.ts";
import { type TurnView, turnView } from "./turn.ts";

/** Nearer to the end than this counts as being at the end, in pixels. */
const NEAR = 32;
/** Final turns kept for screen readers; they have been read out when they left. */
const SPOKEN = 4;

export function transcript(suggestions: HTMLElement, scope: Scope): View {
  const list = el("ol", "lw-turns");
  const empty = el("p", "lw-empty");
  const scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, list, suggestions);
  const newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest");
  const element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = true;

  const views = new Map<number, TurnView>();
  let following = true;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  const follow = () => {
    if (following) {
      toEnd();
    }
    show(newest, !following);
  };
  scope.listen(scroller, "scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    show(newest, !following);
  });
  newest.onclick = () => {
    following = true;
    follow();
    // The button is about to hide and would take the focus with it.
    scroller.focus({ preventScroll: true });
  };
  if (typeof ResizeObserver !== "undefined") {
    const observer = new ResizeObserver(follow);
    observer.observe(list);
    scope.add(() => observer.disconnect());
  }

  return {
    element,
    update(state) {
      const bare = state.turns.length === 0;
      show(empty, bare);
      show(list, !bare);
      text(empty, bare ? invitation(state) : "");
      attribute(scroller, "data-empty", bare ? "true" : null);
      if (patch(list, views, state)) {
        follow();
      }
    },
  };
}

/** Brings the list to the state's turns, by index; nodes of turns that did not change are left alone. */
function patch(list: HTMLElement, views: Map<number, TurnView>, state: State): boolean {
  let changed = false;
  if (views.size > state.turns.length || state.turns.some((turn) => !views.has(turn.index))) {
    const kept = new Set(state.turns.map((turn) => turn.index));
    for (const [index, view] of views) {
      if (!kept.has(index)) {
        view.element.remove();
        views.delete(index);
        changed = true;
      }
    }
  }
  let place: Element | null = list.firstElementChild;
  for (const turn of state.turns) {
    let view = views.get(turn.index);
    if (!view) {
      view = turnView(turn.speaker);
      views.set(turn.index, view);
    }
    if (view.element === place) {
      place = place.nextElementSibling;
    } else {
      list.insertBefore(view.element, place);
    }
    changed = view.update(turn, state) || changed;
  }
  return changed;
}

/** Reads out turns once they are final: never the words that may still change, and nothing that stood there before. */
export function announcer(): View {
  const element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" });
  let known: Set<number> | null = null;
  const isSaid = (turn: Turn) => turn.final && (turn.spans.length > 0 || turn.interim !== "");
  return {
    element,
    update(state) {
      if (known === null) {
        known = new Set(state.turns.filter(isSaid).map((turn) => turn.index));
        return;
      }
      for (const turn of state.turns) {
        if (known.has(turn.index) || !isSaid(turn)) {
          continue;
        }
        known.add(turn.index);
        const who = turn.speaker === "user" ? "you" : speakerName(state);
        const words = turn.spans.map((span) => span.text).join("");
        element.append(el("p", "", {}, clean(`${who}: ${words}${turn.interrupted ? " (interrupted)" : ""}`)));
        if (element.children.length > SPOKEN) {
          element.firstElementChild!.remove();
        }
      }
    },
  };
}
