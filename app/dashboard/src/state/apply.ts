/**
 * Applies events to the project as the server last sent it.
 *
 * The page can show a change at once and has to reload a large project only now and then.
 */
import type { Project, Schemas, Task } from "../api/client";

type Event = Schemas["Event"];
type Phase = Project["phases"][number];

const TASK_STATUS: Record<string, Task["status"]> = {
  "task.started": "running",
  "task.retrying": "waiting",
  "task.waiting": "waiting",
  "task.completed": "completed",
  "task.failed": "failed",
  "task.cancelled": "cancelled",
  "task.skipped": "skipped",
};
const PHASE_STATUS: Record<string, Phase["status"]> = {
  "phase.started": "running",
  "phase.awaiting_approval": "awaiting_approval",
  "phase.completed": "completed",
  "phase.failed": "failed",
  "phase.skipped": "skipped",
};
const ENDED = new Set(["completed", "failed", "cancelled", "skipped"]);

/** The project after `events`; events that it already includes change nothing. */
export function applied(project: Project, events: Event[]): Project {
  const tasks = new Map<string, Event[]>();
  const phases = new Map<string, Event[]>();
  for (const event of events) {
    if (event.seq <= project.last_seq) continue;
    const { task_id, phase_id } = event.data as { task_id?: string; phase_id?: string };
    if (event.type in TASK_STATUS && task_id) tasks.set(task_id, [...(tasks.get(task_id) ?? []), event]);
    else if (event.type in PHASE_STATUS && phase_id) phases.set(phase_id, [...(phases.get(phase_id) ?? []), event]);
  }
  if (!tasks.size && !phases.size) return project;
  const changed = project.tasks.map((task) => (tasks.get(task.id) ?? []).reduce(withTaskEvent, task));
  return {
    ...project,
    tasks: changed,
    phases: project.phases.map((phase) =>
      withCounts((phases.get(phase.id) ?? []).reduce(withPhaseEvent, phase), changed),
    ),
    progress: progressOf(changed),
  };
}

function withTaskEvent(task: Task, event: Event): Task {
  const status = TASK_STATUS[event.type]!;
  const data = event.data as { attempt?: number; reason?: string; due_at?: string | null; duration_ms?: number | null };
  const begun = status === "running" || status === "waiting";
  return {
    ...task,
    status,
    attempt: data.attempt ?? task.attempt,
    reason: status === "running" ? null : (data.reason ?? null),
    due_at: data.due_at ?? null,
    started_at: task.started_at ?? (begun ? event.at : null),
    completed_at: ENDED.has(status) ? event.at : null,
    duration_ms: data.duration_ms ?? null,
  };
}

function withPhaseEvent(phase: Phase, event: Event): Phase {
  const status = PHASE_STATUS[event.type]!;
  return {
    ...phase,
    status,
    started_at: status === "running" ? event.at : phase.started_at,
    completed_at: ENDED.has(status) ? event.at : null,
  };
}

function withCounts(phase: Phase, tasks: Task[]): Phase {
  const counts: Phase["task_counts"] = Object.fromEntries(Object.keys(phase.task_counts).map((name) => [name, 0]));
  for (const task of tasks) {
    if (task.phase_id !== phase.id) continue;
    counts[task.status] = (counts[task.status] ?? 0) + 1;
    counts["total"] = (counts["total"] ?? 0) + 1;
  }
  return { ...phase, task_counts: counts };
}

function progressOf(tasks: Task[]): Project["progress"] {
  const count = (...statuses: Task["status"][]) => tasks.filter((task) => statuses.includes(task.status)).length;
  const done = count("completed", "skipped");
  return {
    total: tasks.length,
    completed: count("completed"),
    failed: count("failed"),
    running: count("running"),
    percent: tasks.length ? Math.round((1000 * done) / tasks.length) / 10 : 0,
  };
}
