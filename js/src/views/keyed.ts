// Lists whose items have a number of their own: nodes are made once, moved where need be, and taken away.

/** Brings `list` to `items`; `update` says whether a node has changed. True when anything has. */
export function patchKeyed<T, N extends { element: HTMLElement }>(
  list: HTMLElement,
  nodes: Map<number, N>,
  items: readonly T[],
  how: { key(item: T): number; make(item: T): N; update(node: N, item: T): boolean },
): boolean {
  let changed = false;
  if (nodes.size > items.length || items.some((item) => !nodes.has(how.key(item)))) {
    const kept = new Set(items.map(how.key));
    for (const [key, node] of nodes) {
      if (!kept.has(key)) {
        node.element.remove();
        nodes.delete(key);
        changed = true;
      }
    }
  }
  let place: Element | null = list.firstElementChild;
  for (const item of items) {
    let node = nodes.get(how.key(item));
    if (!node) {
      node = how.make(item);
      nodes.set(how.key(item), node);
    }
    if (node.element === place) {
      place = place.nextElementSibling;
    } else {
      list.insertBefore(node.element, place);
    }
    changed = how.update(node, item) || changed;
  }
  return changed;
}
