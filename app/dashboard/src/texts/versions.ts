/** Texts of the Versions tab. */

import { called } from "./words.ts";

export const versions = {
  title: "Plan versions",
  none: "There is no plan yet.",
  columns: { version: "Version", status: "Status", made: "Created", approved: "Approved", digest: "Digest" },
  current: "current",
  statuses: {
    generating: "Generating",
    ready: "Ready to sign",
    approved: "Approved",
    superseded: "Superseded",
    discarded: "Discarded",
    failed: "Failed",
  } as Record<string, string>,
  by: (actor: string, planner: string) =>
    `by ${called(actor)}, ${planner === "hand" ? "manually" : `planner: ${planner}`}`,
  compare: "Compare",
  from: "From version",
  to: "To version",
  changesOf: (version: number) => `Changes in version ${version}`,
  changes: "Changes",
  single: "There is only one version, so there is nothing to compare yet.",
  same: "Choose two different versions.",
  nothing: "Nothing that an approval covers has changed.",
  between: (from: number, to: number) => `From version ${from} to version ${to}`,
  summary: { added: "added", removed: "removed", changed: "changed" },
  settings: "Project settings",
  assumptions: "Assumptions",
  questions: "Questions",
  phases: "Phases",
  tasks: "Tasks",
  added: "Added",
  removed: "Removed",
  changed: "Changed",
  before: (version: number) => `Version ${version}`,
  empty: "nothing",
  runs: "Runs",
  noRuns: "Nothing has run yet.",
  runColumns: { run: "Run", version: "Plan version", started: "Started", ended: "Ended", status: "Status" },
  goesOn: "in progress",
};
