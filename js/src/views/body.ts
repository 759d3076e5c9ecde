// What the transcript holds: the talk turn by turn, a translation in two columns, or one dictated text.

import type { State, ViewKind } from "../state.ts";

export interface Body {
  readonly kind: ViewKind;
  element: HTMLElement;
  /** True when something was changed that is seen. */
  update(state: State): boolean;
}
