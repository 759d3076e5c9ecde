// Bundles src/ into ../livewidget/static/: one ES module and one style sheet, not minified, the same bytes wherever it is built;
// and beside them, as it is, the script of a page without a notebook.

import { copyFileSync, existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const scheme = "worklet:";
const target = "es2022";

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

/** `import source from "worklet:./worklets/capture.ts"` gives that file, bundled, as a string. */
export const worklets = {
  esbuild: () => ({
    name: "worklets",
    setup(build) {
      build.onResolve({ filter: /^worklet:/ }, ({ path: spec, resolveDir }) => ({
        // Relative, or the bundle would hold the folder of whoever built it.
        path: path.relative(here, path.resolve(resolveDir, spec.slice(scheme.length))),
        namespace: "worklet",
      }));
      build.onLoad({ filter: /.*/, namespace: "worklet" }, async ({ path: entry }) => ({
        contents: await bundled(entry),
        loader: "text",
      }));
    },
  }),
  vite: () => ({
    name: "worklets",
    enforce: "pre",
    resolveId: (spec, importer) =>
      spec.startsWith(scheme) && importer
        ? `\0${scheme}${path.resolve(path.dirname(importer), spec.slice(scheme.length))}`
        : null,
    load: async (id) =>
      id.startsWith(`\0${scheme}`)
        ? `export default ${JSON.stringify(await bundled(id.slice(scheme.length + 1)))}`
        : null,
  }),
};

async function main() {
  const entries = { widget: "src/index.ts" };
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: entries,
    outdir: "../livewidget/static",
    bundle: true,
    charset: "utf8",
    format: "esm",
    target,
    legalComments: "none",
    // Shorter statements, but names and lines stay: a change of the bundle can still be read.
    minifySyntax: true,
    plugins: [worklets.esbuild()],
  });
  copyFileSync(path.join(here, "src/page.js"), path.join(here, "../livewidget/static/page.js"));
  if (existsSync(path.join(here, "src/widget.css"))) {
    await esbuild.build({
      absWorkingDir: here,
      entryPoints: { widget: "src/widget.css" },
      outdir: "../livewidget/static",
      bundle: true,
      charset: "utf8",
      target,
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main();
}
