/** The edits of the editor as changes of a range, which the browser's own undo reverts. */

/** Replace the text from `start` to `end` with `text`, then select from `from` to `to`. */
export interface Change {
  start: number;
  end: number;
  text: string;
  from: number;
  to: number;
}

export type Piece = "phase" | "task" | "command" | "manual" | "decision";

/** The pieces to insert; « and » enclose the placeholder to overwrite. */
const PIECES: Record<Piece, string> = {
  phase: "## «Phase»\n",
  task: "- «What to do»\n",
  command: "- «Title»: `command` {timeout=10m}\n",
  manual: "- [ ] «What a person does»\n",
  decision: "- «What should be decided?» {decision=yes,no}\n",
};
const INDENT = "  ";

/** Insert a piece on its own line, below the cursor's line. */
export function insert(text: string, cursor: number, piece: Piece): Change {
  const newline = text.indexOf("\n", cursor);
  const lineEnd = newline === -1 ? text.length : newline;
  const lineStart = text.lastIndexOf("\n", cursor - 1) + 1;
  const empty = text.slice(lineStart, lineEnd).trim() === "";
  const at = empty ? lineStart : lineEnd;
  const before = text.slice(0, at).trimEnd();
  // A blank line separates phases; tasks follow each other directly.
  const needed = before === "" ? 0 : piece === "phase" || /(^|\n)#[^\n]*$/.test(before) ? 2 : 1;
  const found = text.slice(before.length, at).split("\n").length - 1;
  const lead = "\n".repeat(Math.max(0, needed - found));
  const [head = "", chosen = "", tail = ""] = PIECES[piece].split(/[«»]/);
  const own = `${lead}${head}${chosen}${tail}`;
  const follows = newline === -1 ? own : own.replace(/\n$/, "");
  const from = at + lead.length + head.length;
  return { start: at, end: empty ? lineEnd : at, text: follows, from, to: from + chosen.length };
}

/** Indent or outdent the selected lines by two spaces; without a selection, insert spaces at the cursor. */
export function indent(text: string, start: number, end: number, outwards: boolean): Change {
  if (start === end && !outwards) return { start, end, text: INDENT, from: start + 2, to: start + 2 };
  const first = text.lastIndexOf("\n", start - 1) + 1;
  const lines = text.slice(first, end).split("\n");
  const moved = lines.map((line) => (outwards ? line.replace(/^ {1,2}/, "") : line && INDENT + line));
  const shift = (moved[0]?.length ?? 0) - (lines[0]?.length ?? 0);
  const joined = moved.join("\n");
  const from = Math.max(first, start + shift);
  return { start: first, end, text: joined, from, to: Math.max(from, first + joined.length) };
}

/** The offset of a line and column, which the API counts from 1. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let number = 1; number < line; number++) {
    const newline = text.indexOf("\n", start);
    if (newline === -1) return text.length;
    start = newline + 1;
  }
  const newline = text.indexOf("\n", start);
  return Math.min(start + column - 1, newline === -1 ? text.length : newline);
}

/** `line 12, column 3` as numbers; null for a problem without a position in the text. */
export function placeOf(field: string): { line: number; column: number } | null {
  const match = /^line (\d+), column (\d+)$/.exec(field);
  return match ? { line: Number(match[1]), column: Number(match[2]) } : null;
}
