/** A project being cancelled, from the question to the report: asked for in the header and at a phase gate, shown once. */
import type { ApiError, Project, Schemas } from "../../api/client";

interface Cancel {
  asking: boolean;
  /** The tasks that were not done when it was asked for, by id; null where nobody here cancels. */
  open: string[] | null;
  counts: Schemas["CancelCounts"] | null;
  /** Who cancels, and why, as the event tells. */
  by: { actor: string; reason: string } | null;
  /** Why the server refused. */
  error: ApiError | null;
}

const DONE = new Set(["completed", "failed", "skipped", "cancelled"]);

const none = (): Cancel => ({ asking: false, open: null, counts: null, by: null, error: null });
const all: Record<string, Cancel> = $state({});

/** Where the cancel of a project stands on this page. */
export function cancelOf(projectId: string): Readonly<Cancel> {
  return all[projectId] ?? none();
}

export function askToCancel(projectId: string): void {
  all[projectId] = { ...none(), asking: true };
}

/** The tasks of a project that have not ended, by id. */
export function openTasks(project: Project): string[] {
  return project.tasks.filter((task) => !DONE.has(task.status)).map((task) => task.id);
}

export function change(projectId: string, values: Partial<Cancel>): void {
  all[projectId] = { ...cancelOf(projectId), ...values };
}

/** Nothing is to be shown any more. */
export function forget(projectId: string): void {
  delete all[projectId];
}
