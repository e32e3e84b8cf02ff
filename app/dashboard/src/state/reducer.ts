/**
 * What a project's events add up to: its status and stage, and the state of its phases and tasks.
 *
 * The server has the same reducer in Python (`app/domain/reducer.py`). Both must pass the cases in `tests/cases/reducer.json`.
 */
import type { Phase, Project, Schemas, Task } from "../api/client";

export type Event = Schemas["Event"];
/** An event that gives a task another status. A field that its type does not have is absent. */
export interface TaskEvent extends Omit<Event, "data"> {
  data: Pick<Schemas["TaskStartedEvent"]["data"], "task_id"> &
    Partial<Schemas["TaskRetryingEvent"]["data"] & Schemas["TaskWaitingEvent"]["data"]>;
}
/** An event that gives a phase another status. */
export type PhaseEvent = Schemas["PhaseStartedEvent"] | Schemas["PhaseApprovedEvent"];
export type TaskState = Pick<
  Task,
  "status" | "phase_id" | "attempt" | "reason" | "due_at" | "started_at" | "completed_at" | "duration_ms"
>;
export type PhaseState = Pick<Phase, "status" | "started_at" | "completed_at">;

export interface ProjectState {
  status: Project["status"];
  /** The stage, apart from what a run in progress waits for: `stageOf` tells that too. */
  stage: Project["stage"];
  /** The stage in which planning began. */
  formerStage: Project["stage"];
  paused: boolean;
  planVersion: number | null;
  /** The version that an edit of the run has made, while it waits for approval. */
  edited: number | null;
  /** By id. */
  tasks: Map<string, TaskState>;
  /** By id; `otherPhases` is the status of phases that no event mentions. */
  phases: Map<string, PhaseState>;
  otherPhases: Phase["status"];
  /** The ids of the tasks that ask for a decision. */
  asking: Set<string>;
  /** The approvals that have withdrawn a request for changes, by the ids of their decisions. */
  withdrewRequest: Set<string>;
}

/** The status that an event gives its task, by the event's type. */
const TASK_STATUS: Partial<Record<string, Task["status"]>> = {
  "task.started": "running",
  "task.retrying": "waiting",
  "task.waiting": "waiting",
  "task.completed": "completed",
  "task.failed": "failed",
  "task.cancelled": "cancelled",
  "task.skipped": "skipped",
};
const PHASE_STATUS: Partial<Record<string, Phase["status"]>> = {
  "phase.awaiting_approval": "awaiting_approval",
  "phase.approved": "running",
  "phase.started": "running",
  "phase.completed": "completed",
  "phase.failed": "failed",
  "phase.skipped": "skipped",
};
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "skipped"]);
const NEW_TASK: TaskState = {
  status: "pending",
  phase_id: "",
  attempt: 0,
  reason: null,
  due_at: null,
  started_at: null,
  completed_at: null,
  duration_ms: null,
};
const NEW_PHASE: PhaseState = { status: "pending", started_at: null, completed_at: null };

/** The state of a project without events. */
export function newState(): ProjectState {
  return {
    status: "pending",
    stage: "draft",
    formerStage: "draft",
    paused: false,
    planVersion: null,
    edited: null,
    tasks: new Map(),
    phases: new Map(),
    otherPhases: "pending",
    asking: new Set(),
    withdrewRequest: new Set(),
  };
}

/** The stage, including what a run in progress waits for. */
export function stageOf(state: ProjectState): Project["stage"] {
  if (state.status !== "running" || state.stage !== "executing") return state.stage;
  if (state.paused) return "paused";
  if (state.edited !== null) return "awaiting_approval";
  if (state.asking.size) return "awaiting_decision";
  const gated = [...state.phases.values()].some((phase) => phase.status === "awaiting_approval");
  return gated ? "awaiting_phase_approval" : "executing";
}

/** The state of a task; it is pending if no event mentions it. */
export function taskOf(state: ProjectState, id: string): TaskState {
  return state.tasks.get(id) ?? NEW_TASK;
}

/** The state of a phase. */
export function phaseOf(state: ProjectState, id: string): PhaseState {
  return state.phases.get(id) ?? { ...NEW_PHASE, status: state.otherPhases };
}

/** Apply the next event to `state`. The states of tasks and phases are replaced, never changed. */
export function take(state: ProjectState, event: Event): void {
  switch (event.type) {
    case "plan.generating":
      state.formerStage = state.stage;
      state.stage = "planning";
      break;
    case "plan.failed":
      state.stage = state.formerStage;
      break;
    case "plan.changes_requested":
      state.stage = "changes_requested";
      break;
    case "plan.ready":
      takePlan(state, event.data);
      break;
    case "plan.superseded":
    case "plan.discarded":
      if (state.edited === event.data.plan_version) state.edited = null;
      break;
    case "plan.approved":
      state.planVersion = event.data.plan_version;
      state.edited = null;
      break;
    case "run.started":
      startRun(state, event.data.reset ?? null);
      break;
    case "run.paused":
    case "run.resumed":
      state.paused = event.type === "run.paused";
      break;
    case "run.cancelling":
      state.stage = "cancelling";
      break;
    case "project.completed":
      end(state, "completed");
      break;
    case "project.failed":
      end(state, "failed");
      break;
    case "project.cancelled":
      end(state, "cancelled");
      break;
    case "decision.requested":
      state.asking.add(event.data.task_id);
      break;
    case "decision.made":
      takeWithdrawal(state, event.data);
      state.asking.delete(event.data.task_id ?? "");
      break;
    default:
      takePart(state, event);
  }
}

