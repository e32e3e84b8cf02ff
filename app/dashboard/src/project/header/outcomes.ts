/** The outcomes of tasks that were unfinished when their project was cancelled. */
import type { Task } from "../../api/client";

export type Outcome =
  "stopping" | "interrupted" | "completed" | "failed" | "never_started" | "did_not_stop" | "skipped";

type Facts = Pick<Task, "status" | "started_at" | "error">;

export function outcomeOf({ status, started_at, error }: Facts): Outcome {
  if (status === "completed" || status === "failed" || status === "skipped") return status;
  if (status !== "cancelled") return started_at ? "stopping" : "never_started";
  if (error?.type === "did_not_stop") return "did_not_stop";
  return started_at ? "interrupted" : "never_started";
}
