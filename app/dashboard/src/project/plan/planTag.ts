import type { Plan } from "../../api/client";

/** The header with which a change of a plan is refused if the plan is no longer the one that was read. */
export function planTag(plan: Plan | null | undefined): Record<string, string> {
  return plan ? { "If-Match": `"${plan.digest}"` } : {};
}
