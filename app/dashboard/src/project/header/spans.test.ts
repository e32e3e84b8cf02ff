import assert from "node:assert/strict";
import { test } from "node:test";
import { coarseSpan, runningSpan } from "./spans.ts";

test("running durations have whole seconds, and waiting times whole minutes", () => {
  assert.deepEqual([-5, 7_800, 187_000].map(runningSpan), ["0 s", "7 s", "3 min 07 s"]);
  assert.deepEqual([7_800, 187_000, 7_500_000].map(coarseSpan), ["7 s", "3 min", "2 h 05 min"]);
});
