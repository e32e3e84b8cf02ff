/**
 * Applies events to the project as the server last sent it.
 *
 * The page can show a change at once and has to reload a large project only now and then.
 */
import type { Project, Task } from "../api/client";
import { newState, take, type Event } from "./reducer.ts";

type Phase = Project["phases"][number];

/** The project after `events`; events that it already includes change nothing. */
export function applied(project: Project, events: Event[]): Project {
  const fresh = events.filter((event) => event.seq > project.last_seq);
  if (!fresh.length) return project;
  const state = {
    ...newState(),
    status: project.status,
    stage: project.stage,
    tasks: new Map(project.tasks.map((task) => [task.id, task])),
    phases: new Map(project.phases.map((phase) => [phase.id, phase])),
  };
  for (const event of fresh) take(state, event);
  const tasks = project.tasks.map((task) => state.tasks.get(task.id) ?? task);
  const phases = project.phases.map((phase) => state.phases.get(phase.id) ?? phase);
  const same =
    tasks.every((task, index) => task === project.tasks[index]) &&
    phases.every((phase, index) => phase === project.phases[index]);
  if (same) return project;
  return { ...project, tasks, phases: phases.map((phase) => withCounts(phase, tasks)), progress: progressOf(tasks) };
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
  const count = (status: Task["status"]) => tasks.filter((task) => task.status === status).length;
  const completed = count("completed");
  return {
    total: tasks.length,
    completed,
    failed: count("failed"),
    skipped: count("skipped"),
    running: count("running"),
    percent: tasks.length ? Math.round((1000 * completed) / tasks.length) / 10 : 0,
  };
}