function takeWithdrawal(state: ProjectState, data: Schemas["DecisionMadeEvent"]["data"]): void {
  if (!data.withdrawn) return;
  if (data.kind === "approve") {
    state.stage = "awaiting_approval";
    state.withdrewRequest.add(data.decision_id ?? "");
  } else if (data.kind === "withdraw" && state.withdrewRequest.has(data.withdrawn)) {
    state.stage = "changes_requested";
  }
}

/** Whether an event gives a task another status. */
export function movesTask(event: Pick<Event, "type">): event is TaskEvent {
  return event.type in TASK_STATUS;
}

/** Whether an event gives a phase another status. */
export function movesPhase(event: Pick<Event, "type">): event is PhaseEvent {
  return event.type in PHASE_STATUS;
}

/** Apply an event about a task or a phase. Other events, and types that this page does not know, change nothing. */
function takePart(state: ProjectState, event: Event): void {
  if (movesTask(event)) {
    const id = event.data.task_id;
    state.tasks.set(id, movedTask(taskOf(state, id), TASK_STATUS[event.type]!, event));
    // Any later event about the task means that its question is settled.
    state.asking.delete(id);
  } else if (movesPhase(event)) {
    const id = event.data.phase_id;
    state.phases.set(id, movedPhase(phaseOf(state, id), PHASE_STATUS[event.type]!, event.at));
  }
}

function movedPhase(phase: PhaseState, status: Phase["status"], at: string): PhaseState {
  return {
    ...phase,
    status,
    started_at: status === "running" ? at : phase.started_at,
    completed_at: ENDED.has(status) ? at : null,
  };
}

function movedTask(task: TaskState, status: Task["status"], { at, data }: TaskEvent): TaskState {
  const begun = status === "running" || status === "waiting";
  return {
    ...task,
    status,
    phase_id: data.phase_id ?? task.phase_id,
    attempt: Math.max(task.attempt, data.attempt ?? 0),
    reason: status === "running" ? null : (data.reason ?? null),
    due_at: data.due_at ?? null,
    started_at: task.started_at ?? (begun ? at : null),
    completed_at: ENDED.has(status) ? at : null,
    duration_ms: data.duration_ms ?? null,
  };
}

function takePlan(state: ProjectState, data: Schemas["PlanReadyEvent"]["data"]): void {
  if (state.status === "running") {
    // An edit during a run. Its version takes effect when it is approved.
    state.edited = data.plan_version;
    return;
  }
  state.planVersion = data.plan_version;
  state.status = "pending";
  state.stage = "awaiting_approval";
  const [done, kept] = [new Set(data.kept_phases ?? []), new Set(data.kept ?? [])];
  for (const id of [...state.phases.keys()]) if (!done.has(id)) state.phases.delete(id);
  state.otherPhases = "pending";
  reset(
    state,
    [...state.tasks.keys()].filter((id) => !kept.has(id)),
  );
}

function startRun(state: ProjectState, again: string[] | null): void {
  state.status = "running";
  state.stage = "executing";
  state.paused = false;
  // The first run of a plan names no tasks: none of them has started.
  again ??= [...state.tasks].filter(([, task]) => task.status !== "completed").map(([id]) => id);
  const reopened = new Set(again.map((id) => taskOf(state, id).phase_id));
  reset(state, again);
  for (const [id, phase] of state.phases)
    if (phase.status !== "completed" || reopened.has(id)) state.phases.set(id, { ...phase, ...NEW_PHASE });
  state.otherPhases = "pending";
}

function reset(state: ProjectState, ids: string[]): void {
  for (const id of ids) {
    const task = taskOf(state, id);
    // The count of attempts continues.
    state.tasks.set(id, { ...task, ...NEW_TASK, attempt: task.attempt, phase_id: task.phase_id });
    state.asking.delete(id);
  }
}

function end(state: ProjectState, status: Project["status"]): void {
  state.status = status;
  state.stage = "finished";
  state.paused = false;
  state.edited = null;
  // Phases that end with their project have no separate event.
  for (const [id, phase] of state.phases)
    if (!ENDED.has(phase.status)) state.phases.set(id, { ...phase, status: "cancelled" });
  state.otherPhases = "cancelled";
  state.asking.clear();
}
