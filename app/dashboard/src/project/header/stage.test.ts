import assert from "node:assert/strict";
import { test } from "node:test";
import { stageInWords, titleOf } from "./stage.ts";

type Facts = Parameters<typeof titleOf>[0];
const task = (status: string, reason: string | null = null, started_at = "2026-01-01T00:00:02Z") =>
  ({ status, reason, started_at }) as Facts["tasks"][number];
const running = (tasks: Facts["tasks"], more: Partial<Facts> = {}): Facts => ({
  name: "Report",
  status: "running",
  stage: "executing",
  tasks,
  phases: [],
  gate: null,
  since: null,
  run: null,
  ...more,
});
const open = { status: "open", opened_at: "2026-01-01T00:00:01Z" };

test("a run says what it waits for", () => {
  const working = running([task("running"), task("running"), task("waiting", "timer"), task("completed")]);
  assert.deepEqual(stageInWords(working, [], null), {
    text: "2 tasks running",
    more: ["1 timer"],
    since: null,
    person: false,
  });
  const asked = stageInWords(running([task("waiting", "manual"), task("running")]), [open], null);
  assert.equal(asked.text, "Waiting for a person: 1 decision, 1 manual task");
  assert.deepEqual(asked.more, ["1 task running"]);
  assert.equal(asked.since, open.opened_at);
});

test("an answered decision waits for nobody", () => {
  assert.equal(stageInWords(running([]), [{ status: "answered" }], null).person, false);
});

test("the title says what is waiting", () => {
  assert.equal(titleOf(running([], { status: "pending", stage: "awaiting_approval" }), []), "● Approve: Report");
  assert.equal(titleOf(running([]), [open]), "● Decide: Report");
  assert.equal(titleOf(running([task("waiting", "manual")]), []), "● To do: Report");
  assert.equal(titleOf(running([task("running")]), []), "Report · Signoff");
});

test("an approval that can still be undone was given, and nobody is asked for it", () => {
  const gate = (kind: string) =>
    [{ kind, undo_until: "2026-01-01T00:00:05Z" }] as unknown as NonNullable<Facts["gates"]>;
  const plan = running([], { status: "pending", stage: "awaiting_approval", gates: gate("plan") });
  const said = stageInWords(plan, [], null);
  assert.deepEqual([said.text, said.person, said.undoUntil], ["Approved", false, "2026-01-01T00:00:05Z"]);
  assert.equal(titleOf(plan, []), "Report · Signoff");
  const edit = running([task("running")], { stage: "awaiting_approval", gates: gate("edit") });
  assert.equal(stageInWords(edit, [], null).text, "The edit is approved");
  const at = { kind: "phase", phase_id: "p2", since: "2026-01-01T00:00:00Z" } as unknown as Facts["gate"];
  const phases = [{ id: "p2", name: "Ship" }] as Facts["phases"];
  const phase = running([], { stage: "awaiting_phase_approval", gate: at, phases, gates: gate("phase") });
  assert.deepEqual(
    [stageInWords(phase, [], null).text, titleOf(phase, [])],
    ["Phase “Ship” is approved", "Report · Signoff"],
  );
  // The approval of a task holds nothing else back.
  const other = running([], { status: "pending", stage: "awaiting_approval", gates: gate("task") });
  assert.equal(stageInWords(other, [], null).text, "Waiting for your approval");
});

test("a project says who requested changes to its plan, and that it was rejected", () => {
  const by = { version: 1, by: "Dana", at: "2026-01-01T00:00:00.000Z", comment: "Not yet.", decision_id: "dec_1" };
  const requested = running([], { status: "pending", stage: "changes_requested", changes_requested: by });
  const waits = stageInWords(requested, [], null);
  assert.deepEqual([waits.text, waits.since], ["Waiting for its author: Dana requested changes", by.at]);
  assert.equal(titleOf(requested, []), "● Changes requested: Report");
  const rejected = running([], { status: "cancelled", stage: "finished", outcome: "rejected" });
  assert.equal(stageInWords(rejected, [], null).text, "The plan was rejected");
  const expired = running([], { status: "cancelled", stage: "finished", outcome: "expired" });
  assert.equal(stageInWords(expired, [], null).text, "Nobody approved it in time");
});
