// Without a document, as where a page is rendered before a browser has it.

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";

it("can be imported and rendered on a server, and its HTML has no token", async () => {
  expect(globalThis.document).toBeUndefined();
  const { LiveCardElement } = await import("../src/element.ts");
  const { LiveCard } = await import("../src/react.ts");
  expect(LiveCardElement.observedAttributes).toContain("url");
  const html = renderToString(
    createElement(LiveCard, { url: "/live/", token: "secret", className: "talk", fill: true }),
  );
  expect(html).toBe('<live-card class="talk" fill=""></live-card>');
});
