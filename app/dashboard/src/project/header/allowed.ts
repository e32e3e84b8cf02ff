/** What may be asked of a project in the state it is in: the contract's table, as far as the header offers it. */
import type { Project } from "../../api/client";

export type Action = "regenerate" | "pause" | "resume" | "cancel" | "retry" | "again";

type Facts = Pick<Project, "status" | "stage" | "plan">;

/** The actions that the server would take now; those that are not named are not shown. */
export function allowed({ status, stage, plan }: Facts): Set<Action> {
  if (stage === "planning") return new Set(["cancel"]);
  if (stage === "cancelling") return new Set();
  if (status === "running") return new Set([stage === "paused" ? "resume" : "pause", "cancel"]);
  // Where there is no plan yet, the view of the plan offers to make one.
  const found = new Set<Action>(plan ? ["regenerate"] : []);
  if (status === "pending") found.add("cancel");
  else if (plan?.status === "approved") found.add(status === "completed" ? "again" : "retry");
  return found;
}

/** Fields of a project that an approval covers: to change one of them makes a new version of the plan. */
export const COVERED = ["strategy", "decision_mode", "auto_approve_phases", "path", "agent_id"] as const;
const ALWAYS = ["name", "description", "max_tokens", "max_cost_usd"];

/** Whether a field of the project may be changed now. */
export function mayChange(field: string, { status, stage }: Facts): boolean {
  if (ALWAYS.includes(field)) return true;
  if (status === "running") return false;
  return stage !== "planning" || !(COVERED as readonly string[]).includes(field);
}
