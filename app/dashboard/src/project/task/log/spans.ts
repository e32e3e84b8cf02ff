/** A line of a log in pieces of one style each, with search matches separated. */

export interface Span {
  text: string;
  classes: string;
  isMatch: boolean;
}

/** Split the pieces of a line where the words begin and end, ignoring case. */
export function marked(pieces: { text: string; classes: string }[], words: string): Span[] {
  const whole = pieces.map((piece) => piece.text).join("");
  const ends = words ? boundaries(whole.toLowerCase(), words.toLowerCase()) : [];
  const spans: Span[] = [];
  let at = 0;
  let passed = 0;
  for (const { text, classes } of pieces) {
    let start = 0;
    while (start < text.length) {
      while (passed < ends.length && ends[passed]! <= at + start) passed++;
      const end = Math.min(text.length, (ends[passed] ?? Infinity) - at);
      // Boundaries are pairs of start and end: after an odd number of them, the position is within a match.
      spans.push({ text: text.slice(start, end), classes, isMatch: passed % 2 === 1 });
      start = end;
    }
    at += text.length;
  }
  return spans;
}

/** The alternating starts and ends of matches; adjacent matches are merged. */
function boundaries(text: string, words: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
    if (found.at(-1) === at) found[found.length - 1] = at + words.length;
    else found.push(at, at + words.length);
  }
  return found;
}
