// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { link, safeUrl } from "../../src/views/answer.ts";

describe("an address", () => {
  it.each(["https://a.example/x?y#z", "http://a.example:8080", "HTTPS://A.EXAMPLE/"])("may be %s", (uri) => {
    expect(safeUrl(uri)?.hostname).toBe("a.example");
  });

  it.each([
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>1</script>",
    "blob:https://a.example/1",
    "file:///etc/passwd",
    "vbscript:x",
    "//a.example",
    "/a",
    "https:a.example",
    "https://",
    "https://good.example@evil.example/",
    "https://user:pass@evil.example/",
    "",
    `https://a.example/${"x".repeat(5000)}`,
  ])("is never %s", (uri) => {
    expect(safeUrl(uri)).toBeNull();
  });
});

describe("a link", () => {
  it("opens elsewhere, cannot reach back, and says where it leads", () => {
    const { element, update } = link();
    update("https://tides.example.org/week", "Tide tables");
    const anchor = element.querySelector("a")!;
    expect(anchor.getAttribute("href")).toBe("https://tides.example.org/week");
    expect(anchor.target).toBe("_blank");
    expect(anchor.rel).toBe("noopener noreferrer");
    expect(element.textContent).toBe("Tide tables tides.example.org");
  });

  it("names the host that the browser will go to, not the one that the title or a trick names", () => {
    const { element, update } = link();
    update("https://evil.example\\@bank.example/", "bank.example");
    expect(element.textContent).toBe("bank.example evil.example");
  });

  it("says a host once, and has one where there is no title", () => {
    const { element, update } = link();
    update("https://tides.example.org/", "tides.example.org");
    expect(element.textContent).toBe("tides.example.org");
    update("https://tides.example.org/", " ");
    expect(element.textContent).toBe("tides.example.org");
  });

  it("without a safe address is the title alone, also where it had one before", () => {
    const { element, update } = link();
    update("https://a.example/", "Tides");
    update("javascript:alert(1)", "<b>Tides</b>");
    expect(element.querySelector("a")!.hasAttribute("href")).toBe(false);
    expect(element.textContent).toBe("<b>Tides</b>");
    expect(element.querySelectorAll("b")).toHaveLength(0);
  });
});
