import assert from "node:assert/strict";
import { test } from "node:test";
import { changedCondition, NONE, written } from "./conditionForm.ts";

const ASKED = { task: "which", is: ["On Debian, Ubuntu", "On macOS"] };

test("what was not changed is not sent", () => {
  assert.deepEqual(changedCondition(written(ASKED), written(ASKED)), {});
  assert.deepEqual(changedCondition(written(null), written(undefined)), {});
});

test("each line is a value, whatever it contains", () => {
  assert.deepEqual(changedCondition(written(null), written(ASKED)), { condition: ASKED });
  const edited = { about: "parameter:target", values: " staging \n\nproduction, too" };
  assert.deepEqual(changedCondition(written(ASKED), edited), {
    condition: { parameter: "target", is: ["staging", "production, too"] },
  });
});

test("a condition can be removed", () => {
  assert.deepEqual(changedCondition(written(ASKED), { about: NONE, values: "" }), { condition: null });
});
