/** The form of a new project: its fields, the stored draft, and the request body. */
import type { Schemas } from "../api/client";
import { givenOf, type Parameter } from "./parameters.ts";

export interface Fields {
  name: string;
  description: string;
  planner: "automatic" | "outline" | "model";
  strategy: Schemas["Strategy"];
  auto_approve_plan: boolean;
  auto_approve_phases: boolean;
  decision_mode: Schemas["DecisionMode"];
  path: string;
  agent_id: string;
  sme_archetype: string;
  max_tokens: string;
  max_cost_usd: string;
  /** The name of the template from which the description was started; empty if there is none. */
  template: string;
  /** Values for the parameters of the plan, by name; an empty text means that no value is given. */
  parameters: Record<string, string>;
}

export const emptyFields: Readonly<Fields> = {
  name: "",
  description: "",
  planner: "automatic",
  strategy: "performance",
  auto_approve_plan: false,
  auto_approve_phases: true,
  decision_mode: "agent",
  path: "",
  agent_id: "",
  sme_archetype: "",
  max_tokens: "",
  max_cost_usd: "",
  template: "",
  parameters: {},
};

/** Fields below "More settings". */
export const moreFields = ["path", "agent_id", "sme_archetype", "max_tokens", "max_cost_usd"];

export const MAX_NAME_LENGTH = 200;
export const MAX_DESCRIPTION_LENGTH = 100_000;

/** The given name, or else the description's title. */
export function nameOf(fields: Fields): string {
  const title = /^\s*# +(.+)/.exec(withoutFrontMatter(fields.description))?.[1] ?? "";
  return fields.name.trim() || title.trim().slice(0, MAX_NAME_LENGTH) || "Untitled";
}

/** The request body. Only the parameters in `asked` are sent: others may be left over from an earlier description. */
export function bodyOf(fields: Fields, asked: Parameter[] = []): Schemas["CreateProject"] {
  const { planner: _, ...sent } = fields;
  return {
    ...sent,
    name: nameOf(fields),
    path: fields.path.trim() || null,
    agent_id: fields.agent_id || null,
    sme_archetype: fields.sme_archetype || null,
    max_tokens: numberOf(fields.max_tokens),
    max_cost_usd: numberOf(fields.max_cost_usd),
    template: fields.template || null,
    parameters: givenOf(fields.parameters, asked),
  };
}

/** Text that is not a number is sent unchanged, so that the server refuses it: it must not become "no limit". */
function numberOf(text: string): number | null {
  const value = Number(text);
  if (text.trim() === "") return null;
  return Number.isFinite(value) ? value : (text as unknown as number);
}

/** The stored fields that have a valid type; defaults for all others. */
export function restored(text: string | null): Fields {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "");
  } catch {
    return { ...emptyFields };
  }
  const known = Object.entries(emptyFields).map(([name, empty]) => {
    const value = (stored as Record<string, unknown> | null)?.[name];
    return [name, typeof value === typeof empty && value !== null ? value : empty];
  });
  return Object.fromEntries(known) as unknown as Fields;
}

export function isEmpty(fields: Fields): boolean {
  return Object.entries(emptyFields).every(([name, empty]) =>
    name === "parameters" ? !Object.keys(fields.parameters).length : fields[name as keyof Fields] === empty,
  );
}

const OUTLINE_MARKS = /^ {0,3}(#{2,}\s|[-*+]\s|\d{1,9}[.)]\s|```|~~~)/m;

/** Whether a description is plain text, without written tasks or phases. */
export function isProse(description: string): boolean {
  const text = withoutFrontMatter(description);
  return text.trim() !== "" && !OUTLINE_MARKS.test(text);
}

function withoutFrontMatter(description: string): string {
  return description.replace(/^---[ \t]*\r?\n[A-Za-z_#][\s\S]*?\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/, "");
}
