/** A log as lines, assembled piece by piece as it is written. */

/** Colors and other styles (SGR) that apply at the start of a line because an earlier line set them. */
type Carry = string;

/* eslint-disable no-control-regex -- Escape sequences begin with a control character. */
const SGR = /\x1b\[([\d;:]*)m/g;
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()*+][0-9A-Za-z]|[ -Z\\^_`-~])/g;
const MAX_CARRY = 200;

export class LogLines {
  #done: string[] = [];
  #carries = new Map<number, Carry>();
  #open = "";
  #carry: Carry = "";

  /** The number of lines so far, including one that has not ended yet. */
  get length(): number {
    return this.#done.length + (this.#open ? 1 : 0);
  }

  /** Append text. */
  push(text: string): void {
    const parts = (this.#open + text).split("\n");
    const open = parts.pop()!;
    for (const line of parts) this.#end(line);
    this.#open = this.#current(open);
  }

  /** A line as it was written, with its colors. */
  at(index: number): string {
    return index < this.#done.length ? this.#done[index]! : shownOf(this.#open);
  }

  /** The escape sequences that give a line the style it has in its place. */
  carryAt(index: number): Carry {
    return index < this.#done.length ? (this.#carries.get(index) ?? "") : this.#carry;
  }

  /** The whole log, without colors. */
  text(): string {
    return Array.from({ length: this.length }, (_, index) => plain(this.at(index))).join("\n");
  }

  /** The indexes of the lines from `start` on that contain the words, ignoring case. */
  find(words: string, start = 0): number[] {
    const needle = words.toLowerCase();
    const found: number[] = [];
    for (let index = start; index < this.length; index++)
      if (plain(this.at(index)).toLowerCase().includes(needle)) found.push(index);
    return found;
  }

  #end(line: string): void {
    const last = this.#current(line.replace(/\r+$/, ""));
    if (this.#carry) this.#carries.set(this.#done.length, this.#carry);
    this.#done.push(last);
    this.#carry = carried(this.#carry, last);
  }

  /** The part that no carriage return has overwritten; one overwrites only when text follows it. */
  #current(line: string): string {
    const start = line.lastIndexOf("\r", line.length - 2) + 1;
    if (!start) return line;
    this.#carry = carried(this.#carry, line.slice(0, start));
    return line.slice(start);
  }
}

function shownOf(open: string): string {
  return open.replace(/\r$/, "");
}

function carried(before: Carry, line: string): Carry {
  if (!line.includes("\x1b")) return before;
  let carry = before;
  for (const [whole, codes] of line.matchAll(SGR)) {
    const isReset = !codes || /^0*(;|$)/.test(codes);
    const rest = isReset ? codes!.replace(/^0*;?/, "") : codes!;
    carry = (isReset ? "" : carry) + (isReset ? (rest ? `\x1b[${rest}m` : "") : whole);
  }
  return carry.length > MAX_CARRY ? carry.slice(carry.indexOf("\x1b", carry.length - MAX_CARRY)) : carry;
}

/** A line without its escape sequences. */
export function plain(line: string): string {
  return line.includes("\x1b") ? line.replace(ESCAPES, "") : line;
}

/** A line without escape sequences other than colors. */
export function colorsOnly(line: string): string {
  return line.replace(ESCAPES, (sequence) => (/^\x1b\[[\d;:]*m$/.test(sequence) ? sequence : ""));
}
