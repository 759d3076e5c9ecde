// Notices over the waveform, and the live region that reads final turns to screen readers.

import type { Turn } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, BrowserPage, Notice } from "../state.ts";
import {
  attribute,
  button,
  confirmation,
  el,
  icon,
  patchKeyed,
  selectContents,
  show,
  text,
  type View,
} from "./dom.ts";
import { clean, cleanLine, firstSentence, languageTag, MAX_TEXT } from "./format.ts";
import { agentName, userName } from "./status.ts";
import { pendingApprovals } from "./tool.ts";

/** Turns kept for screen readers; chosen: older ones have been read out by then. */
const MAX_ANNOUNCED = 4;

export function announcer(): View {
  const element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" });
  let known: Set<number> | null = null;
  const asked = new Set<string>();
  const put = (line: HTMLElement) => {
    element.append(line);
    if (element.children.length > MAX_ANNOUNCED) {
      element.firstElementChild!.remove();
    }
  };
  return {
    element,
    update(state) {
      if (known === null) {
        known = new Set(state.turns.filter(isAnnounced).map((turn) => turn.index));
        return;
      }
      for (const use of pendingApprovals(state)) {
        if (!asked.has(use.id)) {
          asked.add(use.id);
          const args = cleanLine(use.args);
          // Cut, it must not sound like all of it.
          const more = args === cleanLine(use.args, MAX_TEXT) ? "" : " There is more to read in the card.";
          put(el("p", "", {}, clean(`May it run? ${cleanLine(use.name, 80)}(${args})${more}`)));
        }
      }
      for (const turn of state.turns) {
        if (known.has(turn.index) || !isAnnounced(turn)) {
          continue;
        }
        known.add(turn.index);
        const who = turn.speaker === "user" ? userName(turn) : agentName(turn, state);
        const line = el("p", "", {}, clean(`${who}: ${announcement(turn)}`));
        const language = languageTag(turn.language);
        if (language) {
          line.setAttribute("lang", language);
        }
        put(line);
      }
    },
  };
}

function isAnnounced(turn: Turn): boolean {
  return turn.final && (turn.spans.length > 0 || turn.interim !== "" || turn.waited);
}

function announcement(turn: Turn): string {
  if (turn.waited) {
    return "chose not to answer";
  }
  const words = turn.spans
    .map((span) => span.text)
    .join("")
    .trim();
  return turn.interrupted ? `${words} (interrupted)` : words;
}

/** Notices that are shown, the newest ones; chosen: more would cover the card. */
const MAX_NOTICES = 3;

interface NoticeItem {
  element: HTMLElement;
  update(notice: Notice): boolean;
}

export function noticeList(actions: Pick<Actions, "dismissNotice">, scope: Scope): View {
  const element = el("div", "lw-notes");
  const shown = new Map<string, NoticeItem>();
  return {
    element,
    update(state) {
      const wanted = state.notices.slice(-MAX_NOTICES);
      patchKeyed(element, shown, wanted, {
        key: ({ code }) => code,
        make: ({ code }) => noticeItem(() => actions.dismissNotice(code), scope),
        update: (item, notice) => item.update(notice),
      });
      show(element, wanted.length > 0);
    },
  };
}

function noticeItem(dismiss: () => void, scope: Scope): NoticeItem {
  const first = el("span", "lw-note-first");
  const rest = el("span");
  const close = button("lw-plain lw-note-close", "Dismiss", icon("close", 16));
  close.onclick = dismiss;
  let fold: DetailsFold | null = null;
  const element = el("div", "lw-note", {}, el("p", "lw-note-text", {}, first, rest), close);
  return {
    element,
    update({ level, text: words, details }) {
      attribute(element, "role", level === "error" ? "alert" : "status");
      attribute(
        element,
        "data-level",
        level === "error" ? "error" : level === "warning" ? "warning" : "info",
      );
      const [sentence, more] = firstSentence(clean(words, 2000));
      text(first, sentence);
      text(rest, more && ` ${more}`);
      if (details) {
        fold ??= detailsFold(scope);
        fold.update(details);
        // Moved, it would lose the focus.
        if (fold.element.parentNode === null) {
          element.append(fold.element);
        }
      } else {
        fold?.element.remove();
      }
      return true;
    },
  };
}

/** How long the copy button shows the result; chosen. */
const CONFIRMATION_MS = 2000;

interface DetailsFold {
  element: HTMLElement;
  update(details: string): void;
}

/** What stands behind a sentence, such as a traceback: closed until it is asked for, and to be copied. */
function detailsFold(scope: Scope): DetailsFold {
  const block = el("code", "lw-code-text");
  const box = el("pre", "lw-code", { tabindex: "0", role: "group", "aria-label": "Details" }, block);
  const copy = el("button", "lw-button lw-code-copy", { type: "button" }, "Copy");
  const status = el("span", "lw-unseen", { role: "status" });
  const element = el("details", "lw-note-details", {}, el("summary", "", {}, "Details"));
  element.append(el("div", "lw-code-block", {}, box, status, copy));
  const confirm = confirmation(copy, status, scope, CONFIRMATION_MS);
  // A traceback says at its end what went wrong.
  scope.listen(element, "toggle", () => {
    box.scrollTop = box.scrollHeight;
  });
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(block.textContent ?? "");
      confirm("Copied");
    } catch {
      // Missing in insecure pages, and denied in frames without permission.
      selectContents(box);
      confirm("Press Ctrl+C");
    }
  };
  return {
    element,
    update(details) {
      text(block, clean(details));
    },
  };
}

/** The conversation's own page, offered where this one gets no microphone, or what it gives waits for a running cell. */
export function browserOffer(actions: Pick<Actions, "onBrowserOpened">, scope: Scope): View {
  const why = el("span", "lw-offer-why");
  const how = el("span", "lw-offer-how");
  const link = el("a", "lw-offer-link", { target: "_blank", rel: "noopener noreferrer" }, "Open in browser");
  const element = el("div", "lw-offer", { role: "status" }, el("p", "lw-offer-words", {}, why, how), link);
  let page: BrowserPage | null = null;
  // The token is in the address only while the link is used: it opens one page.
  const arm = () => {
    attribute(link, "href", page && `${page.address}#${page.token}`);
  };
  const disarm = () => attribute(link, "href", page?.address ?? null);
  for (const type of ["pointerdown", "mousedown", "keydown"]) {
    scope.listen(link, type, arm, { capture: true });
  }
  for (const type of ["click", "auxclick"]) {
    scope.listen(link, type, () => {
      arm();
      // After the browser, or the program around it, has followed the link.
      scope.timeout(() => {
        disarm();
        actions.onBrowserOpened();
      }, 0);
    });
  }
  return {
    element,
    update(state) {
      const wanted = state.connected && !state.page && (state.barred || state.heldByCell);
      if (page !== state.browser) {
        page = state.browser;
        disarm();
      }
      text(why, state.barred ? "This page gets no microphone. " : "The cell keeps the microphone waiting. ");
      text(
        how,
        page?.port
          ? `Talk in your browser instead. If the kernel runs on another computer, connect its port first: ssh -L ${page.port}:127.0.0.1:${page.port} and that computer's name.`
          : "Talk in your browser instead; it is the same conversation.",
      );
      show(element, wanted && page !== null);
    },
  };
}
