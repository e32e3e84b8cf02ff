/** Texts of the Log tab. */
import { plural } from "./words.ts";

export const logs = {
  title: "Log of all tasks",
  filter: "Filter lines",
  filterHint: "Find in all logs",
  level: "Level",
  levels: { info: "All lines", warning: "Warnings and errors", error: "Errors" },
  names: { warning: "Warning", error: "Error" },
  none: "No task has started yet.",
  empty: "This task has written nothing.",
  running: "still running: open the task to follow its log",
  line: (number: number) => `Link to line ${number}`,
  more: (count: number) => `Show more: ${plural(count, "task")}`,
  moreLines: (count: number) => `Show more: ${plural(count, "line")}`,
  cut: "Only the beginning of this log is shown. Open the task to see all of it.",
};
