/** The axis of a timeline: the positions and labels of its marks. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Distances between marks that are easy to count in. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((value) => value * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((value) => value * MINUTE),
  ...[1, 2, 3, 6, 12].map((value) => value * HOUR),
  ...[1, 2, 7, 14, 28, 56, 112, 364].map((value) => value * DAY),
];

/** The smallest step that divides `length` milliseconds into at most `max` parts. */
export function stepFor(length: number, max: number): number {
  const last = STEPS.at(-1) ?? DAY;
  return STEPS.find((step) => length / step <= max) ?? last * Math.ceil(length / (last * max));
}

/** The length of the axis for a run in progress, with room to grow, so that the bars do not move every second. */
export function roomFor(length: number): number {
  const step = stepFor(Math.max(length, 1), 6);
  return (Math.floor(length / step) + 1) * step;
}

/** The marks of an axis from 0 to `length`. */
export function ticks(length: number, max: number): { at: number; label: string }[] {
  const step = stepFor(Math.max(length, 1), Math.max(1, max));
  const count = Math.floor(length / step);
  return Array.from({ length: count + 1 }, (_, index) => ({ at: index * step, label: label(index * step) }));
}

/** Time since the start: `0`, `250 ms`, `1.5 s`, `2 min 30 s`, `3 h`, `1 d 6 h`. */
export function label(milliseconds: number): string {
  if (milliseconds === 0) return "0";
  if (milliseconds < SECOND) return `${milliseconds} ms`;
  if (milliseconds < MINUTE) return `${milliseconds / SECOND} s`;
  if (milliseconds < HOUR) return two(milliseconds, MINUTE, "min", SECOND, "s");
  if (milliseconds < DAY) return two(milliseconds, HOUR, "h", MINUTE, "min");
  return two(milliseconds, DAY, "d", HOUR, "h");
}

function two(value: number, large: number, name: string, small: number, smallName: string): string {
  const rest = Math.round((value % large) / small);
  return `${Math.floor(value / large)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
}
