/** Durations that grow while they are shown, without digits that would flicker. */
import { span } from "../../format.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

/** To the second: `7 s`, `3 min 07 s`. */
export function runningSpan(milliseconds: number): string {
  const whole = Math.max(0, milliseconds);
  return whole < MINUTE ? `${Math.floor(whole / 1000)} s` : span(whole);
}

/** For waiting times: whole minutes, from the first minute on. */
export function coarseSpan(milliseconds: number): string {
  return milliseconds >= MINUTE && milliseconds < HOUR
    ? `${Math.floor(milliseconds / MINUTE)} min`
    : runningSpan(milliseconds);
}
