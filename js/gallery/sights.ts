// What is shown to the model, in every state of it.

import { initialState, type VideoState, type State } from "../src/state.ts";

const drawing = (body: string) =>
  `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="768" height="432" viewBox="0 0 768 432">${body}</svg>`)}`;

const DESK = drawing(
  `<rect width="768" height="432" fill="#b9c4c9"/><rect y="290" width="768" height="142" fill="#8a6f56"/>
  <rect x="90" y="70" width="150" height="190" fill="#dfe7ea"/><circle cx="470" cy="180" r="78" fill="#d8a98a"/>
  <rect x="360" y="250" width="220" height="182" rx="70" fill="#2f5d8a"/><rect x="640" y="236" width="52" height="60" rx="8" fill="#c0392b"/>`,
);
const PLOT = drawing(
  `<rect width="768" height="432" fill="#fff"/><path d="M60 30V380H730" fill="none" stroke="#333" stroke-width="3"/>
  <path d="M60 340L180 300L300 310L420 190L540 215L660 90L730 110" fill="none" stroke="#1f77b4" stroke-width="5"/>
  <path d="M60 360L180 345L300 250L420 280L540 160L660 190L730 150" fill="none" stroke="#ff7f0e" stroke-width="5"/>`,
);

const video = (change: Partial<VideoState>): VideoState => ({ ...initialState().video, ...change });
const camera: VideoState["preview"] = { source: "camera", url: DESK, width: 768, height: 432, bytes: 41_200, tokens: 258 };
const plot: VideoState["preview"] = { source: "python", url: PLOT, width: 768, height: 432, bytes: 23_850, tokens: 258 };

/** Every state, over a live talk. */
export function sights(live: State): Record<string, State> {
  const on = { source: "camera", state: "on" } as const;
  return {
    camera: { ...live, video: video({ ...on, preview: camera, sent: 12, progress: "sent" }) },
    "camera-asking": { ...live, video: video({ source: "camera", state: "asking" }) },
    "camera-unchanged": { ...live, video: video({ ...on, preview: camera, sent: 3, progress: "unchanged" }) },
    "camera-hidden": { ...live, video: video({ source: "camera", state: "hidden", preview: camera }) },
    screen: { ...live, video: video({ source: "screen", state: "on", preview: { ...camera, source: "screen", url: PLOT }, sent: 1, progress: "sent" }) },
    shown: { ...live, video: video({ preview: plot, progress: "sent", sent: 1 }) },
    large: { ...live, video: video({ preview: plot, progress: "sent", sent: 1 }) },
    "camera-gone": {
      ...live,
      notices: [
        {
          level: "error",
          code: "camera-ended",
          text: "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again.",
        },
      ],
    },
    blind: { ...live, sees: false },
  };
}
