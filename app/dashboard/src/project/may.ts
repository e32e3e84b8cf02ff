/** What the reader may do with a project. */
import type { Project } from "../api/client";

type Scope = NonNullable<Project["may"]>[number];

/** Whether the reader has one of the scopes for the project; the server refuses everything else. */
export function may(project: Pick<Project, "may">, ...scopes: Scope[]): boolean {
  return project.may == null || scopes.some((scope) => project.may!.includes(scope));
}
