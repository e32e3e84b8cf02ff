/** Describes events as sentences. */
import { span } from "../../format.ts";
import { statusNames, texts } from "../../texts/index.ts";
import { called } from "../../texts/words.ts";

export interface RecordedEvent {
  type: string;
  actor: string;
  data: Record<string, unknown>;
}

/** Types whose sentences start with the name of the person. */
const BY_SOMEBODY = new Set([
  ...["project.created", "project.updated", "project.deleted", "plan.generating", "plan.approved", "plan.returned"],
  ...[
    "plan.discarded",
    "plan.changes_requested",
    "plan.rejected",
    "plan.commented",
    "run.paused",
    "run.resumed",
    "run.cancelling",
    "phase.approved",
    "task.created",
    "decision.made",
  ],
  "file.uploaded",
]);
const MACHINES = new Set(["worker", "signoff"]);

/** The sentence for an event, or the event's type if there is none. */
export function sentence({ type, actor, data }: RecordedEvent): string {
  const words = texts.record;
  const says = words.says[type];
  if (!says) return type;
  const text = says(partsOf(type, data));
  return BY_SOMEBODY.has(type) ? `${actor || words.parts.somebody} ${text}` : text;
}

/** The person behind an event, if the sentence does not name them; empty for what Signoff does automatically. */
export function doer({ type, actor }: RecordedEvent): string {
  return BY_SOMEBODY.has(type) || MACHINES.has(actor) ? "" : actor;
}

/** What an event is about: the part of its type before the dot. */
export function groupOf(type: string): string {
  return type.split(".")[0] ?? "";
}

function partsOf(type: string, data: Record<string, unknown>): Record<string, string> {
  const words = texts.record.parts;
  const error = isRecord(data.error) ? data.error : isRecord(data.failure) ? data.failure : data;
  const comment = text(data.comment) || (type === "run.cancelling" ? text(data.reason) : "");
  const reason = text(data.reason).replaceAll("_", " ");
  const attempt = typeof data.attempt === "number" ? data.attempt : 0;
  return {
    title: text(data.title),
    name: text(data.name),
    version: text(data.plan_version),
    by: called(text(data.by)),
    run: text(data.run_number),
    path: text(data.path),
    key: text(data.key) && words.ofTask(text(data.key)),
    remark: text(data.text) && words.comment(text(data.text)),
    question: text(data.question),
    kind: texts.record.kinds[text(data.kind)] ?? text(data.kind),
    tried: texts.record.tried[text(data.kind)] ?? text(data.kind),
    moved: typeof data.archived === "boolean" ? String(data.archived) : "",
    what: Array.isArray(data.fields) ? data.fields.map((field) => text(field).replaceAll("_", " ")).join(", ") : "",
    given:
      isRecord(data.gate) && data.gate.needed ? words.given(Number(data.gate.given), Number(data.gate.needed)) : "",
    demands: isRecord(data.rules) && Array.isArray(data.rules.words) ? data.rules.words.map(text).join(" ") : "",
    refused: data.outcome === "refused" ? words.refused : "",
    why: text(error.message) && words.why(text(error.message)),
    comment: comment && words.comment(comment),
    open: Array.isArray(data.open_questions) ? words.open(data.open_questions.map(text)) : "",
    reason: reason && words.reason(reason),
    attempt: attempt > 1 ? words.attempt(attempt) : "",
    pause: typeof data.next_try_in === "number" ? words.pause(span(data.next_try_in * 1000)) : "",
    took: typeof data.duration_ms === "number" ? words.took(span(data.duration_ms)) : "",
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** The status that an event reports, shown as a sign so that the list can be scanned. */
export function statusOf(type: string): keyof typeof statusNames | null {
  const last = type.split(".")[1] ?? "";
  if (last === "started") return "running";
  if (last === "retrying" || last === "waiting") return "waiting";
  return last in statusNames ? (last as keyof typeof statusNames) : null;
}
