/** What a plan asks for before it is made, and the values that a person gives. */
import type { Schemas } from "../api/client";

export type Parameter = Schemas["PlanParameter"];
/** Values by name, as a person writes them. An empty text means that no value is given. */
export type Values = Record<string, string>;

/** The values that are given for the parameters that a plan has. */
export function givenOf(values: Values, asked: Parameter[]): Values {
  const given = asked.map(({ name }) => [name, values[name] ?? ""] as const).filter(([, value]) => value !== "");
  return Object.fromEntries(given);
}
