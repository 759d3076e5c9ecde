// Rules that the linter has no word for.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
  /(?<!\.d)\.ts$/.test(name),
);

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
    // What React begins in an effect, it ends.
    allowed: ["scope.ts", "react.ts"],
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

/** Which layer a file belongs to, and which other layers that one may import. `scope` may be imported by all. */
const LAYERS: Record<string, string[]> = {
  react: ["element"],
  element: ["index", "app", "link", "state", "views"],
  index: ["app", "link", "media", "state", "views", "audio"],
  app: ["controllers", "link", "media", "bridge", "state", "messages", "audio"],
  controllers: ["service-socket", "media", "bridge", "state", "messages", "audio"],
  "service-socket": ["link", "media", "bridge", "messages", "audio"],
  views: ["state", "messages", "audio"],
  media: ["state", "messages", "audio", "worklets"],
  link: ["bridge", "state", "messages", "audio"],
  bridge: ["messages", "audio"],
  state: ["messages", "audio"],
  messages: [],
  worklets: ["audio"],
  audio: [],
};

function layerOf(file: string): string {
  if (/^(audio|media|worklets|views)\//.test(file)) {
    return file.split("/")[0]!;
  }
  if (file.startsWith("explorer/")) {
    return "views";
  }
  if (file.endsWith("-controller.ts")) {
    return "controllers";
  }
  if (file === "service-reports.ts") {
    return "service-socket";
  }
  return file === "notices.ts" ? "state" : file.replace(/(\.gen)?\.ts$/, "");
}

/** The files of src/ that `file` imports, as paths in src/. */
function importsOf(file: string): string[] {
  const source = readFileSync(`${root}/${file}`, "utf8");
  return [...source.matchAll(/(?:from|import)[\s(]*"(?:worklet:)?(\.[^"]+)"/g)].map(([, target]) =>
    path.posix.join(path.posix.dirname(file), target!),
  );
}

/** The first cycle among the imports, or null. */
function cycle(graph: Map<string, string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): string[] | null => {
    if (trail.includes(file)) {
      return [...trail.slice(trail.indexOf(file)), file];
    }
    if (done.has(file)) {
      return null;
    }
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...trail, file]);
      if (found) {
        return found;
      }
    }
    done.add(file);
    return null;
  };
  return [...graph.keys()].reduce<string[] | null>((found, file) => found ?? visit(file, []), null);
}

describe("imports", () => {
  const graph = new Map(files.map((file) => [file, importsOf(file)]));

  it("have no cycle", () => {
    expect(cycle(graph)).toBeNull();
    expect(
      cycle(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
    ).toEqual(["b", "c", "b"]);
  });

  it("go down the layers", () => {
    const wrong = [...graph].flatMap(([file, targets]) =>
      targets
        .filter((target) => target !== "scope.ts" && layerOf(target) !== layerOf(file))
        .filter((target) => !LAYERS[layerOf(file)]?.includes(layerOf(target)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

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
