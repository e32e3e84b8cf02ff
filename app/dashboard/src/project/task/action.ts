/** Everything that an action does, field by field, regardless of its type. */

export interface Field {
  name: string;
  text: string;
  /** Code that runs or is sent as it is, words for people or models, or a single value. */
  form: "code" | "words" | "value";
}

type Fields = Record<string, unknown>;

const WORDS = new Set(["prompt", "instructions", "question"]);
const CODE = new Set(["command", "body", "code", "script", "query"]);
/** Fields whose texts are shown one by one; a line holds one of them. */
export const LISTS = new Set(["options", "shows"]);
/** Default values, which need not be shown. */
const DEFAULTS: Fields = { cwd: ".", follow_redirects: true, instructions: "" };

/** The fields of an action to show; the one that says what it does comes first. */
export function fieldsOf(action: Fields): Field[] {
  const { type, ...rest } = action;
  const fields: Field[] = [];
  if (type === "http" && typeof rest.url === "string") {
    const { method, url, ...others } = rest;
    fields.push({ name: "request", text: `${String(method ?? "GET")} ${url}`, form: "code" });
    return [...fields, ...shownOf(others)];
  }
  return shownOf(rest);
}

function shownOf(fields: Fields): Field[] {
  return Object.entries(fields)
    .filter(([name, value]) => !isNothing(name, value))
    .map(([name, value]) => fieldOf(name, value))
    .sort((a, b) => rank(a) - rank(b));
}

function rank(field: Field): number {
  return field.form === "value" ? 1 : 0;
}

function isNothing(name: string, value: unknown): boolean {
  if (value === null || value === undefined || DEFAULTS[name] === value) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function fieldOf(name: string, value: unknown): Field {
  if (name.endsWith("seconds") && typeof value === "number") return { name, text: String(value), form: "value" };
  if (name === "argv" && isTexts(value)) return { name, text: value.map(quoted).join(" "), form: "code" };
  if ((name === "headers" || name === "env") && isPairs(value))
    return { name, text: linesOf(value, name), form: "code" };
  if (LISTS.has(name) && isTexts(value))
    return { name, text: value.map((text) => oneLine(text)).join("\n"), form: "value" };
  if (typeof value === "string") {
    const form = WORDS.has(name) ? "words" : CODE.has(name) || value.includes("\n") ? "code" : "value";
    return { name, text: value, form };
  }
  if (isScalars(value)) return { name, text: value.map(String).join(", "), form: "value" };
  if (typeof value === "object") return { name, text: JSON.stringify(value, null, 2), form: "code" };
  return { name, text: String(value), form: "value" };
}

function linesOf(pairs: Record<string, string>, name: string): string {
  const sign = name === "env" ? "=" : ": ";
  return Object.entries(pairs)
    .map(([key, value]) => `${oneLine(key)}${sign}${oneLine(value)}`)
    .join("\n");
}

/** The text, as JSON if line breaks would make one entry look like two. */
function oneLine(text: string): string {
  return /[\n\r]/.test(text) ? JSON.stringify(text) : text;
}

/** The argument, quoted if its beginning and end would not be visible otherwise. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isScalars(value: unknown): value is (number | boolean)[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number" || typeof item === "boolean");
}

function isPairs(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((item) => typeof item === "string");
}
