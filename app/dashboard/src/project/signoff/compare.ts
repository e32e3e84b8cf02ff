/**
 * The difference between two plans, in the same form as in the API.
 *
 * For two plans that are both on the page: the server may not have stored one that was read here and replaced since.
 */
import type { Plan, Project, Schemas, Task } from "../../api/client";

export type PlanDiff = Schemas["PlanDiff"];
type Differences = Schemas["Differences"];
type FieldChange = Schemas["FieldChange"];
export type Settings = Pick<Project, "strategy" | "decision_mode" | "auto_approve_phases" | "path" | "agent_id">;

const TASK_FIELDS = [
  "title", "description", "agent_id", "action", "depends_on", "inputs", "expected_files", "retries", "timeout_seconds",
  "on_crash", "after_failure", "reads", "writes", "limits", "condition", "requires_approval",
] as const; // prettier-ignore
const PHASE_FIELDS = [
  "name",
  "description",
  "strategy",
  "requires_approval",
  "condition",
  "runs_on",
  "position",
] as const;

/** The fields of a project that an approval covers. */
export function settingsOf(project: Settings): Settings {
  const { strategy, decision_mode, auto_approve_phases, path, agent_id } = project;
  return { strategy, decision_mode, auto_approve_phases, path, agent_id };
}

export function comparePlans(before: Plan, after: Plan, settings: [Settings, Settings]): PlanDiff {
  return {
    project_id: after.project_id,
    before: before.version,
    after: after.version,
    assumptions: differences(assumptions(before), assumptions(after)),
    questions: differences(questions(before), questions(after)),
    phases: differences(phasesByKey(before), phasesByKey(after)),
    tasks: differences(tasksByKey(before), tasksByKey(after)),
    parameters: changesOfAll(parametersByName(before), parametersByName(after)),
    settings: changes(settings[0], settings[1]),
  };
}

/** Whether nothing differs: a regenerated plan may be the same. */
export function isEmpty(diff: PlanDiff): boolean {
  const none = (part: Differences) => !part.added.length && !part.removed.length && !part.changed.length;
  const parts = [diff.assumptions, diff.questions, diff.phases, diff.tasks];
  return parts.every(none) && !diff.parameters.length && !diff.settings.length;
}

type Fields = Record<string, unknown>;

/** An assumption or a question is its own key. */
function assumptions(plan: Plan): Map<string, Fields> {
  return new Map(plan.assumptions.map((text) => [text, {}]));
}

function questions(plan: Plan): Map<string, Fields> {
  return new Map(plan.questions.map(({ question, answer }) => [question, { answer }]));
}

function parametersByName(plan: Plan): Fields {
  return Object.fromEntries(plan.parameters.map(({ name, ...parameter }) => [name, parameter]));
}

/** The fields that differ, including those that only one side has. */
function changesOfAll(before: Fields, after: Fields): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const all = (fields: Fields) => Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
  return changes(all(before), all(after));
}

function phasesByKey(plan: Plan): Map<string, Fields> {
  return new Map(plan.phases.map((phase) => [phase.key, pick(phase, PHASE_FIELDS)]));
}

function tasksByKey(plan: Plan): Map<string, Fields> {
  const keys = new Map(plan.phases.flatMap((phase) => phase.tasks.map((task) => [task.id, task.key])));
  const fields = (task: Task, phase: string): Fields => ({
    ...pick(task, TASK_FIELDS),
    depends_on: task.depends_on.map((id) => keys.get(id) ?? id),
    phase,
  });
  return new Map(plan.phases.flatMap((phase) => phase.tasks.map((task) => [task.key, fields(task, phase.key)])));
}

function pick<T extends object>(value: T, names: readonly (keyof T & string)[]): Fields {
  return Object.fromEntries(names.map((name) => [name, value[name]]));
}

function differences(before: Map<string, Fields>, after: Map<string, Fields>): Differences {
  const changed = [...before].flatMap(([key, fields]) => {
    const other = after.get(key);
    const found = other ? changes(fields, other) : [];
    return found.length ? [{ key, changes: found }] : [];
  });
  return {
    added: [...after.keys()].filter((key) => !before.has(key)),
    removed: [...before.keys()].filter((key) => !after.has(key)),
    changed,
  };
}

function changes(before: object, after: object): FieldChange[] {
  const [old, now] = [before as Fields, after as Fields];
  return Object.keys(old)
    .filter((name) => canonical(old[name]) !== canonical(now[name]))
    .map((name) => ({ field: name, before: old[name], after: now[name] }));
}

/** JSON with sorted keys: equal values give equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
