import assert from "node:assert/strict";
import { test } from "node:test";
import { texts } from "../../texts/index.ts";
import { doer, sentence } from "./sentences.ts";

const say = (type: string, data: Record<string, unknown> = {}, actor = "ann") => sentence({ type, actor, data });

test("what people do begins with who it was", () => {
  assert.equal(say("plan.approved", { plan_version: 3, comment: "fine" }), "ann approved plan version 3: “fine”");
  assert.equal(say("run.cancelling", { reason: "wrong day" }), "ann cancelled the run: “wrong day”");
  assert.equal(doer({ type: "plan.approved", actor: "ann", data: {} }), "");
});

test("what tasks do says how, and who did it where that was a person", () => {
  const error = { type: "exit_code", message: "exit code 1" };
  assert.equal(
    say("task.retrying", { title: "Build", error, next_try_in: 2 }),
    "Build failed and will be retried in 2.0 s: exit code 1",
  );
  assert.equal(say("task.completed", { title: "Build", duration_ms: 840 }), "Build completed after 840 ms");
  assert.equal(doer({ type: "task.completed", actor: "worker", data: {} }), "");
  assert.equal(doer({ type: "task.completed", actor: "ann", data: {} }), "ann");
});

test("a refusal says so", () => {
  const said = say("decision.made", { kind: "approve", outcome: "refused", message: "The plan was changed." });
  assert.match(said, /^ann tried to approve the plan, but was refused: The plan was changed\.$/);
});

test("no sentence has a hole, whatever the event lacks", () => {
  for (const type of Object.keys(texts.record.says)) assert.doesNotMatch(say(type), /undefined|null|NaN|\[object/);
});

test("a type that is not known yet shows as it is", () => {
  assert.equal(say("task.teleported"), "task.teleported");
});
