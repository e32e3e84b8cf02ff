/** Templates: those of the team, which are projects with the label `template`, and those that the server brings along. */
import { answer, api, type Project, type Schemas } from "../api/client";
import { bodyOf, emptyFields, type Fields } from "./fields";

export type Template = Schemas["Template"];

export const LABEL = "template";
/** What a template of the team hands on to a new project, besides its description. */
const SETTINGS = ["strategy", "decision_mode", "auto_approve_plan", "auto_approve_phases"] as const;

/** The templates that the reader may see: those of the team first. @throws ApiError */
export async function readTemplates(): Promise<Template[]> {
  return (await answer(api.GET("/api/templates", {}))).templates;
}

/** The fields of a new project that a template sets. A built-in one has no settings of its own. */
export function startingFrom(template: Template): Partial<Fields> {
  if (template.built_in) return { description: template.description, template: template.name };
  return { ...fieldsOf(template), template: template.name };
}

/** Save what a project is made from as a template. @throws ApiError */
export async function saveTemplate(project: Project): Promise<void> {
  const labels = [...new Set([...project.labels, LABEL])];
  const body = bodyOf({ ...emptyFields, ...fieldsOf(project) });
  await answer(
    api.POST("/api/projects", { body: { ...body, name: project.name, labels, parameters: project.parameters } }),
  );
}

function fieldsOf(from: Project | Template): Partial<Fields> {
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, from[name]]));
  return {
    ...settings,
    description: from.description,
    agent_id: from.agent_id ?? "",
    sme_archetype: from.sme_archetype ?? "",
    max_tokens: from.max_tokens === null ? "" : String(from.max_tokens),
    max_cost_usd: from.max_cost_usd === null ? "" : String(from.max_cost_usd),
    parameters: Object.fromEntries(Object.entries(from.parameters ?? {}).map(([name, value]) => [name, String(value)])),
  };
}
