// Links from outside: plain http and https only, opened by a click and nothing else, in a page that cannot reach back.

import { attribute, el, text } from "./dom.ts";
import { cleanLine } from "./format.ts";

/** Longer addresses are none that a person can judge. */
const LONGEST = 4096;

/** The address as the browser reads it, or null if it is nothing to link to. The kernel has looked already; so does this. */
export function address(uri: string): URL | null {
  if (uri.length > LONGEST || !/^https?:\/\//i.test(uri)) {
    return null;
  }
  try {
    const url = new URL(uri);
    const plain = url.protocol === "https:" || url.protocol === "http:";
    // A name before an @ dresses one host up as another.
    return plain && url.hostname && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}

export interface Link {
  element: HTMLElement;
  update(uri: string, title: string): void;
}

/** A title that leads somewhere, and the host that it leads to. Without a safe address it is the title alone. */
export function link(): Link {
  const anchor = el("a", "lw-link", { target: "_blank", rel: "noopener noreferrer" });
  const host = el("span", "lw-host");
  const element = el("span", "lw-linked", {}, anchor, host);
  return {
    element,
    update(uri, title) {
      const url = address(uri);
      const shown = cleanLine(title) || url?.hostname || cleanLine(uri);
      attribute(anchor, "href", url === null ? null : url.href);
      text(anchor, shown);
      text(host, url === null || shown.includes(url.hostname) ? "" : ` ${url.hostname}`);
    },
  };
}
