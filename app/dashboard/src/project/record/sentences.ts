/** What an event says, as a sentence. */
import { span } from "../../format.ts";
import { statusNames, texts } from "../../texts/index.ts";

export interface Told {
  type: string;
  actor: string;
  data: Record<string, unknown>;
}

/** Sentences about what somebody did begin with who it was. */
const BY_SOMEBODY = new Set([
  ...["project.created", "project.updated", "project.deleted", "plan.generating", "plan.approved", "plan.returned"],
  ...["run.paused", "run.resumed", "run.cancelling", "phase.approved", "task.created", "decision.made"],
  "file.uploaded",
]);
const MACHINES = new Set(["worker", "signoff"]);

/** A sentence about an event; the event's type where there is none. */
export function sentence({ type, actor, data }: Told): string {
  const words = texts.record;
  const says = words.says[type];
  if (!says) return type;
  const said = says(partsOf(type, data));
  return BY_SOMEBODY.has(type) ? `${actor || words.parts.somebody} ${said}` : said;
}

/** Who it was, where the sentence does not say so: nobody for what Signoff does of its own accord. */
export function doer({ type, actor }: Told): string {
  return BY_SOMEBODY.has(type) || MACHINES.has(actor) ? "" : actor;
}

/** The kind of thing an event is about: what stands before the dot of its type. */
export function groupOf(type: string): string {
  return type.split(".")[0] ?? "";
}

function partsOf(type: string, data: Record<string, unknown>): Record<string, string> {
  const words = texts.record.parts;
  const error = isRecord(data.error) ? data.error : isRecord(data.failure) ? data.failure : data;
  const said = text(data.comment) || (type === "run.cancelling" ? text(data.reason) : "");
  const reason = text(data.reason).replaceAll("_", " ");
  const attempt = typeof data.attempt === "number" ? data.attempt : 0;
  return {
    title: text(data.title),
    name: text(data.name),
    version: text(data.plan_version),
    by: text(data.by),
    run: text(data.run_number),
    path: text(data.path),
    question: text(data.question),
    kind: texts.record.kinds[text(data.kind)] ?? text(data.kind),
    tried: texts.record.tried[text(data.kind)] ?? text(data.kind),
    what: Array.isArray(data.fields) ? data.fields.map((field) => text(field).replaceAll("_", " ")).join(", ") : "",
    refused: data.outcome === "refused" ? words.refused : "",
    why: text(error.message) && words.why(text(error.message)),
    said: said && words.said(said),
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

/** The sign of an event about a status, for those who look down the list. */
export function statusOf(type: string): keyof typeof statusNames | null {
  const last = type.split(".")[1] ?? "";
  if (last === "started") return "running";
  if (last === "retrying" || last === "waiting") return "waiting";
  return last in statusNames ? (last as keyof typeof statusNames) : null;
}
