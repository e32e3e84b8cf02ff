/** What a row of the list says about its project. */
import type { ProjectSummary } from "../api/client";
import { texts } from "../texts/index.ts";

const MAX_LENGTH = 240;

/** What a project waits for a person to do, in words; null if it does not wait for one. `writes`: the reader makes plans. */
export function waitsForPerson(
  { stage, manual_waiting, undo_until }: Pick<ProjectSummary, "stage" | "manual_waiting" | "undo_until">,
  writes: boolean,
): string | null {
  // Its approval was given, and can only still be undone.
  if (undo_until) return null;
  if (stage === "changes_requested") return writes ? texts.list.yourChanges : null;
  if (stage === "awaiting_approval" || stage === "awaiting_phase_approval" || stage === "awaiting_decision")
    return texts.list.stages[stage];
  return manual_waiting && stage !== "cancelling" ? texts.list.manual(manual_waiting) : null;
}

/** The first informative line of a description, without Markdown. */
export function firstLine(description: string, name: string): string {
  // A description may be long, and a page shows many: only the beginning is examined.
  for (const line of description.slice(0, 2000).split("\n")) {
    const text = line
      .replace(/^\s*(#{1,6}\s+|[-*+]\s+|\d+[.)]\s+|>\s*)*(\[[ x]\]\s*)?/i, "")
      .replace(/\s*\{[^{}]*\}\s*$/, "")
      .replace(/[*`]/g, "")
      .trim();
    if (text && text !== name.trim()) return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  }
  return "";
}

/** The ids from one to another, both included, in the order of the page; only `to` if `from` is not there. */
export function range(ids: string[], from: string | null, to: string): string[] {
  const ends = [from === null ? -1 : ids.indexOf(from), ids.indexOf(to)];
  if (ends.includes(-1)) return [to];
  return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
}
