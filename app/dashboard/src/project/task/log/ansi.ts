/** Colours of terminals as classes; the colours behind the classes are the page's own, and legible in both themes. */
import Anser from "anser";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
/** No terminal line is of use beyond this, and a browser does not lay out more in one. */
const MAX_PIECES = 2000;

/** A line of text and colour codes as pieces of one look each. */
export function coloured(line: string): { text: string; classes: string }[] {
  if (!line.includes("\x1b")) return line ? [{ text: line, classes: "" }] : [];
  return Anser.ansiToJson(line, { json: true, use_classes: true, remove_empty: true })
    .slice(0, MAX_PIECES)
    .map((entry) => ({ text: entry.content, classes: classesOf(entry) }));
}

function classesOf(entry: ReturnType<typeof Anser.ansiToJson>[number]): string {
  const classes: string[] = [];
  const isReversed = entry.decorations.includes("reverse");
  const colour = nameOf(entry.fg, entry.fg_truecolor);
  const behind = nameOf(entry.bg, entry.bg_truecolor);
  if (isReversed || behind) classes.push("boxed", `c-${(isReversed ? colour : behind) || behind || "white"}`);
  else if (colour) classes.push(`c-${colour}`);
  for (const name of ["bold", "dim", "italic", "underline", "strikethrough"] as const)
    if (entry.decorations.includes(name)) classes.push(name);
  return classes.join(" ");
}

/** Which of the eight colours comes nearest. */
function nameOf(name: string | null, rgb: string | null): string {
  if (!name) return "";
  if (name === "ansi-truecolor") return nearest((rgb ?? "").split(",").map(Number));
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette) return nearest(paletteColour(Number(palette[1])));
  return name.replace(/^ansi-(bright-)?/, "");
}

/** Of the 6 by 6 by 6 cube, or of the greys (xterm's table of 256 colours). */
function paletteColour(index: number): number[] {
  if (index >= 232) return Array<number>(3).fill(8 + (index - 232) * 10);
  const cube = index - 16;
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => (step ? 55 + step * 40 : 0));
}

function nearest([red = 0, green = 0, blue = 0]: number[]): string {
  const least = Math.min(red, green, blue);
  const most = Math.max(red, green, blue);
  if (most - least < 48) return most < 96 ? "black" : "white";
  const middle = (least + most) / 2;
  return NAMES[Number(red > middle) + 2 * Number(green > middle) + 4 * Number(blue > middle)]!;
}
