// Google's SDK for JavaScript in a page of another origin than the server's: esbuild makes one file of it.

import { GoogleGenAI } from "@google/genai";
import { play } from "./google_genai_scenes.mjs";

/** Play the scenes for a task as drive_in_chromium.py hands it over; files lie above the page. */
globalThis.drive = (server) => {
  const httpOptions = { baseUrl: server.ws.replace("ws://", "http://") };
  const sdk = (apiKey, more) => new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { ...httpOptions, ...more } });
  return play({
    server,
    ai: sdk(server.key),
    withToken: (name) => sdk(name, { apiVersion: "v1alpha" }),
    read: async (name) => new Uint8Array(await (await fetch(`../${name}`)).arrayBuffer()),
  });
};
