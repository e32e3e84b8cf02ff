/** What the form of a task holds, and what to send of it. */
import type { Task } from "../../api/client";
import { written, type Written } from "./conditionForm.ts";

export const FIELD_OF = { shell: "command", agent: "prompt", manual: "instructions" } as const;
export type Kind = keyof typeof FIELD_OF;

export interface Held {
  title: string;
  text: string;
  timeout: number | null;
  retries: number;
  by: string;
  condition: Written;
  approval: boolean;
}
export type Field = keyof Held;

/** Whether the form can show what a task does. */
export function isKnown(task: Task): boolean {
  return String(task.action.type) in FIELD_OF && (task.action.type !== "shell" || !task.action.argv);
}

/** What the form holds of a task; of a new one, if there is none. */
export function held(task?: Task): Held {
  return {
    title: task?.title ?? "",
    text: task && isKnown(task) ? String(task.action[FIELD_OF[task.action.type as Kind]] ?? "") : "",
    timeout: task?.timeout_seconds ?? null,
    retries: task?.retries ?? 0,
    by: String(task?.action.by ?? "person"),
    condition: written(task?.condition),
    approval: task?.requires_approval ?? false,
  };
}

const differs = (left: unknown, right: unknown) => JSON.stringify(left) !== JSON.stringify(right);

/** The fields in which two states of a form differ. */
export function changed(before: Held, after: Held): Field[] {
  return (Object.keys(before) as Field[]).filter((field) => differs(before[field], after[field]));
}

/** The fields that two people have changed in different ways since both read `before`. */
export function clashes(before: Held, mine: Held, theirs: Held): Field[] {
  const others = new Set(changed(before, theirs));
  return changed(before, mine).filter((field) => others.has(field) && differs(mine[field], theirs[field]));
}
