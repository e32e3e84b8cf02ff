import assert from "node:assert/strict";
import { test } from "node:test";
import { lackingAfterSkip } from "./lacking.ts";

const task = {
  outputs: { made: 1 },
  outputs_used_by: [
    { task_id: "task_1", key: "a", title: "A", outputs: ["made", "value"] },
    { task_id: "task_2", key: "b", title: "B", outputs: ["made"] },
  ],
};

test("a task lacks what is neither there nor given", () => {
  assert.deepEqual(lackingAfterSkip(task, []), [{ title: "A", outputs: ["value"] }]);
  assert.deepEqual(lackingAfterSkip(task, ["value"]), []);
});
