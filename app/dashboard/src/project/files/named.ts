/** Finds the files that a text names. */
import { nameOf, type FileInfo } from "./listing.ts";

/** Whether the text may name a file at all. */
export function mayNameFiles(text: string): boolean {
  return /[\w-]\.[A-Za-z0-9]|\//.test(text);
}

/** The files that the text names by path, or by name if only one file has that name; logs are left out. */
export function filesNamedIn(text: string, files: FileInfo[]): FileInfo[] {
  const own = files.filter((file) => file.kind !== "log");
  return own.filter(({ path }) => {
    if (isIn(text, path)) return true;
    const name = nameOf(path);
    return name.includes(".") && isIn(text, name) && own.filter((file) => nameOf(file.path) === name).length === 1;
  });
}

function isIn(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const [before, after] = [text.slice(0, at), text.slice(at + name.length)];
    // A period may end a sentence, and `./` may begin a path.
    if (!/[\w/.-]$/.test(before.replace(/(^|[^\w/.-])\.\/$/, "$1")) && !/^(?:[\w/-]|\.\w)/.test(after)) return true;
  }
  return false;
}

/** The endings of files that people read, best first. */
const SHOWN = [
  ["md", "markdown"],
  ["html", "htm"],
  ["csv", "tsv", "txt"],
  ["png", "jpg", "jpeg", "gif", "webp"],
];

/** The file to show first among the results: Markdown, a page, a table, text or an image, if there is one. */
export function firstToRead(files: FileInfo[]): FileInfo | undefined {
  const ending = (path: string) => nameOf(path).split(".").at(-1)!.toLowerCase();
  for (const endings of SHOWN) {
    const found = files.find(({ path, size }) => size > 0 && endings.includes(ending(path)));
    if (found) return found;
  }
  return undefined;
}
