/** The actions that a project's state allows: the part of the contract's table that the header offers. */
import type { Project } from "../../api/client";
import { may } from "../may.ts";

export type Action = "regenerate" | "pause" | "resume" | "cancel" | "retry" | "again";

type Facts = Pick<Project, "status" | "stage" | "plan">;

/** The actions that the server would accept now from the reader; all others are hidden. */
export function allowed(project: Facts & Pick<Project, "may">): Set<Action> {
  const actions = [...possible(project)];
  return new Set(actions.filter((action) => may(project, action === "regenerate" ? "author" : "operate")));
}

function possible({ status, stage, plan }: Facts): Set<Action> {
  if (stage === "planning") return new Set(["cancel"]);
  if (stage === "cancelling") return new Set();
  if (status === "running") return new Set([stage === "paused" ? "resume" : "pause", "cancel"]);
  // Without a plan, the Plan tab offers to generate one.
  const actions = new Set<Action>(plan ? ["regenerate"] : []);
  if (status === "pending") actions.add("cancel");
  else if (plan?.status === "approved") actions.add(status === "completed" ? "again" : "retry");
  return actions;
}

/** Fields of a project that an approval covers: changing one of them creates a new plan version. */
export const COVERED = ["strategy", "decision_mode", "auto_approve_phases", "path", "agent_id"] as const;
const ALWAYS = ["name", "description", "max_tokens", "max_cost_usd"];

/** Whether a field of the project can be changed now. */
export function mayChange(field: string, { status, stage }: Facts): boolean {
  if (ALWAYS.includes(field)) return true;
  if (status === "running") return false;
  return stage !== "planning" || !(COVERED as readonly string[]).includes(field);
}
