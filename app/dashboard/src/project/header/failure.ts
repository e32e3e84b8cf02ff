/** Advice on what to do about a failure. */
import type { Project, Schemas } from "../../api/client";
import { texts } from "../../texts";

/** Whether the last attempt to plan has failed. The failure of a run names a task, or makes the project fail. */
export function planningFailure({ status, failure }: Pick<Project, "status" | "failure">): Schemas["Failure"] | null {
  return status === "failed" || failure?.task_id ? null : failure;
}

export function nextStep({ code, task_id }: Schemas["Failure"]): string {
  const next = texts.header.next;
  if (code === "stopped_by_answer") return next.stopped;
  if (code === "budget_exceeded") return next.budget;
  if (code === "needs_answers") return next.answers;
  if (code.startsWith("model") || code === "planner_unavailable") return next.model;
  if (/lost|terminated|timed_out/.test(code)) return next.lost;
  if (task_id || code === "task_failed" || code === "phase_failed") return next.task;
  return /plan|outline|invalid/.test(code) ? next.planning : next.other;
}
