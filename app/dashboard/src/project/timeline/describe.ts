/** Describes the spans of a timeline in words. */
import { texts } from "../../texts/index.ts";
import type { Segment } from "./segments.ts";

const exact = new Intl.DateTimeFormat("en-GB", {
  ...{ day: "numeric", month: "short", year: "numeric" },
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 },
});

/** Date and time of day to the millisecond, in the reader's time zone. */
export function exactly(at: number): string {
  return exact.format(at);
}

/** What a span is and how it ended, for a task or a phase. */
export function nameOf(segment: Segment, isPhase = false): string {
  const words = texts.timeline;
  const outcome = words.outcomes[segment.outcome];
  if (segment.kind === "queue") return words.pause;
  if (segment.kind === "waiting") return `${words.waiting} ${words.waits[segment.note] ?? ""}`.trim();
  if (segment.kind === "mark") return outcome.charAt(0).toUpperCase() + outcome.slice(1);
  return `${isPhase ? words.phase : words.attempt(segment.attempt)}: ${outcome}`;
}
