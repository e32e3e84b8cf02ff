/** What the forms of tasks and phases hold of a condition. */

import type { Condition } from "./conditions";

/**
 * A condition as a form has it: `task:KEY` or `parameter:NAME`, and one value on each line: a value may contain a comma. If
 * `output` names an output of the task, the condition is on that, and `excludes` says that the output is none of the values.
 */
export interface Written {
  about: string;
  values: string;
  output: string;
  excludes: boolean;
}

export const NONE = "";

export function written(condition: Condition | null | undefined): Written {
  if (!condition) return { about: NONE, values: "", output: "", excludes: false };
  const about = "task" in condition ? `task:${condition.task}` : `parameter:${condition.parameter}`;
  const [output, excluded] = "output" in condition ? [condition.output, condition.is_not] : ["", []];
  return { about, values: [...condition.is, ...excluded].join("\n"), output, excludes: excluded.length > 0 };
}

/** The field to send for the condition that a form holds: none if it says what it said before. */
export function changedCondition(before: Written, now: Written): { condition?: object | null } {
  const { about, values, excludes } = now;
  const output = now.output.trim();
  const sameOutput = output === before.output && (output === "" || excludes === before.excludes);
  if (about === before.about && values === before.values && sameOutput) return {};
  if (about === NONE) return { condition: null };
  const [kind, name] = [about.slice(0, about.indexOf(":")), about.slice(about.indexOf(":") + 1)];
  const is = values
    .split("\n")
    .map((value) => value.trim())
    .filter(Boolean);
  if (kind === "task" && output) return { condition: { task: name, output, [excludes ? "is_not" : "is"]: is } };
  return { condition: { [kind]: name, is } };
}
