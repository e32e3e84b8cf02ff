/** How serious a line of a log is, from its words. */
export type Level = "error" | "warning" | "info";

const NONE = /\b(?:0|no|without) (?:errors?|failures?|failed|warnings?)\b/gi;
const ERROR = /\b(?:error|errors|err|fatal|critical|panic|exception|traceback|failed|failure)\b/i;
const WARNING = /\b(?:warn|warning|warnings|deprecated)\b/i;

export function levelOf(line: string): Level {
  const text = line.replace(NONE, "");
  if (ERROR.test(text)) return "error";
  return WARNING.test(text) ? "warning" : "info";
}

/** Whether a line of this level is shown if at least `least` is asked for. */
export function isShown(level: Level, least: Level): boolean {
  return least === "info" || level === "error" || level === least;
}
