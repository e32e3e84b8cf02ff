/** What a project is at, in words: who waits for whom, and since when. */
import type { Project } from "../../api/client";
import { texts } from "../../texts/index.ts";

const says = texts.header.says;

type Facts = Pick<Project, "status" | "stage" | "tasks" | "phases" | "gate" | "since" | "run">;
type OpenDecision = { status: string; opened_at?: string | null };

export interface Waiting {
  /** Decisions that are open, tasks for a person, and what goes on or waits by itself. */
  decisions: number;
  manual: number;
  timers: number;
  retries: number;
  running: number;
}

/** What of a run waits for whom. */
export function waiting(tasks: Facts["tasks"], decisions: OpenDecision[]): Waiting {
  const reasons = tasks.filter((task) => task.status === "waiting").map((task) => task.reason);
  return {
    decisions: decisions.filter((decision) => decision.status === "open").length,
    manual: reasons.filter((reason) => reason === "manual").length,
    timers: reasons.filter((reason) => reason === "timer").length,
    retries: reasons.filter((reason) => reason === "retry").length,
    running: tasks.filter((task) => task.status === "running").length,
  };
}

export interface Said {
  text: string;
  /** What more there is to say. */
  more: string[];
  since: string | null;
  /** It waits for a person. */
  person: boolean;
}

/** The stage in words. */
export function stageInWords(project: Facts, decisions: OpenDecision[], planMadeAt: string | null): Said {
  const open = waiting(project.tasks, decisions);
  const said = (text: string, since: string | null, person = false, more: string[] = []): Said => ({
    text,
    more,
    since,
    person,
  });
  switch (project.stage) {
    case "draft":
      return said(says.draft, null);
    case "planning":
      return said(says.planning, project.since);
    case "awaiting_approval":
      return said(says.approval, planMadeAt, true);
    case "finished":
      return said(says.finished[project.status as keyof typeof says.finished] ?? "", null);
    case "cancelling":
      return said(open.running ? says.cancelling(open.running) : says.cancellingNow, null);
    case "paused":
      return said(says.paused, project.since, false, [...persons(open), ...byItself(open)]);
    default:
      return whileRunning(project, decisions, open, said);
  }
}

function whileRunning(
  project: Facts,
  decisions: OpenDecision[],
  open: Waiting,
  said: (text: string, since: string | null, person?: boolean, more?: string[]) => Said,
): Said {
  if (project.gate) {
    const name = project.phases.find((phase) => phase.id === project.gate?.phase_id)?.name ?? "";
    return said(says.phase(name), project.gate.since, true, [...persons(open), ...byItself(open)]);
  }
  const asked = persons(open);
  if (asked.length) return said(says.person(asked), askedSince(project, decisions), true, byItself(open));
  const [first, ...more] = byItself(open);
  return said(first ?? says.executing, first ? null : project.since, false, more);
}

function persons(open: Waiting): string[] {
  return [open.decisions && says.decisions(open.decisions), open.manual && says.manual(open.manual)].filter(
    (text) => typeof text === "string",
  );
}

function byItself(open: Waiting): string[] {
  return [
    open.running && says.running(open.running),
    open.timers && says.timers(open.timers),
    open.retries && says.retries(open.retries),
  ].filter((text) => typeof text === "string");
}

/** Since when a person is waited for: the oldest of what is open. */
function askedSince(project: Facts, decisions: OpenDecision[]): string | null {
  const times = [
    ...decisions.filter((decision) => decision.status === "open").map((decision) => decision.opened_at),
    ...project.tasks
      .filter((task) => task.status === "waiting" && task.reason === "manual")
      .map((task) => task.started_at),
  ].filter((at) => typeof at === "string");
  return times.sort()[0] ?? null;
}

/** What the page's title says of what waits, so that it is seen from another tab. */
export function titleOf(project: Facts & { name: string }, decisions: OpenDecision[]): string {
  const titles = texts.header.titles;
  const open = waiting(project.tasks, decisions);
  if (project.stage === "awaiting_approval" || (project.gate && project.status === "running"))
    return titles.approve(project.name);
  if (project.status === "running" && project.stage !== "cancelling") {
    if (open.decisions) return titles.decide(project.name);
    if (open.manual) return titles.toDo(project.name);
  }
  return project.status === "failed" ? titles.failed(project.name) : titles.plain(project.name);
}
