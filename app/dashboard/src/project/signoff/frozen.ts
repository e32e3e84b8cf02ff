/** What an approval freezes besides the plan itself: what is not covered, and what has changed since it was read. */
import type { Plan } from "../../api/client";

export type Frozen = NonNullable<Plan["frozen"]>;

/** A section of the frozen content with changes; `names` are the changed entries. */
export interface Moved {
  section: Section;
  names: string[];
}

// The sections that the approved digest covers. The worker records programs and the sandbox later.
const SECTIONS = [
  "files", "unhashed", "outside", "unknown", "unread", "agents", "actions", "retries", "limits", "task_limits", "http_allow", "app_url",
] as const; // prettier-ignore
type Section = (typeof SECTIONS)[number];

/** The differences between two readings of what an approval would freeze. */
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

/** Whether two readings of one plan version have the same files and settings around it. */
export function sameSurroundings(one: Plan, other: Plan): boolean {
  return one.frozen?.digest === other.frozen?.digest;
}

/** Something that the signature does not cover. */
export interface Uncovered {
  kind: "unhashed" | "outside" | "unknown" | "unread";
  name: string;
  /** The reason, or what runs, as written in the command. */
  detail: string;
}

/** Everything that commands name but the signature does not cover. */
export function uncovered(frozen: Frozen): Uncovered[] {
  const found: Uncovered[] = [];
  for (const [name, detail] of Object.entries(frozen.unhashed)) found.push({ kind: "unhashed", name, detail });
  for (const name of frozen.outside) found.push({ kind: "outside", name, detail: "" });
  for (const [name, words] of Object.entries(frozen.unknown))
    found.push({ kind: "unknown", name, detail: words.join(", ") });
  for (const name of frozen.unread) found.push({ kind: "unread", name, detail: "" });
  return found;
}
