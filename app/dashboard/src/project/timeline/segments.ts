/** Converts the record's events to what a timeline draws: runs, and the spans of each task and phase. */

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

export interface RecordedEvent {
  type: string;
  at: string;
  data: Record<string, unknown>;
}

const ENDINGS: Record<string, Outcome> = {
  "task.completed": "completed",
  "task.failed": "failed",
  "task.cancelled": "cancelled",
  "task.skipped": "skipped",
  "phase.completed": "completed",
  "phase.failed": "failed",
  "phase.skipped": "skipped",
};
const RUN_ENDINGS = new Set(["project.completed", "project.failed", "project.cancelled"]);

/** The runs in the events, oldest first. */
export function runsOf(events: readonly RecordedEvent[]): Run[] {
  const runs: Run[] = [];
  for (const event of events) {
    if (event.type === "run.started") runs.push(startedRun(event));
    const run = runs.at(-1);
    if (!run || run.to !== null) continue;
    if (RUN_ENDINGS.has(event.type)) end(run, Date.parse(event.at));
    else if (event.type.startsWith("task.")) takeTask(run, event);
    else if (event.type.startsWith("phase.")) takePhase(run, event);
  }
  return runs;
}

function startedRun({ at, data }: RecordedEvent): Run {
  return {
    id: text(data.run_id),
    number: Number(data.run_number),
    from: Date.parse(at),
    to: null,
    tasks: new Map(),
    phases: new Map(),
  };
}

function takeTask(run: Run, { type, at, data }: RecordedEvent): void {
  if (type === "task.created" || type === "task.progress") return;
  const row = rowOf(run.tasks, text(data.task_id), text(data.title), text(data.phase_id));
  const time = Date.parse(at);
  const open = openOf(row);
  const attempt = typeof data.attempt === "number" && data.attempt > 0 ? data.attempt : null;
  const note = noteOf(data);
  const outcome = ENDINGS[type];
  if (type === "task.started") {
    close(open, time);
    row.segments.push({ kind: "attempt", from: time, to: null, outcome: "running", attempt, note: "" });
  } else if (type === "task.retrying") {
    close(open, time, isLost(data) ? "lost" : "failed", note);
    row.segments.push({ kind: "queue", from: time, to: null, outcome: "waiting", attempt, note });
  } else if (type === "task.waiting") {
    close(open, time, data.reason === "agent_question" ? "asked" : isLost(data) ? "lost" : "failed", note);
    row.segments.push({
      kind: "waiting",
      from: time,
      to: null,
      outcome: "waiting",
      attempt: null,
      note: text(data.reason),
    });
  } else if (outcome) {
    if (open) close(open, time, outcome, note);
    else row.segments.push({ kind: "mark", from: time, to: time, outcome, attempt: null, note });
  }
}

function takePhase(run: Run, { type, at, data }: RecordedEvent): void {
  const row = rowOf(run.phases, text(data.phase_id), text(data.name), text(data.phase_id));
  const time = Date.parse(at);
  const open = openOf(row);
  const outcome = ENDINGS[type];
  if (type === "phase.started") {
    close(open, time);
    row.segments.push({ kind: "attempt", from: time, to: null, outcome: "running", attempt: null, note: "" });
  } else if (type === "phase.awaiting_approval") {
    row.segments.push({ kind: "waiting", from: time, to: null, outcome: "waiting", attempt: null, note: "approval" });
  } else if (outcome && open) close(open, time, outcome);
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

function isLost(data: Record<string, unknown>): boolean {
  return data.reason === "worker_lost" || errorOf(data)?.type === "worker_lost";
}

function errorOf(data: Record<string, unknown>): { type?: unknown; message?: unknown } | null {
  return typeof data.error === "object" ? data.error : null;
}

function noteOf(data: Record<string, unknown>): string {
  return text(errorOf(data)?.message) || text(data.reason);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
