// Code that the service ran for an answer, and what it printed: text in both, whatever it looks like.

import type { CodeRun } from "../../state.ts";
import { attribute, el, show, text } from "../dom.ts";
import { clean, cleanLine } from "../format.ts";
import { type Part, patchList } from "./part.ts";

interface Block {
  element: HTMLElement;
  update(run: CodeRun): void;
}

export function code(): Part {
  const element = el("div", "lw-runs");
  const blocks: Block[] = [];
  return {
    element,
    update(turn) {
      patchList(element, blocks, turn.code, block, (node, run) => node.update(run));
      show(element, turn.code.length > 0);
    },
  };
}

function block(): Block {
  const language = el("span", "lw-run-language");
  const outcome = el("span", "lw-run-outcome");
  // Long lines and long programs scroll in here, by keys as well.
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
