// The talk turn by turn.

import type { Actions, Turn } from "../state.ts";
import type { Body } from "./body.ts";
import { el } from "./dom.ts";
import { patchKeyed } from "./keyed.ts";
import { type TurnView, turnView } from "./turn.ts";

export function talkList(actions: Pick<Actions, "confirm">): Body {
  const element = el("ol", "lw-turns");
  const views = new Map<number, TurnView>();
  return {
    kind: "talk",
    element,
    update: (state) =>
      patchKeyed(element, views, state.turns, {
        key: (turn: Turn) => turn.index,
        make: (turn) => turnView(turn.speaker, actions),
        update: (view, turn) => view.update(turn, state),
      }),
  };
}
