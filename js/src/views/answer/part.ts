// What may stand beside the words of a turn: each a part with a node of its own, made once and patched.

import type { Turn } from "../../state.ts";

export interface Part {
  element: HTMLElement;
  update(turn: Turn): void;
}

/** Brings the children of `list` to as many as there are items, and each to its item; nodes are kept. */
export function patchList<T, N extends { element: HTMLElement }>(
  list: HTMLElement,
  made: N[],
  items: readonly T[],
  make: () => N,
  update: (node: N, item: T) => void,
): void {
  while (made.length > items.length) {
    made.pop()!.element.remove();
  }
  items.forEach((item, index) => {
    let node = made[index];
    if (!node) {
      node = make();
      made.push(node);
      list.append(node.element);
    }
    update(node, item);
  });
}
