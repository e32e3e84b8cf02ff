import assert from "node:assert/strict";
import test from "node:test";
import { changed, clashes, held } from "./taskForm.ts";

const before = { ...held(), title: "Count", text: "wc -l", timeout: 60 };

test("only what was changed is sent", () => {
  assert.deepEqual(changed(before, { ...before }), []);
  assert.deepEqual(changed(before, { ...before, text: "wc", retries: 1 }), ["text", "retries"]);
});

test("two people clash in the fields that both changed, in different ways", () => {
  const mine = { ...before, title: "Mine", text: "same" };
  assert.deepEqual(clashes(before, mine, { ...before, text: "same", timeout: 5 }), []);
  assert.deepEqual(clashes(before, mine, { ...before, title: "Theirs" }), ["title"]);
});
