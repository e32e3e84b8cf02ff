/** Converts the record's events to what a timeline draws: runs, and the spans of each task and phase. */
import type { Schemas } from "../../api/client";
import {
  movesPhase,
  movesTask,
  newState,
  phaseOf,
  take,
  taskOf,
  type Event,
  type PhaseEvent,
  type PhaseState,
  type TaskEvent,
  type TaskState,
} from "../../state/reducer.ts";

/** How a span of time was spent; `queue` is the pause before the next attempt. */
export type Kind = "attempt" | "queue" | "waiting" | "mark";
export type Outcome = "running" | "completed" | "failed" | "cancelled" | "skipped" | "lost" | "asked" | "waiting";

export interface Segment {
  kind: Kind;
  /** Milliseconds since 1970; `to` is null while the span continues. */
  from: number;
  to: number | null;
  outcome: Outcome;
  attempt: number | null;
  /** The server's explanation: an error message or a reason. */
  note: string;
}

export interface Row {
  id: string;
  title: string;
  phaseId: string;
  segments: Segment[];
}

export interface Run {
  id: string;
  number: number;
  from: number;
  to: number | null;
  /** By the id of the task. */
  tasks: Map<string, Row>;
  /** By the id of the phase. */
  phases: Map<string, Row>;
}

/** The runs in the events, oldest first. */
export function runsOf(events: readonly Event[]): Run[] {
  const runs: Run[] = [];
  const state = newState();
  for (const event of events) {
    take(state, event);
    if (event.type === "run.started") runs.push(startedRun(event.at, event.data));
    const run = runs.at(-1);
    if (!run || run.to !== null) continue;
    if (state.stage === "finished") end(run, Date.parse(event.at));
    else if (movesTask(event)) takeTask(run, event, taskOf(state, event.data.task_id));
    else if (movesPhase(event)) takePhase(run, event, phaseOf(state, event.data.phase_id));
  }
  return runs;
}

function startedRun(at: string, data: Schemas["RunStartedEvent"]["data"]): Run {
  return {
    id: data.run_id,
    number: Number(data.run_number),
    from: Date.parse(at),
    to: null,
    tasks: new Map(),
    phases: new Map(),
  };
}

function takeTask(run: Run, { type, at, data }: TaskEvent, { status }: TaskState): void {
  const row = rowOf(run.tasks, data.task_id, text(data.title), text(data.phase_id));
  const time = Date.parse(at);
  const open = openOf(row);
  const attempt = data.attempt || null;
  const note = noteOf(data);
  if (status === "running") {
    close(open, time);
    row.segments.push({ kind: "attempt", from: time, to: null, outcome: "running", attempt, note: "" });
  } else if (status === "waiting") {
    close(open, time, data.reason === "agent_question" ? "asked" : isLost(data) ? "lost" : "failed", note);
    row.segments.push(
      type === "task.retrying"
        ? { kind: "queue", from: time, to: null, outcome: "waiting", attempt, note }
        : { kind: "waiting", from: time, to: null, outcome: "waiting", attempt: null, note: text(data.reason) },
    );
  } else if (status !== "pending") {
    if (open) close(open, time, status, note);
    else row.segments.push({ kind: "mark", from: time, to: time, outcome: status, attempt: null, note });
  }
}

function takePhase(run: Run, { at, data }: PhaseEvent, { status }: PhaseState): void {
  const row = rowOf(run.phases, data.phase_id, text(data.name), data.phase_id);
  const time = Date.parse(at);
  const open = openOf(row);
  if (status === "running") {
    // An approval and the start that follows it begin one span.
    if (open?.kind === "attempt") return;
    close(open, time);
    row.segments.push({ kind: "attempt", from: time, to: null, outcome: "running", attempt: null, note: "" });
  } else if (status === "awaiting_approval") {
    row.segments.push({ kind: "waiting", from: time, to: null, outcome: "waiting", attempt: null, note: "approval" });
  } else if (open && status !== "pending") close(open, time, status);
}

function rowOf(rows: Map<string, Row>, id: string, title: string, phaseId: string): Row {
  let row = rows.get(id);
  if (!row) rows.set(id, (row = { id, title, phaseId, segments: [] }));
  return row;
}

function openOf(row: Row): Segment | undefined {
  const last = row.segments.at(-1);
  return last?.to === null ? last : undefined;
}

/** End a span. Only an attempt takes the outcome; a span of waiting stays one. */
function close(open: Segment | undefined, time: number, outcome?: Outcome, note?: string): void {
  if (!open) return;
  open.to = time;
  if (open.kind !== "attempt") return;
  if (outcome) open.outcome = outcome;
  if (note) open.note = note;
}

function end(run: Run, time: number): void {
  run.to = time;
  for (const row of [...run.tasks.values(), ...run.phases.values()]) close(openOf(row), time, "cancelled");
}

function isLost({ reason, error }: TaskEvent["data"]): boolean {
  return reason === "worker_lost" || error?.type === "worker_lost";
}

function noteOf({ reason, error }: TaskEvent["data"]): string {
  return text(error?.message) || text(reason);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
