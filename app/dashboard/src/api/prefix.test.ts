import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { at, inside, prefix } from "./prefix.ts";

test("at the root, addresses stay as they are", () => {
  assert.equal(prefix, "");
  for (const path of ["/", "/projects/x?task=1", "/api/projects"]) {
    assert.equal(at(path), path);
    assert.equal(inside(path), path);
  }
});

test("no link leads out of the path below which a proxy shows the page", () => {
  const files = globSync("src/**/*.svelte");
  assert.ok(files.length > 50);
  const wrong = files.filter((file) =>
    /(?<![\w-])(?:href|src|action)=(?:"|\{["'`])\//.test(readFileSync(file, "utf8")),
  );
  assert.deepEqual(wrong, [], 'write href="{prefix}/…", with the prefix of api/prefix');
});

test("no request does either", () => {
  const files = globSync("src/**/*.{svelte,ts}");
  const wrong = files.filter((file) => /(?:fetch|\.open)\([^)]*["'`]\/(?:api|schema)/.test(readFileSync(file, "utf8")));
  assert.deepEqual(
    wrong.filter((file) => !/at\(["'`]\//.test(readFileSync(file, "utf8"))),
    [],
  );
});
