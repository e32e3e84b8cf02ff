/** Filters tasks, and groups items. */
import type { Task } from "../../api/client";

type Filtered = Pick<Task, "title" | "key" | "description" | "status" | "action">;

/** Whether every word is in the title, key, description or action of the task, ignoring case. */
export function matches(task: Filtered, text: string, status: string): boolean {
  if (status && task.status !== status) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const haystack = [task.title, task.key, task.description, ...textsIn(task.action)].join("\n").toLowerCase();
  return words.every((word) => haystack.includes(word));
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
