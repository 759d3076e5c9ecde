// People's own agents: what they run over there, who speaks, whose the settings are, and how they end.

import { turn, use as tool } from "../test/views/fakes.ts";
import type { State } from "../src/state.ts";
import { exploring } from "./exploring.ts";

const TRACEBACK = `Traceback (most recent call last):
  File "livewidget/integrations/agent.py", line 412, in _run
    await run.run()
  File "livewidget/integrations/adk.py", line 208, in run
    async for event in self._events:
  File "google/adk/runners.py", line 1180, in run_live
    async for event in agen:
  File "google/adk/flows/llm_flows/base_llm_flow.py", line 391, in run_live
    raise ValueError("The model gemini-2.5-flash does not support the bidiGenerateContent method, which a live agent needs.")
ValueError: The model gemini-2.5-flash does not support the bidiGenerateContent method, which a live agent needs.
`;

const house = [
  turn(1, "user", "Turn on the light, and the fan."),
  turn(2, "model", "The light and the fan are on.", {
    latency_ms: 420,
    tools: [
      tool({ remote: true, agent: "lamp", result: '"the light is on"' }),
      tool({ id: "fc_2", name: "set_fan", result: '"the fan is on"', duration_ms: 4 }),
    ],
  }),
  turn(3, "user", "Now cook something."),
  turn(4, "model", "I am the kitchen. What would you like?", { agent: "kitchen_helper", latency_ms: 610 }),
  turn(5, "user", "Pasta, and open the door for the guests."),
  turn(6, "model", "", {
    agent: "kitchen_helper",
    final: false,
    tools: [
      tool({
        id: "fc_3",
        name: "set_oven",
        args: "degrees=220, seconds=540, dish='pasta with a sauce of tomatoes, garlic and basil'",
        remote: true,
        agent: "kitchen_helper",
        state: "failed",
        result: null,
        error: "RuntimeError: the oven does not answer",
      }),
      tool({ id: "fc_5", name: "find_recipe", args: "dish='pasta'", remote: true, agent: "kitchen_helper", state: "running", result: null }),
      tool({
        id: "fc_4",
        name: "open_door",
        args: "which='front'",
        state: "asking",
        result: null,
        arguments: [{ name: "which", value: "'front'" }],
      }),
    ],
  }),
];

export function agentStates(live: State): Record<string, State> {
  const agent: State = {
    ...live,
    name: "ADK agent lamp",
    speaker: "lamp",
    badge: "ADK agent lamp · in this kernel",
    model: "lamp",
    suggestions: [],
    pushToTalk: false,
  };
  const explorer = exploring({ model: "lamp", values: {}, live: [], code: CODE });
  const catalogue = explorer.catalogue!;
  const taken = catalogue.features.filter(({ name }) =>
    ["turn_detection.silence_ms", "turn_detection.interrupts", "hold_while_calling"].includes(name),
  );
  const own = {
    ...explorer,
    catalogue: {
      ...catalogue,
      features: taken.map((feature) => ({ ...feature, ignored: [], refused: [] })),
      models: [{ id: "lamp", status: "stable", facts: ["Answers in sound.", "Calls functions of this notebook.", "Takes pictures."] }],
      elsewhere: "Voice, instructions and thinking are settings of the ADK agent lamp: change them in its code.",
    },
  };
  const nothing = { ...own, catalogue: { ...own.catalogue, features: [] } };
  const ended: State = {
    ...agent,
    phase: "ended",
    ending: "stopped",
    turns: house.slice(0, 2),
    notices: [
      {
        level: "error",
        code: "agent-failed",
        text: "The ADK agent lamp stopped: ValueError: The model gemini-2.5-flash does not support the bidiGenerateContent method.",
        details: TRACEBACK,
      },
    ],
  };
  const phone: State = {
    ...live,
    owner: false,
    ownedElsewhere: true,
    calledBy: "call-1",
    callsAt: performance.now(),
    calls: [{ id: "call-1", caller: "+49 … 12 34", elapsed_ms: 73_000, muted: false }],
    microphone: { ...live.microphone, state: "off" },
    turns: [
      turn(1, "user", "What are your opening hours?", { agent: "caller" }),
      turn(2, "model", "We are open from nine to five, Monday to Friday.", { latency_ms: 540 }),
    ],
  };
  return {
    agent: { ...agent, floor: "tool", turns: house },
    "agent-begins": { ...agent, phase: "idle", turns: [], microphone: { ...live.microphone, state: "off" } },
    "agent-ended": ended,
    "agent-ended-open": ended,
    "agent-deaf": { ...agent, reads: false, turns: house.slice(0, 2) },
    "agent-explorer": { ...agent, turns: house.slice(0, 2), explorer: own },
    called: { ...phone, floor: "model" },
    "called-several": {
      ...phone,
      turns: [
        ...phone.turns.slice(0, 2),
        turn(3, "user", "Open the door, please.", { agent: "caller" }),
        turn(4, "model", "", {
          final: false,
          tools: [tool({ name: "open_door", args: "which='front'", state: "asking", result: null, arguments: [{ name: "which", value: "'front'" }] })],
        }),
      ],
      floor: "tool",
      calls: [
        ...phone.calls,
        { id: "call-2", caller: "+1 … 55 01", elapsed_ms: 8_000, muted: true },
        { id: "call-3", caller: "unknown number", elapsed_ms: 3_700_000, muted: false },
      ],
    },
    "agent-explorer-nothing": { ...agent, turns: house.slice(0, 2), explorer: nothing },
  };
}

const CODE = `from livewidget import LiveWidget
from livewidget.integrations.adk import AdkAgent

live = LiveWidget(AdkAgent(agent))
live
`;
