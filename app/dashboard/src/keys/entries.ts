/** What the command palette offers, and how it finds it. */

export interface Entry {
  id: string;
  kind: "action" | "view" | "task" | "project";
  text: string;
  run: () => void;
}

/** The entries that have every word, at most `limit`; those that begin with the text come first. */
export function matching(entries: Entry[], text: string, limit: number): Entry[] {
  const typed = text.toLowerCase().trim();
  const words = typed.split(/\s+/).filter(Boolean);
  const begins = ({ text: name }: Entry) => Number(name.toLowerCase().startsWith(typed));
  return entries
    .filter(({ text: name }) => words.every((word) => name.toLowerCase().includes(word)))
    .sort((a, b) => begins(b) - begins(a))
    .slice(0, limit);
}
