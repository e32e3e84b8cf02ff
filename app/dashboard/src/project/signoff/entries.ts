/** The differences between two plans as one list to read. */
import type { PlanDiff } from "./compare";

export interface Entry {
  kind: "added" | "removed" | "changed";
  what: "task" | "phase" | "parameter" | "assumption" | "question" | "setting";
  key: string;
  fields: { field: string; before: string | null; after: string | null }[];
}

/** Tasks come first, because they do the work; for an action, only the fields that differ. */
export function entriesOf(diff: PlanDiff): Entry[] {
  const of = (what: Entry["what"], part: PlanDiff["tasks"]): Entry[] => [
    ...part.added.map((key): Entry => ({ kind: "added", what, key, fields: [] })),
    ...part.changed.map(({ key, changes }): Entry => ({
      kind: "changed",
      what,
      key,
      fields: changes.flatMap(fieldsOf),
    })),
    ...part.removed.map((key): Entry => ({ kind: "removed", what, key, fields: [] })),
  ];
  const settings = diff.settings.map((change): Entry => ({
    kind: "changed",
    what: "setting",
    key: change.field,
    fields: fieldsOf(change),
  }));
  const parameters = diff.parameters.map(({ field, before, after }): Entry => ({
    kind: before === null ? "added" : after === null ? "removed" : "changed",
    what: "parameter",
    key: field,
    fields: membersOf(before, after),
  }));
  const known = [...of("assumption", diff.assumptions), ...of("question", diff.questions)];
  return [...parameters, ...of("task", diff.tasks), ...of("phase", diff.phases), ...known, ...settings];
}

function fieldsOf({ field, before, after }: PlanDiff["settings"][number]): Entry["fields"] {
  if (field !== "action" || !isObject(before) || !isObject(after))
    return [{ field, before: asText(before), after: asText(after) }];
  return membersOf(before, after);
}

/** The members in which two objects differ; all members if there is only one object. */
function membersOf(before: unknown, after: unknown): Entry["fields"] {
  const [old, now] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names
    .map((name) => ({ field: name, before: asText(old[name]), after: asText(now[name]) }))
    .filter((change) => change.before !== change.after);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
