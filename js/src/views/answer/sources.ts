// What an answer rests on: what was searched for, the sources as numbered links, and the pages that were read.

import type { Page } from "../../state.ts";
import { attribute, el, show, text } from "../dom.ts";
import { cleanLine } from "../format.ts";
import { address, type Link, link } from "../link.ts";
import { type Part, patchList } from "./part.ts";

/** So many sources stand there at once; the others are folded. */
const FIRST = 4;

interface Item extends Link {
  element: HTMLElement;
}

export function sources(): Part {
  const searched = el("p", "lw-searched");
  const first = el("ol", "lw-sources", { "aria-label": "Sources" });
  const rest = el("ol", "lw-sources", { "aria-label": "More sources", start: String(FIRST + 1) });
  const count = el("summary");
  const more = el("details", "lw-more-sources", {}, count, rest);
  const read = el("ul", "lw-pages", { "aria-label": "Pages" });
  const element = el("div", "lw-evidence", {}, searched, first, more, read);
  const shown: Item[] = [];
  const folded: Item[] = [];
  const pages: Row[] = [];
  return {
    element,
    update({ sources: all, queries, pages: asked }) {
      text(searched, queries.map((query) => cleanLine(query)).join(" · "));
      show(searched, queries.length > 0);
      const put = (item: Item, source: { title: string; uri: string }) =>
        item.update(source.uri, source.title);
      patchList(first, shown, all.slice(0, FIRST), item, put);
      patchList(rest, folded, all.slice(FIRST), item, put);
      show(first, all.length > 0);
      text(count, `${all.length - FIRST} more`);
      show(more, all.length > FIRST);
      patchList(read, pages, asked, row, (node, page) => node.update(page));
      show(read, asked.length > 0);
      show(element, all.length + queries.length + asked.length > 0);
    },
  };
}

function item(): Item {
  const { element, update } = link();
  return { element: el("li", "", {}, element), update };
}

interface Row {
  element: HTMLElement;
  update(page: Page): void;
}

const STATUS: Record<Page["status"], string> = {
  read: "read",
  failed: "could not be read",
  paywall: "behind a paywall",
  unsafe: "not safe",
};

function row(): Row {
  const where = link();
  const status = el("span", "lw-page-status");
  const element = el("li", "", {}, where.element, status);
  return {
    element,
    update(page) {
      attribute(element, "data-status", page.status);
      // What the service itself warns of is nothing to click on.
      where.update(page.status === "unsafe" ? "" : page.url, short(page.url));
      text(status, STATUS[page.status] ?? STATUS.failed);
    },
  };
}

/** An address as people write it: the host and the path. */
function short(uri: string): string {
  const url = address(uri);
  return url === null ? uri : cleanLine(url.host + (url.pathname === "/" ? "" : url.pathname), 80);
}
