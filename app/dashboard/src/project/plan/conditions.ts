/** Says a condition of a task or a phase in words. */

import type { Task } from "../../api/client";
import { texts } from "../../texts";

export type Condition = NonNullable<Task["condition"]>;

/** The name of a condition and what it says. One on a parameter that is not met says that the task is skipped. */
export function conditionTerm(condition: Condition, tasks: Iterable<{ key: string; title: string }>): [string, string] {
  const t = texts.plan;
  if ("task" in condition) {
    const title = [...tasks].find((other) => other.key === condition.task)?.title ?? condition.task;
    return [t.onlyIf, t.condition(title, condition.is)];
  }
  const { parameter, is, value, met } = condition;
  if (met === false) return [t.skipped, t.ruledOut(parameter, String(value), is)];
  return [t.onlyIf, t.conditionOnParameter(parameter, is, met === true)];
}

/** A condition as a form has it: `task:KEY` or `parameter:NAME`, and values that are separated by commas. */
export interface Written {
  about: string;
  values: string;
}

export const NONE = "";

export function written(condition: Condition | null | undefined): Written {
  if (!condition) return { about: NONE, values: "" };
  const about = "task" in condition ? `task:${condition.task}` : `parameter:${condition.parameter}`;
  return { about, values: condition.is.join(", ") };
}

/** The condition that a form holds, as the API takes it. */
export function toSend({ about, values }: Written): object | null {
  if (about === NONE) return null;
  const [kind, name] = [about.slice(0, about.indexOf(":")), about.slice(about.indexOf(":") + 1)];
  const is = values
    .split(",")
    .map((value) => value.trim())
    .filter(Boolean);
  return { [kind]: name, is };
}
