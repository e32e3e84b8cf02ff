/** What an approval freezes besides the plan itself: what is shown of it, and what is new since it was read. */
import type { Plan } from "../../api/client";

export type Frozen = NonNullable<Plan["frozen"]>;

/** A section of what is frozen, in which something has changed; `names` are those of the entries. */
export interface Moved {
  section: Section;
  names: string[];
}

// What the digest that a reader approves covers. Programs and the sandbox are captured later, by the worker.
const SECTIONS = [
  "files", "unhashed", "outside", "unknown", "unread", "agents", "actions", "retries", "limits", "task_limits", "http_allow", "app_url",
] as const; // prettier-ignore
export type Section = (typeof SECTIONS)[number];

/** Where two readings of what an approval would freeze differ. */
export function movedBetween(before: Frozen, after: Frozen): Moved[] {
  const moved: Moved[] = [];
  for (const section of SECTIONS) {
    const [old, now] = [entriesOf(before[section]), entriesOf(after[section])];
    const names = [...new Set([...old.keys(), ...now.keys()])].filter((name) => old.get(name) !== now.get(name));
    if (names.length) moved.push({ section, names });
  }
  return moved;
}

function entriesOf(value: Frozen[Section]): Map<string, string> {
  if (value === null) return new Map();
  if (typeof value === "string") return new Map([[value, ""]]);
  if (Array.isArray(value)) return new Map(value.map((name) => [name, ""]));
  return new Map(Object.entries(value).map(([name, entry]) => [name, JSON.stringify(entry)]));
}

/** Whether two readings of one plan version surround it with the same. */
export function sameSurroundings(one: Plan, other: Plan): boolean {
  return one.frozen?.digest === other.frozen?.digest;
}

/** Something that the signature does not cover. */
export interface Uncovered {
  kind: "unhashed" | "outside" | "unknown" | "unread";
  name: string;
  /** The reason, or what is run as the command writes it. */
  detail: string;
}

/** Everything that commands name and the signature does not cover. */
export function uncovered(frozen: Frozen): Uncovered[] {
  const found: Uncovered[] = [];
  for (const [name, detail] of Object.entries(frozen.unhashed)) found.push({ kind: "unhashed", name, detail });
  for (const name of frozen.outside) found.push({ kind: "outside", name, detail: "" });
  for (const [name, words] of Object.entries(frozen.unknown))
    found.push({ kind: "unknown", name, detail: words.join(", ") });
  for (const name of frozen.unread) found.push({ kind: "unread", name, detail: "" });
  return found;
}
