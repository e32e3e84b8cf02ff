/** What waits for approvals, and whether an approval has opened it. */
import type { Project, Schemas } from "../../api/client";
import { texts } from "../../texts";

type Gate = NonNullable<Project["gates"]>[number];

/** The gate of one of these kinds, of a task if one is named. */
export function gateOf(project: Project, kinds: Gate["kind"][], taskId?: string): Gate | undefined {
  return project.gates?.find((gate) => kinds.includes(gate.kind) && (!taskId || gate.task_id === taskId));
}

/** Whether an approval is recorded, and others are still missing. */
export function isPart(answer: unknown): boolean {
  return (answer as Partial<Schemas["StatusAnswer"]>).approvals?.opens === false;
}

/** What to say after an approval: `opened`, or what is still missing. */
export function saidAfter(answer: unknown, opened: string): string {
  const approvals = (answer as Partial<Schemas["StatusAnswer"]>).approvals;
  if (approvals?.undo_until) return texts.signoff.approvals.soon;
  return approvals && !approvals.opens ? texts.signoff.approvals.recorded(approvals.given, approvals.needed) : opened;
}
