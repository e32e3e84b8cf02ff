/** Which tasks a filter lets through, and what belongs together. */
import type { Task } from "../../api/client";

type Filtered = Pick<Task, "title" | "key" | "description" | "status" | "action">;

/** Every word must be in the title, key, description or in what the task does; capitals make no difference. */
export function matches(task: Filtered, text: string, status: string): boolean {
  if (status && task.status !== status) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const hay = [task.title, task.key, task.description, ...textsIn(task.action)].join("\n").toLowerCase();
  return words.every((word) => hay.includes(word));
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Items by their key, in the order in which they come. */
export function grouped<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
