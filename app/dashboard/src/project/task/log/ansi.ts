/** Terminal colors as CSS classes; the page gives each class a color that is legible in both themes. */
import Anser from "anser";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
/** Lines with more pieces are not useful, and browsers cannot lay them out. */
const MAX_PIECES = 2000;

/** A line of text and color codes as pieces, each with one style. */
export function colored(line: string): { text: string; classes: string }[] {
  if (!line.includes("\x1b")) return line ? [{ text: line, classes: "" }] : [];
  return Anser.ansiToJson(line, { json: true, use_classes: true, remove_empty: true })
    .slice(0, MAX_PIECES)
    .map((entry) => ({ text: entry.content, classes: classesOf(entry) }));
}

function classesOf(entry: ReturnType<typeof Anser.ansiToJson>[number]): string {
  const classes: string[] = [];
  const isReversed = entry.decorations.includes("reverse");
  const color = nameOf(entry.fg, entry.fg_truecolor);
  const behind = nameOf(entry.bg, entry.bg_truecolor);
  if (isReversed || behind) classes.push("boxed", `c-${(isReversed ? color : behind) || behind || "white"}`);
  else if (color) classes.push(`c-${color}`);
  for (const name of ["bold", "dim", "italic", "underline", "strikethrough"] as const)
    if (entry.decorations.includes(name)) classes.push(name);
  return classes.join(" ");
}

/** The nearest of the eight colors. */
function nameOf(name: string | null, rgb: string | null): string {
  if (!name) return "";
  if (name === "ansi-truecolor") return nearest((rgb ?? "").split(",").map(Number));
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette) return nearest(paletteColor(Number(palette[1])));
  return name.replace(/^ansi-(bright-)?/, "");
}

/** A color of the 6 × 6 × 6 cube or of the grays in xterm's table of 256 colors. */
function paletteColor(index: number): number[] {
  if (index >= 232) return Array<number>(3).fill(8 + (index - 232) * 10);
  const cube = index - 16;
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => (step ? 55 + step * 40 : 0));
}

function nearest([red = 0, green = 0, blue = 0]: number[]): string {
  const min = Math.min(red, green, blue);
  const max = Math.max(red, green, blue);
  if (max - min < 48) return max < 96 ? "black" : "white";
  const middle = (min + max) / 2;
  return NAMES[Number(red > middle) + 2 * Number(green > middle) + 4 * Number(blue > middle)]!;
}
