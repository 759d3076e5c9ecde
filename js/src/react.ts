// LiveCard: <live-card> for React 18 and newer. What an npm user imports as "livewidget/react".
//
// React makes the element; url, token and the listeners are put onto it in effects. The conversation belongs to the element, not
// to the effects, so that StrictMode, which runs effects twice, begins one conversation and uses one token.

import {
  type CSSProperties,
  createElement,
  type ForwardRefExoticComponent,
  forwardRef,
  type RefAttributes,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from "react";
import type {
  LiveCardElement,
  LiveCardError,
  LiveCardEventMap,
  LiveCardState,
  LiveCardToken,
  LiveCardTurn,
} from "./element.ts";
import "./element.ts";

export type {
  LiveCardElement,
  LiveCardError,
  LiveCardState,
  LiveCardToken,
  LiveCardTool,
  LiveCardTurn,
} from "./element.ts";

export interface LiveCardProps {
  /** The address of a `livewidget.web` application; it may be relative to the page. */
  url: string;
  /** A token for one use, or a function that gets one; for a server that asks for tokens. */
  token?: LiveCardToken | undefined;
  /** The card takes the height of the element, which a style gives it. */
  fill?: boolean | undefined;
  className?: string | undefined;
  style?: CSSProperties | undefined;
  id?: string | undefined;
  /** A turn has begun, goes on or is complete. */
  onTurn?: ((turn: LiveCardTurn) => void) | undefined;
  onState?: ((state: LiveCardState) => void) | undefined;
  /** The card shows the person that something does not work. */
  onError?: ((error: LiveCardError) => void) | undefined;
}

/** Calls the newest `handle` with the detail of each event. */
function useListener<K extends keyof LiveCardEventMap>(
  element: RefObject<LiveCardElement | null>,
  type: K,
  handle: ((detail: LiveCardEventMap[K]["detail"]) => void) | undefined,
): void {
  const newest = useRef(handle);
  useIsomorphicLayoutEffect(() => {
    newest.current = handle;
  });
  useIsomorphicLayoutEffect(() => {
    const node = element.current;
    const listener = (event: Event) => newest.current?.((event as LiveCardEventMap[K]).detail);
    node?.addEventListener(type as string, listener);
    return () => node?.removeEventListener(type as string, listener);
  }, [element, type]);
}

// On a server React warns of layout effects, which do not run there.
const useIsomorphicLayoutEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** A conversation with a live model. Its ref is the `<live-card>` element: `start()`, `stop()`, `say(text)`, `interrupt()`. */
export const LiveCard: ForwardRefExoticComponent<LiveCardProps & RefAttributes<LiveCardElement>> = forwardRef<
  LiveCardElement,
  LiveCardProps
>(function LiveCard({ url, token, fill, className, style, id, onTurn, onState, onError }, forwarded) {
  const element = useRef<LiveCardElement>(null);
  useImperativeHandle(forwarded, () => element.current as LiveCardElement, []);
  useListener(element, "turn", onTurn);
  useListener(element, "state", onState);
  useListener(element, "error", onError);
  useIsomorphicLayoutEffect(() => {
    // As properties: a token stands in no HTML.
    element.current!.token = token ?? "";
    element.current!.url = url;
  }, [url, token]);
  // React 18 knows no `className` of custom elements.
  return createElement("live-card", {
    ref: element,
    class: className,
    style,
    id,
    fill: fill ? "" : undefined,
  });
});
