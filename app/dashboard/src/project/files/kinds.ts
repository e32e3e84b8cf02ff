/** The ways to show a file. */
export type Kind = "image" | "html" | "markdown" | "table" | "json" | "text";

const BY_ENDING: Record<string, Kind> = {
  md: "markdown",
  markdown: "markdown",
  csv: "table",
  tsv: "table",
  json: "json",
  geojson: "json",
  html: "html",
  htm: "html",
  svg: "text",
};

/** The kind of a file, from its name and the server's content type; only the content shows whether it is text. */
export function kindOf(path: string, contentType: string): Kind {
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const known = BY_ENDING[ending];
  if (known) return known;
  return /^image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/.test(contentType) ? "image" : "text";
}

const SAMPLE_BYTES = 8192;

/** Bytes decoded as text, or null if they are not text; a character cut off at the end is left out. */
export function textOf(bytes: Uint8Array): string | null {
  const start = bytes.subarray(0, SAMPLE_BYTES);
  if (start.includes(0)) return null;
  const text = new TextDecoder("utf-8").decode(bytes).replace(/\uFFFD$/, "");
  const unknown = text.slice(0, SAMPLE_BYTES).split("\uFFFD").length - 1;
  return unknown > start.length / 20 ? null : text;
}

/** JSON with line breaks, or null if it is not JSON. Numbers and strings stay exact, unlike after `JSON.parse`. */
export function prettyJson(text: string): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const pieces: string[] = [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      const isEmpty = next === "}" || next === "]";
      if (!isEmpty) depth++;
      pieces.push(token, isEmpty ? "" : newLine());
    } else if (token === "}" || token === "]") {
      const isEmpty = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      if (!isEmpty) depth--;
      pieces.push(isEmpty ? "" : newLine(), token);
    } else if (token === ",") pieces.push(token, newLine());
    else pieces.push(token === ":" ? ": " : token);
  });
  return pieces.join("");
}
