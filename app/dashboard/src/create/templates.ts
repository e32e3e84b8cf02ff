/** Templates of the team: projects that have no plan and the label `template`. */
import { answer, api, type Project } from "../api/client";
import { bodyOf, emptyFields, type Fields } from "./fields";

export interface Template {
  id: string;
  name: string;
}

export const LABEL = "template";
const LIMIT = 50;
/** What a template hands on to a new project, besides its description. */
const SETTINGS = ["strategy", "decision_mode", "auto_approve_plan", "auto_approve_phases"] as const;

/** The templates that the reader may see, by name. @throws ApiError */
export async function readTemplates(): Promise<Template[]> {
  const query = { label: LABEL, sort_by: "name" as const, limit: LIMIT };
  return (await answer(api.GET("/api/projects", { params: { query } }))).projects;
}

/** The fields of a new project that starts from a template. @throws ApiError */
export async function startingFrom(id: string): Promise<Fields> {
  const project = await answer(api.GET("/api/projects/{project_id}", { params: { path: { project_id: id } } }));
  return fieldsOf(project);
}

/** Save what a project is made from as a template. @throws ApiError */
export async function saveTemplate(project: Project): Promise<void> {
  const labels = [...new Set([...project.labels, LABEL])];
  const body = bodyOf(fieldsOf(project));
  await answer(
    api.POST("/api/projects", { body: { ...body, name: project.name, labels, parameters: project.parameters } }),
  );
}

function fieldsOf(project: Project): Fields {
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, project[name]]));
  return {
    ...emptyFields,
    ...settings,
    description: project.description,
    agent_id: project.agent_id ?? "",
    sme_archetype: project.sme_archetype ?? "",
    max_tokens: project.max_tokens === null ? "" : String(project.max_tokens),
    max_cost_usd: project.max_cost_usd === null ? "" : String(project.max_cost_usd),
    parameters: Object.fromEntries(Object.entries(project.parameters).map(([name, value]) => [name, String(value)])),
  };
}
