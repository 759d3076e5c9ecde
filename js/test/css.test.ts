// Text must be readable in both themes: a ratio of at least 4.5 to what it stands on (WCAG 1.4.3), signs at least 3.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../src/css/", import.meta.url));
const sheets = readdirSync(folder);
const css = sheets.map((name) => readFileSync(folder + name, "utf8")).join("\n");

type Colour = [red: number, green: number, blue: number];

function hex(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function mix(share: number, over: Colour, under: Colour): Colour {
  return over.map((value, index) => share * value + (1 - share) * under[index]!) as Colour;
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(a: Colour, b: Colour): number {
  const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright! + 0.05) / (dark! + 0.05);
}

/** The value for `theme` of a property written as `--name: light-dark(#…, #…)`. */
function own(name: string, theme: "light" | "dark"): Colour {
  const match = new RegExp(`--lw-${name}: light-dark\\((#\\w{6}), (#\\w{6})\\);`).exec(css);
  return hex(match![theme === "light" ? 1 : 2]!);
}

/** How many hundredths of ink the style sheet mixes into `--lw-name`. */
function share(name: string): number {
  return (
    Number(new RegExp(`--lw-${name}: color-mix\\(in srgb, var\\(--lw-ink\\) (\\d+)%`).exec(css)![1]) / 100
  );
}

// Paper and ink of JupyterLab's themes; the ink is 87 % black or white.
const THEMES = {
  light: { paper: hex("#ffffff"), ink: mix(0.87, [0, 0, 0], hex("#ffffff")) },
  dark: { paper: hex("#212121"), ink: mix(0.87, [255, 255, 255], hex("#212121")) },
} as const;

describe.each(["light", "dark"] as const)("in the %s theme", (theme) => {
  const { paper, ink } = THEMES[theme];
  const grounds: Record<string, Colour> = {
    paper,
    field: mix(share("field"), ink, paper),
    touch: mix(share("touch"), ink, paper),
  };

  it.each(["soft", "you", "model", "error", "warning"])("%s is readable on every ground", (name) => {
    const colour = name === "soft" ? mix(share("soft"), ink, paper) : own(name, theme);
    for (const [ground, behind] of Object.entries(grounds)) {
      if (ground !== "touch" || name === "soft") {
        expect(contrast(colour, behind), `${name} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it("signs stand out", () => {
    expect(contrast(own("live", theme), paper)).toBeGreaterThanOrEqual(3);
    expect(contrast([255, 255, 255], own("live", theme))).toBeGreaterThanOrEqual(3);
    expect(contrast(mix(share("edge"), ink, paper), paper)).toBeGreaterThanOrEqual(3);
  });

  it("the mock's palest ink would have failed", () => {
    expect(contrast(mix(0.38, theme === "light" ? [0, 0, 0] : [255, 255, 255], paper), paper)).toBeLessThan(
      4.5,
    );
  });
});

describe("the style sheet", () => {
  it("reaches nothing outside the card", () => {
    const selectors = css
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/@keyframes [^{]+\{(?:[^{}]*\{[^}]*\})*\s*\}/g, "")
      .matchAll(/([^{};]+)\{/g);
    const rules = [...selectors]
      .map((match) => match[1]!.trim())
      .filter((selector) => !selector.startsWith("@"));
    expect(rules.length).toBeGreaterThan(80);
    for (const rule of rules) {
      for (const selector of rule.split(/,\s*(?![^(]*\))/)) {
        // The class is the body's, of a page that has nothing but the card.
        expect(selector).toMatch(/\.livewidget(\s|$|:)|^\.livewidget-page(:has\(\.livewidget\))?$/);
      }
    }
  });

  it("is all in the bundle", () => {
    const bundle = readFileSync(`${folder}../widget.css`, "utf8");
    const imported = [...bundle.matchAll(/@import "\.\/css\/([^"]+)"/g)].map((match) => match[1]);
    expect(imported.sort()).toEqual(sheets.sort());
  });

  it("names its animations with its prefix", () => {
    for (const [, name] of css.matchAll(/@keyframes (\S+)/g)) {
      expect(name).toMatch(/^lw-/);
    }
  });
});
