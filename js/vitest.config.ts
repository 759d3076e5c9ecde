import { defineConfig } from "vitest/config";
import { strings } from "./build.mjs";

// Views' tests ask for a DOM themselves: `// @vitest-environment happy-dom` in their first line.
export default defineConfig({
  plugins: [strings.vite()],
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    testTimeout: 10_000,
  },
});
