// Builds the gallery into gallery/dist/: open index.html?state=talking&theme=dark&width=420 there.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";
import { strings } from "../build.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
// What the kernel would tell the explorer.
const catalogue = execFileSync(
  path.join(root, ".venv/bin/python"),
  ["-m", "livewidget", "models", "--service", "standin", "--json"],
  { cwd: root, encoding: "utf8", env: { ...process.env, PYTHONPATH: root } },
);
const outdir = path.join(here, "dist");
mkdirSync(outdir, { recursive: true });
await esbuild.build({
  absWorkingDir: here,
  entryPoints: { gallery: "gallery.ts", widget: "../src/widget.css" },
  outdir,
  bundle: true,
  charset: "utf8",
  format: "iife",
  target: "es2022",
  define: { CATALOGUE: catalogue },
  plugins: [strings.esbuild()],
});
writeFileSync(
  path.join(outdir, "index.html"),
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>livewidget: the card</title><link rel="stylesheet" href="widget.css"><body><script src="gallery.js"></script></body></html>',
);
