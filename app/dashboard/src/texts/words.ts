/** Words that several views share. */
import type { Project, Status } from "../api/client";

export const statusNames: Record<Status, string> = {
  pending: "Pending",
  waiting: "Waiting",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  skipped: "Skipped",
  awaiting_approval: "Awaiting approval",
};

export const stageNames: Record<Project["stage"], string> = {
  draft: "Draft",
  planning: "Planning",
  awaiting_approval: "Awaiting approval",
  executing: "Executing",
  awaiting_phase_approval: "Awaiting phase approval",
  awaiting_decision: "Awaiting decision",
  paused: "Paused",
  cancelling: "Cancelling",
  finished: "Finished",
};

/** A count with its word, in the plural where it is not one. */
export function plural(count: number, word: string): string {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}
