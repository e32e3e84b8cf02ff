/** Compares two texts side by side: which lines belong together, and which of their words differ. */
import { diffLines, diffWordsWithSpace } from "diff";

export interface Piece {
  text: string;
  changed: boolean;
}

/** A line of both texts; null if one of them has none. */
export interface LineRow {
  before: Piece[] | null;
  after: Piece[] | null;
  same: boolean;
}

export interface Field {
  name: string;
  before: unknown;
  after: unknown;
}

/** If a comparison takes longer than this, the texts are shown as completely different. */
const PATIENCE_MS = 300;

/** The lines of two texts, with changed lines side by side. */
export function linesOf(before: string, after: string): LineRow[] {
  if (before === after) return split(before).map(same);
  const parts = diffLines(ended(before), ended(after), { timeout: PATIENCE_MS });
  if (!parts) return paired(split(before), split(after));
  const rows: LineRow[] = [];
  let removed: string[] = [];
  let added: string[] = [];
  const flush = () => {
    rows.push(...paired(removed, added));
    removed = added = [];
  };
  for (const part of parts) {
    const lines = split(part.value);
    if (part.removed) removed = [...removed, ...lines];
    else if (part.added) added = [...added, ...lines];
    else {
      flush();
      rows.push(...lines.map(same));
    }
  }
  flush();
  return rows;
}

/** Split objects into fields, so that a command has its own entry: `action` with a command becomes `action.command`. */
export function fieldsOf(changes: readonly { field: string; before?: unknown; after?: unknown }[]): Field[] {
  return changes.flatMap(({ field, before, after }) => {
    const parts = [before, after];
    if (!parts.some(isRecord) || !parts.every((part) => isRecord(part) || part === null || part === undefined))
      return [{ name: field, before, after }];
    const [first, second] = parts.map((part) => (isRecord(part) ? part : {})) as [Values, Values];
    const names = [...new Set([...Object.keys(first), ...Object.keys(second)])];
    return names
      .filter((name) => shown(first[name]) !== shown(second[name]))
      .map((name) => ({ name: `${field}.${name}`, before: first[name], after: second[name] }));
  });
}

/** A value as text; empty if it is not set. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((item) => typeof item === "string")
    ? value.join("\n")
    : JSON.stringify(value, null, 2);
}

type Values = Record<string, unknown>;

function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function same(line: string): LineRow {
  const pieces = [{ text: line, changed: false }];
  return { before: pieces, after: pieces, same: true };
}

function paired(removed: string[], added: string[]): LineRow[] {
  return Array.from({ length: Math.max(removed.length, added.length) }, (_, index) => {
    const [before, after] = [removed[index], added[index]];
    if (before === undefined || after === undefined) return { before: whole(before), after: whole(after), same: false };
    const words = diffWordsWithSpace(before, after, { timeout: PATIENCE_MS });
    if (!words) return { before: whole(before), after: whole(after), same: false };
    const side = (other: "added" | "removed", own: "added" | "removed") =>
      words.filter((word) => !word[other]).map((word) => ({ text: word.value, changed: Boolean(word[own]) }));
    return { before: side("added", "removed"), after: side("removed", "added"), same: false };
  });
}

function whole(line: string | undefined): Piece[] | null {
  return line === undefined ? null : [{ text: line, changed: true }];
}

function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function split(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
