// Builds the gallery into gallery/dist/: open index.html?state=talking&theme=dark&width=420 there.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
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
});
writeFileSync(
  path.join(outdir, "index.html"),
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>livewidget: the card</title><link rel="stylesheet" href="widget.css"><body><script src="gallery.js"></script></body></html>',
);
