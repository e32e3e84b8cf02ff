/** The programs that a shell command names: a summary for readers. Judging them is the task of the audit. */
const SHELL_KEYWORDS = new Set(
  "if then elif else fi for while until do done case esac in { } ! [[ ]] function select time".split(" "),
);
/** Programs that run the program named after them. */
const RUNNERS = new Set(["sudo", "env", "exec", "nohup", "command", "time", "nice"]);
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/;
const HERE_DOCUMENT = /<<-?\s*(['"]?)([A-Za-z_]\w*)\1([^\n]*)\n[\s\S]*?\n[\t ]*\2(?=\n|$)/g;

/** The audit reads no further either, and reports longer commands. */
const MAX_LENGTH = 20_000;
/** Commands that people write are never nested this deeply. */
const MAX_DEPTH = 10;
/** Stands for the part that was not examined. */
const MORE = "…";

/**
 * The programs in the order in which they first appear, those in substitutions last. A program named by a variable is shown
 * as `$x`; a final `…` means that there may be more.
 */
export function programs(command: string): string[] {
  const found = new Set<string>();
  let first = true;
  for (const word of words(command.slice(0, MAX_LENGTH).replace(HERE_DOCUMENT, " $3"))) {
    if (word === null) {
      first = true;
    } else if (first && !ASSIGNMENT.test(word)) {
      if (["for", "case", "select"].includes(word)) first = false;
      if (SHELL_KEYWORDS.has(word)) continue;
      const name = programName(word);
      if (!name.startsWith("-")) found.add(name);
      first = RUNNERS.has(name) || name.startsWith("-");
    }
  }
  const incomplete = found.delete(MORE) || command.length > MAX_LENGTH;
  return incomplete ? [...found, MORE] : [...found];
}

/** The name of a program, without its folder. */
export function programName(word: string): string {
  return word.split("/").pop() || word;
}

/** The words of a command, null between commands; the commands of `$(…)` and backticks come last. */
function* words(text: string): Generator<string | null> {
  let level = [text];
  for (let depth = 0; level.length; depth += 1) {
    if (depth > MAX_DEPTH) return yield* [null, MORE];
    const inner: string[] = [];
    for (const command of level) {
      yield null;
      yield* wordsOf(command, inner);
    }
    level = inner;
  }
}

/** The words of one command; the contents of its substitutions are added to `inner`. */
function* wordsOf(text: string, inner: string[]): Generator<string | null> {
  let word = "";
  let index = 0;
  while (index < text.length) {
    const char = text[index]!;
    const end = endOf(text, index);
    if (end > index) {
      const content = text.slice(index + 1, end);
      if (char === '"') inner.push(...substitutions(content));
      else if (char !== "'") inner.push(char === "$" ? content.slice(1) : content);
      word += char === "$" || char === "`" ? "$(…)" : content || " ";
      index = end;
    } else if (char === "\\") {
      word += text[index + 1] === "\n" ? "" : (text[index + 1] ?? "");
      index += 1;
    } else if (char === "#" && !word) {
      const line = text.indexOf("\n", index);
      index = line < 0 ? text.length : line - 1;
    } else if (char === "&" && (/[<>]$/.test(word) || text[index + 1] === ">")) {
      word += char;
    } else if (/[\s|&;()]/.test(char)) {
      if (word) yield word;
      word = "";
      if (/[|&;\n()]/.test(char)) yield null;
    } else {
      word += char;
    }
    index += 1;
  }
  if (word) yield word;
}

/** The end of the quotation or substitution that starts at `from`; `from` itself if none starts there. */
function endOf(text: string, from: number): number {
  const char = text[from]!;
  if (char === "'" || char === "`") return orLast(text, text.indexOf(char, from + 1));
  if (char === "$" && text[from + 1] === "(") return closing(text, from + 2, ")");
  return char === '"' ? closing(text, from + 1, '"') : from;
}

function orLast(text: string, index: number): number {
  return index < 0 ? text.length : index;
}

function closing(text: string, from: number, mark: string): number {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    const char = text[index];
    if (char === "\\") index += 1;
    else if (char === mark && depth === 0) return index;
    else if (mark === ")" && char === "(") depth += 1;
    else if (mark === ")" && char === ")") depth -= 1;
  }
  return text.length;
}

function substitutions(quoted: string): string[] {
  const found: string[] = [];
  for (let index = 0; index < quoted.length; index += 1) {
    const char = quoted[index];
    if (char === "\\") index += 1;
    if (char !== "`" && char !== "$") continue;
    const end = endOf(quoted, index);
    if (end > index) {
      found.push(quoted.slice(index + (char === "$" ? 2 : 1), end));
      index = end;
    }
  }
  return found;
}
