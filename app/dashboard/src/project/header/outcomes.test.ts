import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf } from "./outcomes.ts";

test("the outcome of a task follows from its record", () => {
  const at = "2026-01-01T00:00:00Z";
  assert.equal(outcomeOf({ status: "running", started_at: at, error: null }), "stopping");
  assert.equal(outcomeOf({ status: "cancelled", started_at: at, error: null }), "interrupted");
  assert.equal(outcomeOf({ status: "cancelled", started_at: null, error: null }), "never_started");
  const error = { type: "did_not_stop", message: "" };
  assert.equal(outcomeOf({ status: "cancelled", started_at: at, error }), "did_not_stop");
  assert.equal(outcomeOf({ status: "completed", started_at: at, error: null }), "completed");
});
