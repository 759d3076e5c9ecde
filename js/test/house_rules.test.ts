// Rules that the linter has no word for.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /\.ts$/.test(name));

interface Rule {
  why: string;
  pattern: RegExp;
  allowed: string[];
}

const rules: Rule[] = [
  {
    why: "text from outside goes to the page as text nodes, never as HTML",
    pattern:
      /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment)\b|document\s*\.\s*write/,
    allowed: [],
  },
  {
    why: "what must end is owned by a Scope",
    pattern:
      /(?<!\.)\b(setTimeout|setInterval|requestAnimationFrame)\s*\(|(?<!function\s)\baddEventListener\s*\(/,
    allowed: ["scope.ts"],
  },
  { why: "nothing from outside is run", pattern: /\beval\s*\(|new\s+Function\s*\(/, allowed: [] },
];

/** Where `source` breaks `rule`, as line numbers; comments do not count. */
function breaches(rule: Rule, source: string): number[] {
  return source
    .split("\n")
    .flatMap((line, index) =>
      rule.pattern.test(line.replace(/^\s*(\/\/|\/?\*).*$/, "")) ? [index + 1] : [],
    );
}

describe("house rules", () => {
  for (const rule of rules) {
    it(rule.why, () => {
      const found = files
        .filter((file) => !rule.allowed.includes(file))
        .flatMap((file) =>
          breaches(rule, readFileSync(`${root}/${file}`, "utf8")).map((line) => `${file}:${line}`),
        );
      expect(found).toEqual([]);
    });
  }

  it("see what they forbid", () => {
    const bad = [
      "el.innerHTML = x;",
      "document.write(x)",
      "setTimeout(f, 1);",
      "node.addEventListener('x', f);",
      "eval('1')",
    ];
    for (const line of bad) {
      expect(
        rules.some((rule) => breaches(rule, line).length > 0),
        line,
      ).toBe(true);
    }
    for (const line of [
      "scope.timeout(f, 1);",
      "scope.listen(node, 'x', f);",
      "// innerHTML is forbidden",
      "scope.frame(draw)",
    ]) {
      expect(
        rules.some((rule) => breaches(rule, line).length > 0),
        line,
      ).toBe(false);
    }
  });
});
