/** The state of a project in words: what it waits for, and since when. */
import type { Project } from "../../api/client";
import { texts } from "../../texts/index.ts";

const says = texts.header.says;

type Facts = Pick<Project, "status" | "stage" | "tasks" | "phases" | "gate" | "since" | "run"> &
  Partial<Pick<Project, "outcome" | "changes_requested" | "gates">>;
type OpenDecision = { status: string; opened_at?: string | null };

interface Waiting {
  /** Open decisions and waiting manual tasks, which need a person; the rest does not. */
  decisions: number;
  manual: number;
  timers: number;
  retries: number;
  running: number;
}

/** Count what the tasks and decisions of a run are waiting for. */
function waiting(tasks: Facts["tasks"], decisions: OpenDecision[]): Waiting {
  const reasons = tasks.filter((task) => task.status === "waiting").map((task) => task.reason);
  return {
    decisions: decisions.filter((decision) => decision.status === "open").length,
    manual: reasons.filter((reason) => reason === "manual").length,
    timers: reasons.filter((reason) => reason === "timer").length,
    retries: reasons.filter((reason) => reason === "retry").length,
    running: tasks.filter((task) => task.status === "running").length,
  };
}

export interface StageText {
  text: string;
  /** Further details. */
  more: string[];
  since: string | null;
  /** Whether the project waits for a person. */
  person: boolean;
  /** When the approval that was given takes effect, if it can still be undone. */
  undoUntil?: string;
}

/** What a project as a whole waits for. */
const HOLD = ["plan", "edit", "phase"];

/** Until when the approval for which the project waited can be undone; undefined if the project has not got it. */
function undoUntil(project: Pick<Project, "gates">): string | undefined {
  return project.gates?.find((gate) => HOLD.includes(gate.kind) && gate.undo_until)?.undo_until ?? undefined;
}

/** Describe the stage. */
export function stageInWords(project: Facts, decisions: OpenDecision[], planMadeAt: string | null): StageText {
  const open = waiting(project.tasks, decisions);
  const describe = (text: string, since: string | null, person = false, more: string[] = []): StageText => ({
    text,
    more,
    since,
    person,
  });
  const undo = undoUntil(project);
  const approved = (text: string, more: string[] = []): StageText => ({
    ...describe(text, null, false, more),
    undoUntil: undo,
  });
  switch (project.stage) {
    case "draft":
      return describe(says.draft, null);
    case "planning":
      return describe(says.planning, project.since);
    case "awaiting_approval":
      // During a run, it is an edit that waits.
      if (undo)
        return project.status === "running"
          ? approved(says.approvedEdit, [...persons(open), ...automatic(open)])
          : approved(says.approved);
      return project.status === "running"
        ? describe(says.edit, planMadeAt, true, [...persons(open), ...automatic(open)])
        : describe(says.approval, planMadeAt, true);
    case "changes_requested":
      return describe(says.changes(project.changes_requested?.by ?? "?"), project.changes_requested?.at ?? null, true);
    case "finished":
      if (project.outcome === "rejected") return describe(says.rejected, null);
      if (project.outcome === "expired") return describe(says.expired, null);
      return describe(says.finished[project.status as keyof typeof says.finished] ?? "", null);
    case "cancelling":
      return describe(open.running ? says.cancelling(open.running) : says.cancellingNow, null);
    case "paused":
      return describe(says.paused, project.since, false, [...persons(open), ...automatic(open)]);
    default:
      return whileRunning(project, decisions, open, describe);
  }
}

function whileRunning(
  project: Facts,
  decisions: OpenDecision[],
  open: Waiting,
  describe: (text: string, since: string | null, person?: boolean, more?: string[]) => StageText,
): StageText {
  if (project.gate) {
    const name = project.phases.find((phase) => phase.id === project.gate?.phase_id)?.name ?? "";
    const undo = undoUntil(project);
    const more = [...persons(open), ...automatic(open)];
    if (undo) return { ...describe(says.approvedPhase(name), null, false, more), undoUntil: undo };
    return describe(says.phase(name), project.gate.since, true, more);
  }
  const asked = persons(open);
  if (asked.length) return describe(says.person(asked), askedSince(project, decisions), true, automatic(open));
  const [first, ...more] = automatic(open);
  return describe(first ?? says.executing, first ? null : project.since, false, more);
}

function persons(open: Waiting): string[] {
  return [open.decisions && says.decisions(open.decisions), open.manual && says.manual(open.manual)].filter(
    (text) => typeof text === "string",
  );
}

function automatic(open: Waiting): string[] {
  return [
    open.running && says.running(open.running),
    open.timers && says.timers(open.timers),
    open.retries && says.retries(open.retries),
  ].filter((text) => typeof text === "string");
}

/** Since when the project waits for a person: the oldest of the open items. */
function askedSince(project: Facts, decisions: OpenDecision[]): string | null {
  const times = [
    ...decisions.filter((decision) => decision.status === "open").map((decision) => decision.opened_at),
    ...project.tasks
      .filter((task) => task.status === "waiting" && task.reason === "manual")
      .map((task) => task.started_at),
  ].filter((at) => typeof at === "string");
  return times.sort()[0] ?? null;
}

/** The page's title, which says what is waiting so that it shows in other tabs. */
export function titleOf(project: Facts & { name: string }, decisions: OpenDecision[]): string {
  const titles = texts.header.titles;
  const open = waiting(project.tasks, decisions);
  const asks = project.stage === "awaiting_approval" || (project.gate && project.status === "running");
  if (asks && !undoUntil(project)) return titles.approve(project.name);
  if (project.stage === "changes_requested") return titles.revise(project.name);
  if (project.status === "running" && project.stage !== "cancelling") {
    if (open.decisions) return titles.decide(project.name);
    if (open.manual) return titles.toDo(project.name);
  }
  return project.status === "failed" ? titles.failed(project.name) : titles.plain(project.name);
}
