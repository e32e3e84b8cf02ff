/** What did not go as planned before a phase: tasks that failed or were skipped, and who let it be. */
import type { Decision } from "../../state/project.svelte";
import type { Phase, Task } from "../../api/client";

export interface Problem {
  task: Pick<Task, "id" | "title" | "status" | "reason">;
  /** The task has failed, even if a person skipped it afterwards. */
  failed: boolean;
  /** The last line of its error. */
  error: string | null;
  /** Who skipped it or let it fail, and what they said. */
  by: string | null;
  comment: string;
}

type Before = Pick<Task, "id" | "title" | "status" | "reason" | "phase_id" | "error">;
type Decided = Pick<Decision, "task_id" | "kind" | "status" | "answer" | "actor" | "question" | "comment">;

const FAILURES = new Set(["task_failed", "worker_lost"]);
const ENDED = new Set(["skip", "fail"]);

/** The problems in all phases before `phase`, in the order of the plan. */
export function problemsBefore(
  phase: Pick<Phase, "position">,
  phases: Pick<Phase, "id" | "position">[],
  tasks: Before[],
  decisions: Decided[],
): Problem[] {
  const earlier = new Set(phases.filter(({ position }) => position < phase.position).map(({ id }) => id));
  const left = tasks.filter(({ phase_id, status }) => earlier.has(phase_id) && isLeft(status));
  return left.map((task) => problemOf(task, decisions));
}

function isLeft(status: Task["status"]): boolean {
  return status === "failed" || status === "skipped" || status === "cancelled";
}

function problemOf({ id, title, status, reason, error }: Before, decisions: Decided[]): Problem {
  const about = decisions.filter((decision) => decision.task_id === id);
  const ended = about.findLast((decision) => isEnd(decision));
  const failure = about.findLast((decision) => FAILURES.has(decision.kind));
  // A skipped task has no error any more: the question about its failure quotes it.
  const message = error?.message ?? quoted(failure?.question);
  return {
    task: { id, title, status, reason },
    failed: status === "failed" || failure !== undefined,
    error: message && lastLine(message),
    by: ended?.actor ?? null,
    comment: ended?.comment ?? "",
  };
}

function isEnd({ kind, status, answer }: Decided): boolean {
  if (status === "answered") return ENDED.has(answer ?? "");
  return status === "accepted" && (ENDED.has(kind) || (kind === "answer" && ENDED.has(answer ?? "")));
}

/** The error in the question about a failure. */
function quoted(question: string | undefined): string | null {
  return question?.replace(/^Task '.*' has failed: /, "").replace(/ What now\?$/, "") ?? null;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)!.trim();
}
