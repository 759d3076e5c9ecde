// Drive a running `livewidget serve` with Google's SDK for JavaScript in Node.
//
//     node drive_google_genai.mjs FOLDER '{"wss": "wss://127.0.0.1:…", …}'
//
// FOLDER is where npm installed the SDK; NODE_EXTRA_CA_CERTS names the server's certificate.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { play } from "./google_genai_scenes.mjs";

const [folder, task] = process.argv.slice(2);
const server = JSON.parse(task);
const require = createRequire(join(folder, "package.json"));
const { GoogleGenAI } = require("@google/genai");
const { OAuth2Client } = require("google-auth-library");

const httpOptions = { baseUrl: server.wss.replace("wss://", "https://") };

function sdk(apiKey, more) {
  return new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { ...httpOptions, ...more } });
}

function vertex() {
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: server.key });
  const where = { project: "made-for-the-test", location: "us-central1" };
  return new GoogleGenAI({ vertexai: true, ...where, googleAuthOptions: { authClient }, httpOptions });
}

const report = await play({
  server,
  ai: server.vertex ? vertex() : sdk(server.key),
  withToken: (name) => sdk(name, { apiVersion: "v1alpha" }),
  read: (name) => new Uint8Array(readFileSync(join(server.folder, name))),
});
const { version } = JSON.parse(readFileSync(join(folder, "node_modules/@google/genai/package.json")));
console.log(JSON.stringify({ version, ...report }));
