/** Marks characters in a text that a reader could not see, or would see in another place: people sign what they read. */
export interface Piece {
  kind: "plain" | "unseen" | "reference";
  text: string;
}

/* eslint-disable no-misleading-character-class -- The class lists single characters, among them combining ones. */
// Control characters, format characters (bidirectional, zero-width, tags), spaces other than the plain one, letters without
// a shape, variation selectors except the one for color emoji, private use, and lone surrogates.
const UNSEEN =
  /(?![\n\t ])[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2800\u3164\uFE00-\uFE0E\uFFA0\u{E0100}-\u{E01EF}]/u;
const REFERENCE = /\$\{\{[ -|~]*?\}\}/u;
const MARKED = new RegExp(`${REFERENCE.source}|${UNSEEN.source}`, "gu");

/** The pieces of a text, in order; `${{ … }}` is a reference. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(MARKED)) {
    if (match.index > end) pieces.push({ kind: "plain", text: text.slice(end, match.index) });
    const isReference = match[0].startsWith("${{");
    pieces.push({ kind: isReference ? "reference" : "unseen", text: isReference ? match[0] : nameOf(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ kind: "plain", text: text.slice(end) });
  return pieces;
}

function nameOf(character: string): string {
  return `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

const MAX_LINES = 12;
const MAX_CHARACTERS = 1500;

/** The beginning of a text and its number of lines; for a short text, `beginning` is all of it. */
export function folded(text: string): { beginning: string; lines: number; isLong: boolean } {
  const lines = text.replace(/\n$/, "").split("\n");
  let beginning = lines.length > MAX_LINES ? lines.slice(0, MAX_LINES).join("\n") : text;
  if (beginning.length > MAX_CHARACTERS) beginning = beginning.slice(0, MAX_CHARACTERS).replace(/[\uD800-\uDBFF]$/, "");
  return { beginning, lines: lines.length, isLong: beginning.length < text.length };
}

const EACH_UNSEEN = new RegExp(UNSEEN.source, "gu");

/** The text with invisible characters replaced by their names. */
export function madeVisible(text: string): string {
  return text.replace(EACH_UNSEEN, nameOf);
}
