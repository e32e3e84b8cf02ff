/** Addresses of tasks within the plan, with its filter as it is. */
import { route } from "../../state/route.svelte";

/** The plan with the task's panel open. */
export function taskAddress(id: string): string {
  const query = new URLSearchParams(route.query);
  query.set("task", id);
  return `${route.path}?${query}`;
}
