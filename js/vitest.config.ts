import { defineConfig } from "vitest/config";
import { worklets } from "./build.mjs";

// Views' tests ask for a DOM themselves: `// @vitest-environment happy-dom` in their first line.
export default defineConfig({
  plugins: [worklets.vite()],
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    testTimeout: 10_000,
  },
});
