// Google's SDK for JavaScript in a page of another origin than the server's: esbuild makes one file of it.

import { GoogleGenAI } from "@google/genai";
import { play, withToken } from "./google_genai_scenes.mjs";

const addresses = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(url, ...more) {
    super(url, ...more);
    addresses.push(this.url);
  }
};

/** Play the scenes for a task as drive_in_chromium.py hands it over, or talk with its token; files lie above the page. */
globalThis.drive = async (server) => {
  const httpOptions = { baseUrl: server.ws.replace("ws://", "http://") };
  const sdk = (apiKey, more) => new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { ...httpOptions, ...more } });
  const place = {
    server,
    withToken: (name) => sdk(name, { apiVersion: "v1alpha" }),
    read: async (name) => new Uint8Array(await (await fetch(`../${name}`)).arrayBuffer()),
  };
  const { token } = server;
  const report = token ? await withToken(place, token) : await play({ ...place, ai: sdk(server.key) });
  return { ...report, addresses };
};
