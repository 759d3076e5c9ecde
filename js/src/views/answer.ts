// What stands beside the words of an answer: thoughts, code that was run, and sources as links.

import type { Code, Page, Turn } from "../messages.gen.ts";
import { attribute, el, patchList, show, text } from "./dom.ts";
import { clean, cleanLine } from "./format.ts";

interface AnswerPart {
  element: HTMLElement;
  update(turn: Turn): void;
}

interface CodeBlock {
  element: HTMLElement;
  update(run: Code): void;
}

export function codeRuns(): AnswerPart {
  const element = el("div", "lw-runs");
  const blocks: CodeBlock[] = [];
  return {
    element,
    update(turn) {
      patchList(element, blocks, turn.code, codeBlock, (node, run) => node.update(run));
      show(element, turn.code.length > 0);
    },
  };
}

function codeBlock(): CodeBlock {
  const language = el("span", "lw-run-language");
  const outcome = el("span", "lw-run-outcome");
  // Focusable, so that long programs can be scrolled with the keyboard.
  const program = el("pre", "lw-program", { tabindex: "0", dir: "ltr", "aria-label": "Code" });
  const output = el("pre", "lw-output", { tabindex: "0", dir: "ltr", "aria-label": "Output" });
  const printed = el("div", "lw-printed", {}, el("span", "lw-run-language", {}, "output"), output);
  const head = el("div", "lw-run-head", {}, language, outcome);
  const element = el(
    "div",
    "lw-run",
    { role: "group", "aria-label": "Code that was run" },
    head,
    program,
    printed,
  );
  return {
    element,
    update(run) {
      attribute(element, "data-outcome", run.outcome ?? "running");
      text(language, cleanLine(run.language, 30) || "code");
      text(outcome, run.outcome === null ? "running…" : run.outcome === "failed" ? "failed" : "");
      text(program, clean(run.code).trimEnd());
      show(program, run.code.trim() !== "");
      text(output, clean(run.output).trimEnd());
      show(printed, run.output.trim() !== "");
    },
  };
}

/** Longer addresses are not linked; chosen: nobody can judge them. */
const MAX_ADDRESS = 4096;

/** The address as the browser parses it, or null where it must not be linked. The kernel checks that as well. */
export function safeUrl(uri: string): URL | null {
  if (uri.length > MAX_ADDRESS || !/^https?:\/\//i.test(uri)) {
    return null;
  }
  try {
    const url = new URL(uri);
    const plain = url.protocol === "https:" || url.protocol === "http:";
    // A name before an @ can make one host look like another.
    return plain && url.hostname && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}

interface Link {
  element: HTMLElement;
  update(uri: string, title: string): void;
}

/** A linked title and its host; without a safe address the title alone. */
export function link(): Link {
  const anchor = el("a", "lw-link", { target: "_blank", rel: "noopener noreferrer" });
  const host = el("span", "lw-host");
  const element = el("span", "lw-linked", {}, anchor, host);
  return {
    element,
    update(uri, title) {
      const url = safeUrl(uri);
      const shown = cleanLine(title) || url?.hostname || cleanLine(uri);
      attribute(anchor, "href", url === null ? null : url.href);
      text(anchor, shown);
      text(host, url === null || shown.includes(url.hostname) ? "" : ` ${url.hostname}`);
    },
  };
}

/** Sources that are visible; the others are folded. Chosen: two lines of a wide card. */
const SHOWN_SOURCES = 4;

export function sources(): AnswerPart {
  const searched = el("p", "lw-searched");
  const first = el("ol", "lw-sources", { "aria-label": "Sources" });
  const rest = el("ol", "lw-sources", { "aria-label": "More sources", start: String(SHOWN_SOURCES + 1) });
  const count = el("summary");
  const more = el("details", "lw-more-sources", {}, count, rest);
  const read = el("ul", "lw-pages", { "aria-label": "Pages" });
  const element = el("div", "lw-evidence", {}, searched, first, more, read);
  const shown: Link[] = [];
  const folded: Link[] = [];
  const pages: PageRow[] = [];
  return {
    element,
    update({ sources: all, queries, pages: asked }) {
      text(searched, queries.map((query) => cleanLine(query)).join(" · "));
      show(searched, queries.length > 0);
      const put = (item: Link, source: { title: string; uri: string }) =>
        item.update(source.uri, source.title);
      patchList(first, shown, all.slice(0, SHOWN_SOURCES), sourceItem, put);
      patchList(rest, folded, all.slice(SHOWN_SOURCES), sourceItem, put);
      show(first, all.length > 0);
      text(count, `${all.length - SHOWN_SOURCES} more`);
      show(more, all.length > SHOWN_SOURCES);
      patchList(read, pages, asked, pageRow, (node, page) => node.update(page));
      show(read, asked.length > 0);
      show(element, all.length + queries.length + asked.length > 0);
    },
  };
}

function sourceItem(): Link {
  const { element, update } = link();
  return { element: el("li", "", {}, element), update };
}

interface PageRow {
  element: HTMLElement;
  update(page: Page): void;
}

const PAGE_STATUS: Record<Page["status"], string> = {
  read: "read",
  failed: "could not be read",
  paywall: "behind a paywall",
  unsafe: "not safe",
};

function pageRow(): PageRow {
  const where = link();
  const status = el("span", "lw-page-status");
  const element = el("li", "", {}, where.element, status);
  return {
    element,
    update(page) {
      attribute(element, "data-status", page.status);
      // No link to a page that the service itself calls unsafe.
      where.update(page.status === "unsafe" ? "" : page.url, shortAddress(page.url));
      text(status, PAGE_STATUS[page.status] ?? PAGE_STATUS.failed);
    },
  };
}

/** The host and the path of an address. */
function shortAddress(uri: string): string {
  const url = safeUrl(uri);
  return url === null ? uri : cleanLine(url.host + (url.pathname === "/" ? "" : url.pathname), 80);
}

/** Characters of the thoughts that their summary shows; chosen: about one line. */
const SUMMARY_LENGTH = 120;

export function thoughts(): AnswerPart {
  const beginning = el("span", "lw-thoughts-beginning");
  const summary = el("summary", "", {}, el("span", "lw-thoughts-word", {}, "thoughts"), beginning);
  const all = el("div", "lw-thought", { dir: "auto" });
  const element = el("details", "lw-thoughts", {}, summary, all);
  return {
    element,
    update(turn) {
      const words = clean(turn.thoughts).trim();
      text(all, words);
      // Headings come as **bold**: the summary is plain text.
      text(beginning, cleanLine(words.slice(0, 4 * SUMMARY_LENGTH).replaceAll("**", ""), SUMMARY_LENGTH));
      show(element, words !== "");
    },
  };
}
