/** The outputs of a manual task, as a person types them. */
export interface Row {
  name: string;
  value: string;
}

/** The names that the API accepts. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** The outputs: JSON values are parsed, all others are text, and rows without a name or value are left out. */
export function outputsOf(rows: Row[]): Record<string, unknown> {
  const filled = rows.filter((row) => row.name.trim() && row.value !== "");
  return Object.fromEntries(filled.map(({ name, value }) => [name.trim(), valueOf(value)]));
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The problem with the names, if there is one. */
export function wrongName(rows: Row[]): "bad" | "twice" | null {
  const names = rows.filter((row) => row.name.trim() || row.value !== "").map((row) => row.name.trim());
  if (names.some((name) => !NAME.test(name))) return "bad";
  return new Set(names).size < names.length ? "twice" : null;
}
