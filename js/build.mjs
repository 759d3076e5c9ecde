// Bundles src/: into ../livewidget/static/ what notebooks and pages of livewidget load, one ES module and one style sheet, and
// beside them, as it is, the script of a page without a notebook; with "package" into dist/ what npm users import, with its types.
// All of it is minified, the same bytes wherever it is built.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const scheme = /^(worklet|style):/;
const target = "es2022";
/** What stands first in a minified file: whose it is. */
const licence = "/* livewidget, BSD-3-Clause */";

async function bundled(entry) {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    charset: "utf8",
    format: "esm",
    // A string in the bundle is not read by anyone: it may as well be short.
    minify: true,
    target,
    write: false,
  });
  return outputFiles[0].text;
}

/** `import source from "worklet:./worklets/capture.ts"` gives that file, bundled, as a string; so does "style:./element.css". */
export const strings = {
  esbuild: () => ({
    name: "strings",
    setup(build) {
      build.onResolve({ filter: scheme }, ({ path: spec, resolveDir }) => ({
        // Relative, or the bundle would hold the folder of whoever built it.
        path: path.relative(here, path.resolve(resolveDir, spec.replace(scheme, ""))),
        namespace: "string",
      }));
      build.onLoad({ filter: /.*/, namespace: "string" }, async ({ path: entry }) => ({
        contents: await bundled(entry),
        loader: "text",
      }));
    },
  }),
  vite: () => ({
    name: "strings",
    enforce: "pre",
    resolveId: (spec, importer) =>
      // Without its extension: Vite would take a style sheet for one of the page's.
      scheme.test(spec) && importer
        ? `\0string:${path.resolve(path.dirname(importer), spec.replace(scheme, ""))}.string`
        : null,
    load: async (id) =>
      id.startsWith("\0string:")
        ? `export default ${JSON.stringify(await bundled(id.slice("\0string:".length, -".string".length)))}`
        : null,
  }),
};

/** How every file is made that a browser loads. */
const options = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  format: "esm",
  target,
  legalComments: "none",
  // To be read in a browser, and not to be committed.
  ...(process.env.LIVEWIDGET_READABLE ? { sourcemap: "inline" } : { minify: true }),
  banner: { js: licence, css: licence },
  plugins: [strings.esbuild()],
};

async function widget() {
  const outdir = path.join(here, "../livewidget/static");
  await esbuild.build({ ...options, entryPoints: { widget: "src/index.ts" }, outdir });
  await esbuild.build({ ...options, entryPoints: { widget: "src/widget.css" }, outdir });
  copyFileSync(path.join(here, "src/page.js"), path.join(outdir, "page.js"));
}

/** `livewidget` and `livewidget/react`: the second imports the first, so that there is one custom element. */
async function npmPackage() {
  const outdir = path.join(here, "dist");
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir);
  const element = {
    name: "element",
    setup: (build) =>
      build.onResolve({ filter: /\/element\.ts$/ }, ({ kind }) =>
        kind === "entry-point" ? null : { path: "./index.js", external: true },
      ),
  };
  await esbuild.build({ ...options, entryPoints: { index: "src/element.ts" }, outdir });
  await esbuild.build({
    ...options,
    entryPoints: { react: "src/react.ts" },
    outdir,
    external: ["react"],
    plugins: [element],
    // Next.js renders it on its server, and the element is the browser's.
    banner: { js: `"use client";${licence}` },
  });
  const types = mkdtempSync(path.join(here, "node_modules/.types-"));
  try {
    const compiler = path.join(here, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [compiler, "-p", "tsconfig.package.json", "--outDir", types], {
      cwd: here,
    });
    for (const [from, to] of [
      ["element", "index"],
      ["react", "react"],
    ]) {
      const text = readFileSync(path.join(types, `${from}.d.ts`), "utf8").replaceAll(
        /"\.\/element\.(ts|js)"/g,
        '"./index.js"',
      );
      writeFileSync(path.join(outdir, `${to}.d.ts`), text);
    }
  } finally {
    rmSync(types, { recursive: true, force: true });
  }
  copyFileSync(path.join(here, "../LICENSE"), path.join(outdir, "LICENSE"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await (process.argv[2] === "package" ? npmPackage() : widget());
}
