/** Filters tasks, and groups items. */
import type { Task } from "../../api/client";

type Filtered = Pick<Task, "title" | "key" | "description" | "status" | "action" | "phase_id">;

export interface Criteria {
  text: string;
  status: string;
  /** The id or key of a phase. */
  phase: string;
}

/**
 * The tasks that have every word of the text in their title, key, description or action, ignoring case.
 *
 * If some contain the words as one phrase, only these are found.
 */
export function filtered<T extends Filtered>(tasks: T[], { text, status, phase }: Criteria): T[] {
  const phrase = text.toLowerCase().trim().replace(/\s+/g, " ");
  const words = phrase.split(" ").filter(Boolean);
  const found: T[] = [];
  const exact: T[] = [];
  for (const task of tasks) {
    if ((status && task.status !== status) || (phase && task.phase_id !== phase)) continue;
    const haystack = [task.title, task.key, task.description, ...textsIn(task.action)].join("\n").toLowerCase();
    if (!words.every((word) => haystack.includes(word))) continue;
    found.push(task);
    if (words.length > 1 && haystack.includes(phrase)) exact.push(task);
  }
  return exact.length ? exact : found;
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** The items grouped by key, in their original order. */
export function grouped<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
