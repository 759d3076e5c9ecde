import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { ControlMessage } from "../src/bridge.ts";
import type { KernelMessage, Settings } from "../src/messages.gen.ts";
import { SettingsController } from "../src/settings-controller.ts";
import { createStore } from "../src/state.ts";

const golden = JSON.parse(
  readFileSync(new URL("../../tests/fixtures/bridge.json", import.meta.url), "utf8"),
) as { kernel_to_page: KernelMessage[] };
const example = (kind: string) => golden.kernel_to_page.find((message) => message.kind === kind)!;

let sent: ControlMessage[];
let now: number;
let store: ReturnType<typeof createStore>;
let controller: SettingsController;

beforeEach(() => {
  sent = [];
  now = 0;
  store = createStore();
  const bridge = { client: "9f1c2a", send: (message: ControlMessage) => sent.push(message) + 14 };
  controller = new SettingsController(store, bridge, () => now);
});

const looks = () => sent.filter(({ kind }) => kind === "explorer").map(({ body }) => body);

describe("the explorer of a page", () => {
  it("says what it looks at, and nothing twice", () => {
    controller.onWelcome(false);
    expect(looks()).toEqual([]);
    controller.show(true);
    controller.show(true);
    controller.show(true, "wire");
    controller.show(true, "tuner");
    controller.show(false);
    expect(looks()).toEqual([
      { open: true, wire: false, tuner: false },
      { open: true, wire: true, tuner: false },
      { open: true, wire: false, tuner: true },
      { open: false, wire: false, tuner: false },
    ]);
  });

  it("is open from the beginning where Python says so, and only from the beginning", () => {
    controller.onWelcome(true);
    expect(store.get().explorer.open).toBe(true);
    expect(looks()).toHaveLength(1);
    controller.show(false);
    controller.onWelcome(true);
    expect(store.get().explorer.open).toBe(false);
  });

  it("says it again to a kernel that greets it anew", () => {
    controller.onWelcome(false);
    controller.show(true, "wire");
    controller.onWelcome(false);
    expect(looks()).toEqual(Array(2).fill({ open: true, wire: true, tuner: false }));
  });

  it("keeps what the kernel tells", () => {
    now = 700;
    for (const kind of ["catalogue", "settings", "meter"]) {
      controller.onMessage(example(kind));
    }
    const { catalogue, settings, meter, meterAt } = store.get().explorer;
    expect(catalogue).toEqual(example("catalogue").body);
    expect(settings).toEqual(example("settings").body);
    expect(meter).toEqual(example("meter").body);
    expect(meterAt).toBe(700);
    controller.onMessage(example("flush"));
    expect(store.get().explorer.settings).toBe(settings);
  });

  it("sends changes by name, and what becomes of them", () => {
    controller.configure({ voice: "Kore", seed: null });
    controller.apply();
    controller.revert();
    expect(sent.map(({ kind, body }) => [kind, body])).toEqual([
      [
        "configure",
        {
          changes: [
            { name: "voice", value: "Kore" },
            { name: "seed", value: null },
          ],
        },
      ],
      ["apply", {}],
      ["revert", {}],
    ]);
  });

  it("shows a change at once, and on top of what the kernel tells of the time before", () => {
    const told = example("settings").body as Settings;
    const pending = () => store.get().explorer.settings?.pending;
    const tell = (change: Record<string, unknown>, ack: number) => {
      const body = { ...told, pending: change, acks: { "9f1c2a": ack } };
      controller.onMessage({ lane: "control", kind: "settings", body });
    };
    controller.configure({ voice: "Kore" }); // Nothing is known yet: 15.
    expect(pending()).toBe(undefined);
    tell({}, 14);
    expect(pending()).toEqual({ voice: "Kore" });
    controller.configure({ seed: 7 }); // 16
    expect(pending()).toEqual({ voice: "Kore", seed: 7 });
    tell({ voice: "Puck" }, 15); // The kernel has its reasons.
    expect(pending()).toEqual({ voice: "Puck", seed: 7 });
    controller.revert(); // 17
    expect(pending()).toEqual({});
    tell({ voice: "Puck", seed: 7 }, 16);
    expect(pending()).toEqual({});
    tell({ voice: "Puck" }, 17); // Another page was there after it.
    expect(pending()).toEqual({ voice: "Puck" });
  });
});
