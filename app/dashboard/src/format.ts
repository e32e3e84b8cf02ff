/** Formats times, durations, sizes and amounts for people. */
const clockFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const timeFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** Date and time of day, in the reader's time zone. */
export function moment(at: string): string {
  return clockFormat.format(new Date(at));
}

/** Only the time of day, in the reader's time zone. */
export function timeOfDay(at: string): string {
  return timeFormat.format(new Date(at));
}

/** Roughly how long ago, or in how long; the date if that is more than 30 days. */
export function relative(at: string, now: number): string {
  const passed = now - Date.parse(at);
  // The clocks of server and reader may differ a little.
  if (passed < 45_000 && passed > -45_000) return "just now";
  const [length, sign] = [Math.abs(passed), -Math.sign(passed)];
  if (length > 30 * 86_400_000) return clockFormat.format(new Date(at));
  for (const [unit, size] of STEPS) if (length >= size) return ago.format(sign * Math.floor(length / size), unit);
  return ago.format(sign, "minute");
}

/** A duration: `840 ms`, `9.4 s`, `12 s`, `3 min 07 s`, `5 min`, `2 h 05 min`, `3 d 04 h`. */
export function span(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${rest(Math.floor(seconds % 60), "s")}`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h${rest(minutes % 60, "min")}` : `${Math.floor(hours / 24)} d${rest(hours % 24, "h")}`;
}

function rest(value: number, unit: string): string {
  return value ? ` ${String(value).padStart(2, "0")} ${unit}` : "";
}

/** A size: `812 B`, `14.2 kB`, `3.1 MB`; a kilobyte is 1000 bytes. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000 || unit === "GB") return unit === "B" ? `${value} B` : `${value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return "";
}

/** An amount in US dollars; small ones get enough digits not to look like zero. */
export function dollars(amount: number): string {
  return amount !== 0 && amount < 0.01 ? `$${amount.toPrecision(2)}` : `$${amount.toFixed(2)}`;
}

/** A number with thousands separators. */
export function count(value: number): string {
  return value.toLocaleString("en");
}
