/** The signed fields of phases and tasks, for those that exist in only one version. */
import type { Plan, Schemas } from "../../api/client";

type Values = Record<string, unknown>;

const OF_A_TASK = [
  ...(["title", "description", "action", "inputs", "expected_files", "agent_id", "retries"] as const),
  ...(["timeout_seconds", "on_crash", "after_failure", "reads", "writes", "limits"] as const),
  ...(["condition", "requires_approval"] as const),
];
const OF_A_PHASE = ["name", "description", "strategy", "requires_approval", "condition", "runs_on"] as const;

type Part = Map<string, { title: string; values: Values }>;

/** What a version assumes and asks, and its phases and tasks, by key, with their titles and values. */
export interface Content {
  assumptions: Part;
  questions: Part;
  phases: Part;
  tasks: Part;
}

export function contentOf(plan: Plan): Content {
  const keys = new Map(plan.phases.flatMap(({ tasks }) => tasks.map(({ id, key }) => [id, key] as const)));
  const tasks = plan.phases.flatMap((phase) =>
    phase.tasks.map((task) => {
      const after = task.depends_on.map((id) => keys.get(id) ?? id);
      return [
        task.key,
        { title: task.title, values: { ...filled(task, OF_A_TASK), depends_on: after, phase: phase.key } },
      ] as const;
    }),
  );
  const phases = plan.phases.map(
    (phase) => [phase.key, { title: phase.name, values: filled(phase, OF_A_PHASE) }] as const,
  );
  const assumptions = plan.assumptions.map((text) => [text, { title: text, values: {} }] as const);
  const questions = plan.questions.map(
    ({ question, answer }) => [question, { title: question, values: { answer } }] as const,
  );
  return {
    assumptions: new Map(assumptions),
    questions: new Map(questions),
    phases: new Map(phases),
    tasks: new Map(tasks),
  };
}

/** Every field of an added or removed item, as changes from nothing or to nothing. */
export function changesOf(values: Values, side: "before" | "after"): Schemas["FieldChange"][] {
  const other = side === "before" ? "after" : "before";
  return Object.entries(values)
    .filter(([, value]) => !isEmpty(value))
    .map(([field, value]) => ({ field, [side]: value, [other]: null }) as unknown as Schemas["FieldChange"]);
}

function filled<T extends object>(of: T, names: readonly (keyof T & string)[]): Values {
  return Object.fromEntries(names.map((name) => [name, of[name]]));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}
