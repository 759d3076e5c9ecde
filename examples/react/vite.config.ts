import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  // The page works at any address: here examples/server.py has it at /react/.
  base: "./",
  plugins: [react()],
  // `livewidget` is a link to js/, and its React is to be this page's.
  resolve: { dedupe: ["react", "react-dom"] },
  server: { proxy: { "/token": server, "/live": { target: server, ws: true } } },
});
