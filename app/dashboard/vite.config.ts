import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  // Files find each other by their own addresses, so they may lie below any path.
  base: "./",
  build: {
    outDir: "built",
    target: "es2022",
    // One stylesheet for all views: it is small, and a view never appears without its styles.
    cssCodeSplit: false,
    // Nothing is inlined: the page's security policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8400", "/schema": "http://127.0.0.1:8400" } },
});
