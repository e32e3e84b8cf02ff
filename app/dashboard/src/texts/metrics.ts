/** Texts of the Metrics tab. */
import { plural } from "./words.ts";

export const metrics = {
  progress: "Progress",
  tasksDone: (done: number, total: number, failed: number, skipped: number) =>
    [`${done} of ${plural(total, "task")} completed`, failed && `${failed} failed`, skipped && `${skipped} skipped`]
      .filter(Boolean)
      .join(", "),
  phasesDone: (done: number, total: number) => `${done} of ${plural(total, "phase")}`,
  wall: "Elapsed time",
  wallHint: "from start to end, over all runs",
  busy: "Work",
  busyHint: "all attempts combined",
  awaiting: "Awaiting approval",
  awaitingHint: "time spent waiting for people",
  criticalPath: "Critical path",
  criticalHint: "the longest dependency path",
  parallel: "Tasks at once",
  peak: (peak: number) => `on average, ${peak} at the peak`,
  attempts: "Attempts",
  attemptsHint: (retried: number, lost: number) => `${retried} retried, ${lost} lost with their worker`,
  tokens: "Tokens",
  cost: "Cost",
  unpriced: "unknown",
  unpricedHint: "no price is set for a model in use",
  calls: (calls: number) => plural(calls, "model call"),
  noModel: "no model calls",
  slowest: "Slowest tasks",
  nothingSlow: "No task has ended yet.",
  models: "Model usage",
  columns: { part: "For", input: "Tokens in", output: "Tokens out", cost: "Cost" },
  planning: "Planning",
  decisions: "Decisions",
  total: "Total",
  byTask: "By task",
  budget: "Budget",
  budgetUsed: (used: string, limit: string) => `${used} of ${limit}`,
};
