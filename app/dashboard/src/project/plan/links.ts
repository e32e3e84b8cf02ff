/** Addresses of tasks within the plan, which keep the current filter. */
import { prefix } from "../../api/prefix";
import { route } from "../../state/route.svelte";

/** The address of the plan with the task's panel open. */
export function taskAddress(id: string): string {
  const query = new URLSearchParams(route.query);
  query.set("task", id);
  return `${prefix}${route.path}?${query}`;
}
