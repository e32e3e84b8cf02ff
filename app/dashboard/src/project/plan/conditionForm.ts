/** What the forms of tasks and phases hold of a condition. */

import type { Condition } from "./conditions";

/** A condition as a form has it: `task:KEY` or `parameter:NAME`, and one value on each line: a value may contain a comma. */
export interface Written {
  about: string;
  values: string;
}

export const NONE = "";

export function written(condition: Condition | null | undefined): Written {
  if (!condition) return { about: NONE, values: "" };
  const about = "task" in condition ? `task:${condition.task}` : `parameter:${condition.parameter}`;
  return { about, values: condition.is.join("\n") };
}

/** The field to send for the condition that a form holds: none if it says what it said before. */
export function changedCondition(before: Written, { about, values }: Written): { condition?: object | null } {
  if (about === before.about && values === before.values) return {};
  if (about === NONE) return { condition: null };
  const [kind, name] = [about.slice(0, about.indexOf(":")), about.slice(about.indexOf(":") + 1)];
  const is = values
    .split("\n")
    .map((value) => value.trim())
    .filter(Boolean);
  return { condition: { [kind]: name, is } };
}
