/** Words that several views share, and a helper for plurals. */
import type { Schemas, Status } from "../api/client";

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

/** The name of an actor, as people read it. The record calls whoever has the server's key `admin`, which is no name. */
export function called(actor: string): string {
  return actor === "admin" ? "server key" : actor;
}

/** What a task does, by the type of its action. */
export const actionTypes = {
  shell: "Command",
  http: "Request",
  agent: "Agent",
  manual: "Manual task",
  decision: "Decision",
  wait: "Wait",
  milestone: "Milestone",
};

/** The order in which a phase runs its tasks. */
export const phaseStrategies = {
  sequential: "one after another",
  parallel: "all at once",
  dag: "in dependency order",
};

export const severities: Record<Schemas["Finding"]["severity"], string> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
};

/** Who decides about failed tasks. */
export const decisionModes = { agent: "A model first, then a person", human: "Always a person" };

/** The names of the settings of a project, the same in every view. */
export const settingNames = {
  description: "Description",
  strategy: "Strategy",
  decision_mode: "After a failure",
  auto_approve_plan: "Approve the plan automatically",
  auto_approve_phases: "Start phases automatically",
  agent_id: "Agent",
  sme_archetype: "Expert",
  path: "Folder",
  max_tokens: "Token limit",
  max_cost_usd: "Cost limit (US$)",
};

/** A count and its noun: `1 task`, `1,000 tasks`; `many` is needed if the plural is not formed with an s. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
