// Where the talk is read; stays at the newest unless the reader has scrolled away.

import type { Scope } from "../scope.ts";
import type { Actions } from "../state.ts";
import type { Body } from "./body.ts";
import { dictation } from "./dictation.ts";
import { attribute, button, el, icon, show, text, type View } from "./dom.ts";
import { pairList } from "./pairs.ts";
import { invitation } from "./status.ts";
import { talkList } from "./talk-list.ts";

/** Nearer to the end than this counts as being at the end, in pixels. */
const NEAR = 32;

export function transcript(suggestions: HTMLElement, actions: Pick<Actions, "confirm">, scope: Scope): View {
  const bodies: Body[] = [talkList(actions), pairList(), dictation(scope)];
  const empty = el("p", "lw-empty");
  const scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, ...bodies.map((body) => body.element), suggestions);
  const newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest");
  const element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = true;

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
    for (const body of bodies) {
      observer.observe(body.element);
    }
    scope.add(() => observer.disconnect());
  }

  return {
    element,
    update(state) {
      const bare = state.turns.length === 0;
      show(empty, bare);
      text(empty, bare ? invitation(state) : "");
      attribute(scroller, "data-empty", bare ? "true" : null);
      for (const body of bodies) {
        const seen = body.kind === state.view;
        show(body.element, seen && !bare);
        if (seen && body.update(state)) {
          follow();
        }
      }
    },
  };
}
