/** Texts of the overview of all projects. Only the overview loads them. */
import { plural } from "./words.ts";

export const overview = {
  period: "Period",
  weeks: (number: number) => (number === 52 ? "52 weeks" : plural(number, "week")),
  running: "Running now",
  nothingRuns: "No project is running.",
  longest: (time: string) => `longest for ${time}`,
  waiting: "Waiting for a person",
  nothingWaits: "Nothing is waiting for a person.",
  oldest: (time: string) => `oldest for ${time}`,
  success: "Successful runs",
  ofRuns: (completed: string, ended: number) => `${completed} of ${plural(ended, "run")}`,
  noRuns: "no runs yet",
  cost: "Cost of models",
  calls: (tokens: string) => `${tokens} tokens`,
  unpriced: (number: number) => `plus ${plural(number, "call")} of unknown price`,
  byTemplate: "Runs by template",
  byTemplateHint:
    "How many runs succeeded, and how long the completed ones took on average, including the time in which they waited for people.",
  noTemplate: "Without a template",
  noTemplates: "Runs appear here, by the template from which their project was started.",
  average: (time: string) => `${time} on average`,
  numbers: (completed: number, failed: number, cancelled: number) =>
    [`${completed} completed`, failed ? `${failed} failed` : "", cancelled ? `${cancelled} cancelled` : ""]
      .filter(Boolean)
      .join(", "),
  byWeek: "Runs and cost by week",
  week: (monday: string) => `Week of ${monday}`,
  slowest: "Slowest steps",
  slowestHint: "Time in which a step waited is not included. A step of a template appears once.",
  nothingSlow: "The slowest steps of finished runs appear here.",
  for: (time: string) => `for ${time}`,
  none: "Nothing to show yet",
  noneHint:
    "When projects run, this page shows what runs, what waits and for how long, how often the runs of each template succeed, what they cost, and which steps are slow.",
};
