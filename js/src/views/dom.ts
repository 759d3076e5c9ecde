// Creates and patches DOM nodes. Text goes into text nodes only, and nothing is written that is already there.

import type { Scope } from "../scope.ts";
import type { State } from "../state.ts";

type Child = Node | string;

/** A part of the card. */
export interface View {
  element: HTMLElement;
  update(state: State): void;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** The element that has the focus, as far as `node` can see: a card may have a shadow root around it. */
export function focusBeside(node: Node): Element | null {
  const root = node.getRootNode() as Node & Partial<DocumentOrShadowRoot>;
  return root.activeElement ?? null;
}

export function button(className: string, label: string, ...children: Child[]): HTMLButtonElement {
  return el("button", className, { type: "button", "aria-label": label, title: label }, ...children);
}

/** Sets the accessible name of a button, and its title where that differs. */
export function name(node: HTMLElement, label: string, title = label): void {
  attribute(node, "aria-label", label);
  attribute(node, "title", title);
}

export function text(node: Node, value: string): void {
  if (node.textContent !== value) {
    node.textContent = value;
  }
}

/** Sets an attribute, or removes it with null. */
export function attribute(node: Element, key: string, value: string | null): void {
  if (node.getAttribute(key) === value) {
    return;
  }
  if (value === null) {
    node.removeAttribute(key);
  } else {
    node.setAttribute(key, value);
  }
}

export function show(node: HTMLElement, visible: boolean): void {
  if (node.hidden === visible) {
    node.hidden = !visible;
  }
}

let ids = 0;

/** An id that is unique in the page and not made from data. */
export function freshId(part: string): string {
  ids += 1;
  return `livewidget-${ids}-${part}`;
}

const PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  silent:
    "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M4.5 3.5l15 17",
  send: "M12 19V5.5M6 11.5l6-6 6 6",
  settings: "M4 8h7M17 8h3M4 16h2M12 16h8M11 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M6 16a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  compass: "M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17zM15.8 8.2l-2.4 5.2-5.2 2.4 2.4-5.2z",
  camera:
    "M5.5 6.5H13a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H5.5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM15 10.8l5.5-3.3v9L15 13.2",
  screen:
    "M4.8 5h14.4A1.8 1.8 0 0 1 21 6.8v8.4a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V6.8A1.8 1.8 0 0 1 4.8 5zM8.5 20.5h7M12 17v3.5",
  picture:
    "M5.5 4.5h13a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM3.8 16.8l4.7-4.8 4 4 2.5-2.4 5.2 4.9M15.6 8.7h.01",
  undo: "M5 9.5h9a5 5 0 0 1 0 10h-4M8.5 5.5L4.5 9.5l4 4",
  code: "M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  down: "M12 5v13.5M6 12.5l6 6 6-6",
  phone: "M7.2 3.8l2.3 4.4-2 1.9a12.5 12.5 0 0 0 6.4 6.4l1.9-2 4.4 2.3-.6 3.4c-8.9.9-16.7-6.9-15.8-15.8z",
  copy: "M9 9h10.5v11H9zM15 9V4.5H4.5V15H9",
} as const;

export type IconName = keyof typeof PATHS;

/** An SVG element; pictures that mean something have a text beside them. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

export function icon(picture: IconName, size = 20): SVGSVGElement {
  const side = String(size);
  return svg(
    "svg",
    { class: "lw-icon", width: side, height: side, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: PATHS[picture] }),
  );
}

/** Changes the picture of an icon made by `icon`. */
export function picture(glyph: SVGSVGElement, to: IconName): void {
  attribute(glyph.firstElementChild!, "d", PATHS[to]);
}

/** Makes the children of `list` match `items`, reusing nodes by key; true if anything changed. */
export function patchKeyed<K, T, N extends { element: HTMLElement }>(
  list: HTMLElement,
  nodes: Map<K, N>,
  items: readonly T[],
  how: { key(item: T): K; make(item: T): N; update(node: N, item: T): boolean },
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

/** Makes as many children of `list` as there are items and updates each; nodes are reused. */
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

/** Calls `changed` when one of `elements` changes its size. */
export function onResize(scope: Scope, changed: () => void, ...elements: HTMLElement[]): void {
  if (typeof ResizeObserver !== "undefined") {
    const observer = new ResizeObserver(changed);
    for (const element of elements) {
      observer.observe(element);
    }
    scope.add(() => observer.disconnect());
  }
}

/** Calls `handle` for Escape; the key interrupts unless `handle` returns true, so that one press does one thing. */
export function onEscape(scope: Scope, node: HTMLElement, handle: () => boolean): void {
  scope.listen<KeyboardEvent>(node, "keydown", (event) => {
    if (event.key === "Escape" && handle()) {
      event.preventDefault();
    }
  });
}

/** The context of a canvas at the screen's resolution, to be drawn on in CSS pixels; null while it is not shown. */
export function sharpContext(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const context = canvas.getContext("2d");
  if (!context || canvas.clientWidth === 0) {
    return null;
  }
  const density = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * density));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width!;
    canvas.height = height!;
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  return context;
}

/** Selects the contents of a node, so that Ctrl+C copies them. */
export function selectContents(node: Node): void {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}

/** A function that shows a result in place of a button's label, and announces it in `status`, for `ms`. */
export function confirmation(
  label: HTMLElement,
  status: HTMLElement,
  scope: Scope,
  ms: number,
): (result: string) => void {
  const idle = label.textContent;
  let cancel = () => {};
  return (result) => {
    text(label, result);
    text(status, result);
    cancel();
    cancel = scope.timeout(() => {
      text(label, idle);
      text(status, "");
    }, ms);
  };
}
