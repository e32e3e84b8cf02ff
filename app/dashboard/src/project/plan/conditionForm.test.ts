import assert from "node:assert/strict";
import { test } from "node:test";
import { changedCondition, written } from "./conditionForm.ts";

const ASKED = { task: "which", is: ["On Debian, Ubuntu", "On macOS"] };

test("what was not changed is not sent", () => {
  assert.deepEqual(changedCondition(written(ASKED), written(ASKED)), {});
  assert.deepEqual(changedCondition(written(null), written(undefined)), {});
});

test("each line is a value, whatever it contains", () => {
  assert.deepEqual(changedCondition(written(null), written(ASKED)), { condition: ASKED });
  const edited = { ...written(null), about: "parameter:target", values: " staging \n\nproduction, too" };
  assert.deepEqual(changedCondition(written(ASKED), edited), {
    condition: { parameter: "target", is: ["staging", "production, too"] },
  });
});

test("a condition on an output says which output, and whether it excludes the values", () => {
  const due = { task: "look", output: "due", is: ["yes"], is_not: [] };
  assert.deepEqual(changedCondition(written(due), written(due)), {});
  assert.deepEqual(changedCondition(written(null), written(due)), {
    condition: { task: "look", output: "due", is: ["yes"] },
  });
  assert.deepEqual(changedCondition(written(due), { ...written(due), excludes: true }), {
    condition: { task: "look", output: "due", is_not: ["yes"] },
  });
  assert.deepEqual(changedCondition(written(due), { ...written(due), output: "" }), {
    condition: { task: "look", is: ["yes"] },
  });
});

test("a condition can be removed", () => {
  assert.deepEqual(changedCondition(written(ASKED), written(null)), { condition: null });
});
