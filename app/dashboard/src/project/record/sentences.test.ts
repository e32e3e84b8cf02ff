import assert from "node:assert/strict";
import { test } from "node:test";
import { texts } from "../../texts/index.ts";
import { doer, sentence } from "./sentences.ts";

const say = (type: string, data: Record<string, unknown> = {}, actor = "ann") => sentence({ type, actor, data });

test("a sentence about a person starts with their name", () => {
  assert.equal(say("plan.approved", { plan_version: 3, comment: "fine" }), "ann approved plan version 3: “fine”");
  assert.equal(
    say("plan.approved", { plan_version: 3, open_questions: ["When?", "Where?"], comment: "fine" }),
    "ann approved plan version 3: “fine”. Still open: When? Where?",
  );
  assert.equal(say("run.cancelling", { reason: "wrong day" }), "ann cancelled the run: “wrong day”");
  assert.equal(doer({ type: "plan.approved", actor: "ann", data: {} }), "");
});

test("a sentence about a task says what happened, and which person did it", () => {
  const error = { type: "exit_code", message: "exit code 1" };
  assert.equal(
    say("task.retrying", { title: "Build", error, next_try_in: 2 }),
    "Build failed and will be retried in 2.0 s: exit code 1",
  );
  assert.equal(say("task.completed", { title: "Build", duration_ms: 840 }), "Build completed after 840 ms");
  assert.equal(doer({ type: "task.completed", actor: "worker", data: {} }), "");
  assert.equal(doer({ type: "task.completed", actor: "ann", data: {} }), "ann");
});

test("a refused decision says why", () => {
  const text = say("decision.made", { kind: "approve", outcome: "refused", message: "The plan was changed." });
  assert.match(text, /^ann tried to approve the plan, but was refused: The plan was changed\.$/);
});

test("an approval that is not the last says how many there are", () => {
  const gate = { id: "gate_1", kind: "plan", given: 1, needed: 2 };
  assert.match(
    say("decision.made", { kind: "approve", gate, comment: "fine" }),
    /^ann .+ \(1 of 2 approvals\): “fine”$/,
  );
  const words = ["Production: two approvers."];
  assert.equal(say("gate.opened", { rules: { words } }), "An approval is needed. Production: two approvers.");
});

test("a sentence has no gaps, even if the event lacks data", () => {
  for (const type of Object.keys(texts.record.says)) assert.doesNotMatch(say(type), /undefined|null|NaN|\[object/);
});

test("a review says what was said", () => {
  assert.equal(
    say("plan.changes_requested", { plan_version: 2, comment: "Ask first." }),
    "ann requested changes to plan version 2: “Ask first.”",
  );
  assert.equal(say("plan.rejected", { plan_version: 2, comment: "No." }), "ann rejected plan version 2: “No.”");
  assert.equal(
    say("plan.commented", { plan_version: 2, key: "clean", text: "Why?" }),
    "ann commented on plan version 2, task clean: “Why?”",
  );
});

test("an unknown event type is shown unchanged", () => {
  assert.equal(say("task.teleported"), "task.teleported");
});
