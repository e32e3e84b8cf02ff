/** The cancellation of a project, from the question to the report. The header and the phase gate share one dialog. */
import type { ApiError, Project, Schemas } from "../../api/client";

interface Cancel {
  asking: boolean;
  /** The ids of the tasks that were unfinished when the cancellation started; null if there is none. */
  open: string[] | null;
  counts: Schemas["CancelCounts"] | null;
  /** Who cancelled, and why, from the event. */
  by: { actor: string; reason: string } | null;
  /** Why the server refused. */
  error: ApiError | null;
}

const DONE = new Set(["completed", "failed", "skipped", "cancelled"]);

const none = (): Cancel => ({ asking: false, open: null, counts: null, by: null, error: null });
const all: Record<string, Cancel> = $state({});

/** The state of a project's cancellation on this page. */
export function cancelOf(projectId: string): Readonly<Cancel> {
  return all[projectId] ?? none();
}

export function askToCancel(projectId: string): void {
  all[projectId] = { ...none(), asking: true };
}

/** The ids of the tasks of a project that have not ended. */
export function openTasks(project: Project): string[] {
  return project.tasks.filter((task) => !DONE.has(task.status)).map((task) => task.id);
}

export function change(projectId: string, values: Partial<Cancel>): void {
  all[projectId] = { ...cancelOf(projectId), ...values };
}

/** Hide the dialog and the report. */
export function forget(projectId: string): void {
  delete all[projectId];
}
