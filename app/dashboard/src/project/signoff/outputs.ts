/** Outputs that a person gives a task, as they are typed. */
export interface Row {
  name: string;
  value: string;
}

/** As the API takes them. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** The outputs; a value that is JSON is taken as such, everything else as text, rows without a name or value not at all. */
export function outputsOf(rows: Row[]): Record<string, unknown> {
  const given = rows.filter((row) => row.name.trim() && row.value !== "");
  return Object.fromEntries(given.map(({ name, value }) => [name.trim(), valueOf(value)]));
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What is wrong with the names, if anything is. */
export function wrongName(rows: Row[]): "bad" | "twice" | null {
  const names = rows.filter((row) => row.name.trim() || row.value !== "").map((row) => row.name.trim());
  if (names.some((name) => !NAME.test(name))) return "bad";
  return new Set(names).size < names.length ? "twice" : null;
}
