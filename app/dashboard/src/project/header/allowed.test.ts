import assert from "node:assert/strict";
import { test } from "node:test";
import { allowed, mayChange } from "./allowed.ts";

type Facts = Parameters<typeof allowed>[0];
const plan = { version: 1, digest: "", planner: "outline", summary: "" };
const ready = { ...plan, status: "ready" } as const;
const approved = { ...plan, status: "approved" } as const;
const names = (facts: Facts) => [...allowed(facts)].sort();

test("the actions follow the contract's table", () => {
  assert.deepEqual(names({ status: "pending", stage: "draft", plan: null }), ["cancel"]);
  assert.deepEqual(names({ status: "pending", stage: "planning", plan: null }), ["cancel"]);
  assert.deepEqual(names({ status: "pending", stage: "awaiting_approval", plan: ready }), ["cancel", "regenerate"]);
  assert.deepEqual(names({ status: "running", stage: "executing", plan: approved }), ["cancel", "pause"]);
  assert.deepEqual(names({ status: "running", stage: "paused", plan: approved }), ["cancel", "resume"]);
  assert.deepEqual(names({ status: "running", stage: "cancelling", plan: approved }), []);
  assert.deepEqual(names({ status: "completed", stage: "finished", plan: approved }), ["again", "regenerate"]);
  assert.deepEqual(names({ status: "failed", stage: "finished", plan: approved }), ["regenerate", "retry"]);
  // Cancelled before approval: there is no run to retry.
  assert.deepEqual(names({ status: "cancelled", stage: "finished", plan: ready }), ["regenerate"]);
  assert.deepEqual(names({ status: "cancelled", stage: "finished", plan: null }), []);
});

test("the settings of a running project can change its budget, but not its plan", () => {
  const running: Facts = { status: "running", stage: "executing", plan: approved };
  assert.deepEqual(
    ["description", "max_tokens", "strategy", "auto_approve_plan"].map((field) => mayChange(field, running)),
    [true, true, false, false],
  );
  const planning: Facts = { status: "pending", stage: "planning", plan: ready };
  assert.equal(mayChange("strategy", planning), false);
  assert.equal(mayChange("auto_approve_plan", planning), true);
});

test("only what the reader may do is offered", () => {
  const waiting = { status: "pending", stage: "awaiting_approval", plan: ready } as const;
  assert.deepEqual(names({ ...waiting, may: ["read"] }), []);
  assert.deepEqual(names({ ...waiting, may: ["read", "author"] }), ["regenerate"]);
  assert.deepEqual(names({ ...waiting, may: ["read", "operate"] }), ["cancel"]);
  assert.deepEqual(names({ ...waiting, may: null }), ["cancel", "regenerate"]);
});
