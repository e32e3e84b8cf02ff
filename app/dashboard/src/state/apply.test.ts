import assert from "node:assert/strict";
import { test } from "node:test";
import type { Project } from "../api/client.ts";
import { applied } from "./apply.ts";
import type { Event } from "./reducer.ts";

const task = (id: string, status: string) => ({ id, phase_id: "phase_1", status, attempt: 0, started_at: null });
const project = {
  last_seq: 10,
  tasks: [task("task_1", "pending"), task("task_2", "pending")],
  phases: [{ id: "phase_1", status: "pending", started_at: null, task_counts: { total: 2, pending: 2, completed: 0 } }],
  progress: { total: 2, completed: 0, failed: 0, skipped: 0, running: 0, percent: 0 },
} as unknown as Project;

function event(seq: number, type: string, data: Record<string, unknown>): Event {
  return { seq, type, project_id: "proj_1", at: `2026-01-01T00:00:${seq}.000Z`, actor: "worker", data } as Event;
}

test("a task's events change the task, the counts of its phase and the progress", () => {
  const after = applied(project, [
    event(11, "phase.started", { phase_id: "phase_1" }),
    event(12, "task.started", { task_id: "task_1", phase_id: "phase_1", attempt: 1 }),
    event(13, "task.started", { task_id: "task_2", phase_id: "phase_1", attempt: 1 }),
    event(14, "task.completed", { task_id: "task_1", phase_id: "phase_1", attempt: 1, duration_ms: 2000 }),
  ]);
  const [first, second] = after.tasks;
  assert.deepEqual([first?.status, first?.attempt, first?.duration_ms], ["completed", 1, 2000]);
  assert.deepEqual([first?.started_at, first?.completed_at], ["2026-01-01T00:00:12.000Z", "2026-01-01T00:00:14.000Z"]);
  assert.equal(second?.status, "running");
  assert.equal(after.phases[0]?.status, "running");
  assert.deepEqual(after.phases[0]?.task_counts, { total: 2, pending: 0, completed: 1, running: 1 });
  assert.deepEqual(after.progress, { total: 2, completed: 1, failed: 0, skipped: 0, running: 1, percent: 50 });
  assert.equal(project.tasks[0]?.status, "pending");
});

test("events that the project already includes change nothing", () => {
  const known = [event(10, "task.failed", { task_id: "task_1", phase_id: "phase_1" })];
  assert.equal(applied(project, known), project);
});

test("a retry keeps the first start time and gives its reason for waiting", () => {
  const after = applied(project, [
    event(11, "task.started", { task_id: "task_1", attempt: 1 }),
    event(12, "task.retrying", { task_id: "task_1", attempt: 1, reason: "retry", due_at: "2026-01-01T00:01:00Z" }),
  ]);
  const [first] = after.tasks;
  assert.deepEqual([first?.status, first?.reason, first?.due_at], ["waiting", "retry", "2026-01-01T00:01:00Z"]);
  assert.equal(first?.started_at, "2026-01-01T00:00:11.000Z");
});
