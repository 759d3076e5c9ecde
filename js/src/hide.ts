// The saved transcript is for readers without a kernel: where the live card is shown, it would be there twice.

import type { Scope } from "./scope.ts";

/** Hides the elements of `name`, a CSS class, until `scope` ends. A name that is no plain word is left alone. */
export function hideClass(name: string, scope: Scope, page: Document = document): void {
  if (!/^[\w-]+$/.test(name)) {
    return;
  }
  const style = page.createElement("style");
  style.textContent = `.${name} { display: none !important; }`;
  page.head.append(style);
  scope.add(() => style.remove());
}
