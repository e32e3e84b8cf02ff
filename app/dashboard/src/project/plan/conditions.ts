/** Says a condition of a task or a phase in words. */

import type { Task } from "../../api/client";
import { texts } from "../../texts";

export type Condition = NonNullable<Task["condition"]>;

/** The name of a condition and what it says. One on a parameter that is not met says that the task is skipped. */
export function conditionTerm(condition: Condition, tasks: Iterable<{ key: string; title: string }>): [string, string] {
  const t = texts.plan;
  if ("task" in condition) {
    const title = [...tasks].find((other) => other.key === condition.task)?.title ?? condition.task;
    if ("output" in condition)
      return [t.onlyIf, t.conditionOnOutput(title, condition.output, condition.is, condition.is_not)];
    return [t.onlyIf, t.condition(title, condition.is)];
  }
  const { parameter, is, value, met } = condition;
  if (met === false) return [t.skipped, t.ruledOut(parameter, String(value), is)];
  return [t.onlyIf, t.conditionOnParameter(parameter, is, met === true)];
}
