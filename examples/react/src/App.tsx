import { LiveCard, type LiveCardElement, type LiveCardState, type LiveCardTurn } from "livewidget/react";
import { type ReactElement, useRef, useState } from "react";
import { Room } from "./Room";

/** A token for one card, from the server, which says who may talk. */
async function fetchToken(): Promise<string> {
  const answer = await fetch("/token", { method: "POST" });
  if (!answer.ok) {
    throw new Error(`No token: ${answer.status}`);
  }
  const { token } = (await answer.json()) as { token: string };
  return token;
}

const PHASES: Record<LiveCardState["phase"], string> = {
  idle: "Ready",
  connecting: "Connecting",
  live: "Listening",
  ended: "Ready",
};

export function App(): ReactElement {
  const card = useRef<LiveCardElement>(null);
  const [lit, setLit] = useState(false);
  const [state, setState] = useState<LiveCardState | null>(null);

  const onTurn = (turn: LiveCardTurn) => {
    for (const { name, state, result } of turn.tools) {
      if (name === "set_light" && state === "done" && result !== null) {
        setLit(JSON.parse(result) === "the light is on");
      }
    }
  };

  return (
    <main className="page" data-lit={lit}>
      <section className="room">
        <header>
          <h1>Living room</h1>
          <p className="status" data-on={state?.phase === "live"}>
            {state?.connected ? PHASES[state.phase] : "Not connected"}
          </p>
        </header>
        <Room lit={lit} />
        <div className="controls">
          <button type="button" onClick={() => card.current?.say(lit ? "Turn off the light" : "Turn on the light")}>
            {lit ? "Light off" : "Light on"}
          </button>
          <button type="button" onClick={() => card.current?.say("Tell me a story")}>
            Tell me a story
          </button>
        </div>
      </section>
      <LiveCard ref={card} url="/live/" token={fetchToken} fill className="card" onTurn={onTurn} onState={setState} />
    </main>
  );
}
