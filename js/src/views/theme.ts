// What the page around the card prefers, and when that changes.

import type { Scope } from "../scope.ts";

const REDUCED = "(prefers-reduced-motion: reduce)";
const QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", REDUCED];

export function reducedMotion(): boolean {
  return typeof matchMedia === "function" && matchMedia(REDUCED).matches;
}

/** Calls `changed` after the system, JupyterLab or VS Code went from light to dark, or motion was switched off. */
export function whenThemeChanges(scope: Scope, changed: () => void): void {
  if (typeof matchMedia === "function") {
    for (const query of QUERIES) {
      scope.listen(matchMedia(query), "change", changed);
    }
  }
  // JupyterLab and VS Code mark the theme on the body, Colab on the root element; the style sheet may come a little later.
  const observer = new MutationObserver(() => {
    changed();
    scope.timeout(changed, 300);
  });
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, {
      attributeFilter: ["class", "theme", "data-jp-theme-light", "data-jp-theme-name"],
    });
  }
  scope.add(() => observer.disconnect());
}
