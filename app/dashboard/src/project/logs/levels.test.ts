import assert from "node:assert/strict";
import { test } from "node:test";
import { isShown, levelOf } from "./levels.ts";

test("the words of a line give its level", () => {
  const levels = ["ERROR: no space", "Traceback (most recent call last):", "2 tests failed", "warning: unused", "ok"];
  assert.deepEqual(levels.map(levelOf), ["error", "error", "error", "warning", "info"]);
});

test("what did not happen is no error", () => {
  assert.equal(levelOf("12 passed, 0 failed, no warnings"), "info");
  assert.equal(levelOf("0 errors, but 3 warnings"), "warning");
  assert.equal(levelOf("terrors"), "info");
});

test("a level includes what is more serious", () => {
  assert.deepEqual(
    (["error", "warning", "info"] as const).map((level) => isShown(level, "warning")),
    [true, true, false],
  );
  assert.equal(isShown("warning", "error"), false);
  assert.equal(isShown("info", "info"), true);
});
