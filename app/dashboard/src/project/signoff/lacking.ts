/** The tasks that fail if a task is skipped, because they use outputs that it then lacks. */
import type { Task } from "../../api/client";

export interface Lacking {
  title: string;
  outputs: string[];
}

/** Who lacks what; `given` has the names of the outputs that the person hands on. */
export function lackingAfterSkip(task: Pick<Task, "outputs" | "outputs_used_by">, given: string[]): Lacking[] {
  const known = new Set([...Object.keys(task.outputs), ...given]);
  return (task.outputs_used_by ?? [])
    .map(({ title, outputs }) => ({ title, outputs: outputs.filter((name) => !known.has(name)) }))
    .filter(({ outputs }) => outputs.length);
}
