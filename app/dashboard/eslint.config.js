import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default defineConfig(
  globalIgnores(["built", "built_docs", "src/api/schema.d.ts"]),
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      // `const { planner: _, ...sent } = fields` leaves a field out.
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      // A key that occurs twice is an error at run time, and lines of text do occur twice. Rows with state of their own have keys.
      "svelte/require-each-key": "off",
      // Sets and maps are replaced as a whole (`$state.raw`), or nothing shows them.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-useless-mustaches": ["error", { ignoreStringEscape: true }],
    },
  },
  // svelte-check and TypeScript find names that do not exist.
  { files: ["**/*.ts", "**/*.svelte"], rules: { "no-undef": "off" } },
);
