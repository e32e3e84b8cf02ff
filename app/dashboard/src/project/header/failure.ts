/** Advice on what to do about a failure. */
import type { Schemas } from "../../api/client";
import { texts } from "../../texts";

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
