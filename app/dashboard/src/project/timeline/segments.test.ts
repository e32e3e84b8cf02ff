import assert from "node:assert/strict";
import { test } from "node:test";
import { runsOf, type Told } from "./segments.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const task = { task_id: "task_1", title: "Build", phase_id: "phase_1" };

function told(second: number, type: string, data: Record<string, unknown> = {}): Told {
  return { type, at: at(second), data: type.startsWith("task.") ? { ...task, ...data } : data };
}

function segments(...events: Told[]) {
  const [run] = runsOf([told(0, "run.started", { run_id: "run_1", run_number: 1 }), ...events]);
  return run?.tasks
    .get("task_1")
    ?.segments.map(({ kind, from, to, outcome, attempt }) => [
      kind,
      (from - Date.parse(at(0))) / 1000,
      to === null ? null : (to - Date.parse(at(0))) / 1000,
      outcome,
      attempt,
    ]);
}

test("a retry is two attempts with a pause between them", () => {
  const found = segments(
    told(1, "task.started", { attempt: 1 }),
    told(3, "task.retrying", { attempt: 1, next_try_in: 2, error: { type: "exit", message: "exit code 1" } }),
    told(5, "task.started", { attempt: 2 }),
    told(6, "task.completed", { attempt: 2 }),
  );
  assert.deepEqual(found, [
    ["attempt", 1, 3, "failed", 1],
    ["queue", 3, 5, "waiting", 1],
    ["attempt", 5, 6, "completed", 2],
  ]);
});

test("what a lost worker was at shows as lost", () => {
  const found = segments(told(1, "task.started", { attempt: 1 }), told(3, "task.retrying", { reason: "worker_lost" }));
  assert.equal(found?.[0]?.[3], "lost");
});

test("a task that waits for a person has waited, whatever it comes to", () => {
  const found = segments(told(1, "task.waiting", { reason: "manual" }), told(4, "task.failed"));
  assert.deepEqual(found, [["waiting", 1, 4, "waiting", null]]);
});

test("a task that never ran is a mark", () => {
  assert.deepEqual(segments(told(2, "task.skipped", { attempt: 0 })), [["mark", 2, 2, "skipped", null]]);
});

test("an attempt goes on until the record says more, and ends with its run", () => {
  assert.equal(segments(told(1, "task.started", { attempt: 1 }))?.[0]?.[2], null);
  assert.deepEqual(segments(told(1, "task.started", { attempt: 1 }), told(9, "project.cancelled"))?.[0], [
    "attempt",
    1,
    9,
    "cancelled",
    1,
  ]);
});

test("each run has its own spans, and what comes between two runs belongs to neither", () => {
  const runs = runsOf([
    told(0, "run.started", { run_id: "a", run_number: 1 }),
    told(1, "task.started", { attempt: 1 }),
    told(2, "task.failed"),
    told(3, "project.failed"),
    told(4, "task.created"),
    told(5, "run.started", { run_id: "b", run_number: 2 }),
    told(6, "task.started", { attempt: 2 }),
  ]);
  assert.deepEqual(
    runs.map((run) => [run.number, run.tasks.get("task_1")?.segments.length, run.to !== null]),
    [
      [1, 1, true],
      [2, 1, false],
    ],
  );
});

test("a phase waits for its approval, then goes on", () => {
  const [run] = runsOf([
    told(0, "run.started", { run_id: "a", run_number: 1 }),
    told(1, "phase.awaiting_approval", { phase_id: "phase_1", name: "Send" }),
    told(5, "phase.approved", { phase_id: "phase_1", name: "Send" }),
    told(5, "phase.started", { phase_id: "phase_1", name: "Send" }),
    told(8, "phase.completed", { phase_id: "phase_1", name: "Send" }),
  ]);
  const kinds = run?.phases.get("phase_1")?.segments.map(({ kind, outcome }) => [kind, outcome]);
  assert.deepEqual(kinds, [
    ["waiting", "waiting"],
    ["attempt", "completed"],
  ]);
});
