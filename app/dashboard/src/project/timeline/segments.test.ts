import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../../state/reducer.ts";
import { runsOf } from "./segments.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const task = { task_id: "task_1", title: "Build", phase_id: "phase_1" };

function event(second: number, type: string, data: Record<string, unknown> = {}): Event {
  return { type, at: at(second), data: type.startsWith("task.") ? { ...task, ...data } : data } as Event;
}

function segments(...events: Event[]) {
  const [run] = runsOf([event(0, "run.started", { run_id: "run_1", run_number: 1 }), ...events]);
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
    event(1, "task.started", { attempt: 1 }),
    event(3, "task.retrying", { attempt: 1, next_try_in: 2, error: { type: "exit", message: "exit code 1" } }),
    event(5, "task.started", { attempt: 2 }),
    event(6, "task.completed", { attempt: 2 }),
  );
  assert.deepEqual(found, [
    ["attempt", 1, 3, "failed", 1],
    ["queue", 3, 5, "waiting", 1],
    ["attempt", 5, 6, "completed", 2],
  ]);
});

test("the attempt of a lost worker is shown as lost", () => {
  const found = segments(
    event(1, "task.started", { attempt: 1 }),
    event(3, "task.retrying", { reason: "worker_lost" }),
  );
  assert.equal(found?.[0]?.[3], "lost");
});

test("a task that waited for a person is shown as waiting, regardless of its outcome", () => {
  const found = segments(event(1, "task.waiting", { reason: "manual" }), event(4, "task.failed"));
  assert.deepEqual(found, [["waiting", 1, 4, "waiting", null]]);
});

test("a task that never ran is shown as a mark", () => {
  assert.deepEqual(segments(event(2, "task.skipped", { attempt: 0 })), [["mark", 2, 2, "skipped", null]]);
});

test("an attempt continues until the record ends it, or ends with its run", () => {
  assert.equal(segments(event(1, "task.started", { attempt: 1 }))?.[0]?.[2], null);
  assert.deepEqual(segments(event(1, "task.started", { attempt: 1 }), event(9, "project.cancelled"))?.[0], [
    "attempt",
    1,
    9,
    "cancelled",
    1,
  ]);
});

test("each run has its own spans, and events between two runs belong to neither", () => {
  const runs = runsOf([
    event(0, "run.started", { run_id: "a", run_number: 1 }),
    event(1, "task.started", { attempt: 1 }),
    event(2, "task.failed"),
    event(3, "project.failed"),
    event(4, "task.created"),
    event(5, "run.started", { run_id: "b", run_number: 2 }),
    event(6, "task.started", { attempt: 2 }),
  ]);
  assert.deepEqual(
    runs.map((run) => [run.number, run.tasks.get("task_1")?.segments.length, run.to !== null]),
    [
      [1, 1, true],
      [2, 1, false],
    ],
  );
});

test("a phase waits for its approval, then runs", () => {
  const [run] = runsOf([
    event(0, "run.started", { run_id: "a", run_number: 1 }),
    event(1, "phase.awaiting_approval", { phase_id: "phase_1", name: "Send" }),
    event(5, "phase.approved", { phase_id: "phase_1", name: "Send" }),
    event(5, "phase.started", { phase_id: "phase_1", name: "Send" }),
    event(8, "phase.completed", { phase_id: "phase_1", name: "Send" }),
  ]);
  const kinds = run?.phases.get("phase_1")?.segments.map(({ kind, outcome }) => [kind, outcome]);
  assert.deepEqual(kinds, [
    ["waiting", "waiting"],
    ["attempt", "completed"],
  ]);
});
