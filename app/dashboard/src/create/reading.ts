/** Reads what a description asks for, and checks values for it. */
import { answer, api } from "../api/client";
import type { Parameter, Values } from "./parameters";

/** What is asked for by a description, and what is wrong with the values, by field. Without values, nothing is checked. */
export async function readParameters(
  description: string,
  agentId: string | null,
  values?: Values,
): Promise<{ asked: Parameter[]; errors: Record<string, string> }> {
  const body = { description, agent_id: agentId, parameters: values ?? null };
  const preview = await answer(api.POST("/api/outline", { body }));
  const wrong = preview.problems.filter(({ field }) => field.startsWith("parameters."));
  return {
    asked: preview.parameters,
    errors: Object.fromEntries(wrong.map(({ field, message }) => [field, message])),
  };
}
