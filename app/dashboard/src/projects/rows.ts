/** What a row of the list says of its project. */
import type { ProjectSummary } from "../api/client";
import { texts } from "../texts/index.ts";

const LONGEST = 240;

/** What a project waits for a person to do, in words; null where it does not. */
export function waitsForPerson({
  stage,
  manual_waiting,
}: Pick<ProjectSummary, "stage" | "manual_waiting">): string | null {
  if (stage === "awaiting_approval" || stage === "awaiting_phase_approval" || stage === "awaiting_decision")
    return texts.list.stages[stage];
  return manual_waiting && stage !== "cancelling" ? texts.list.manual(manual_waiting) : null;
}

/** The first line of a description that says something, without the marks of Markdown. */
export function firstLine(description: string, name: string): string {
  // A description may be long, and a page has many: only its beginning is looked at.
  for (const line of description.slice(0, 2000).split("\n")) {
    const text = line
      .replace(/^\s*(#{1,6}\s+|[-*+]\s+|\d+[.)]\s+|>\s*)*(\[[ x]\]\s*)?/i, "")
      .replace(/\s*\{[^{}]*\}\s*$/, "")
      .replace(/[*`]/g, "")
      .trim();
    if (text && text !== name.trim()) return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  }
  return "";
}

/** Which ids lie between two of them, both included, in the order of the page; `to` alone where `from` is not there. */
export function range(ids: string[], from: string | null, to: string): string[] {
  const ends = [from === null ? -1 : ids.indexOf(from), ids.indexOf(to)];
  if (ends.includes(-1)) return [to];
  return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
}
