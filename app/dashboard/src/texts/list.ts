/** Texts of the list of projects. */
import { plural } from "./words.ts";

export const list = {
  title: "Projects",
  byStatus: "Projects by status",
  all: "All",
  search: "Search names and descriptions",
  sort: "Sort by",
  sorts: { newest: "Newest", oldest: "Oldest", updated: "Last changed", name: "Name", status: "Status" },
  archive: "Archive",
  archives: { false: "Without the archive", true: "Only the archive", all: "With the archive" },
  size: "Rows",
  pages: "Pages",
  shown: (first: string, last: string, total: string) => `${first}–${last} of ${total}`,
  page: (page: string, pages: string) => `Page ${page} of ${pages}`,
  first: "First",
  previous: "Previous",
  next: "Next",
  last: "Last",
  /** What the stage adds to the status. */
  stages: {
    draft: "No plan yet",
    planning: "Generating the plan",
    awaiting_approval: "Waiting for your approval",
    changes_requested: "Changes requested",
    executing: "",
    awaiting_phase_approval: "A phase is waiting for your approval",
    awaiting_decision: "Waiting for your answer",
    paused: "Paused",
    cancelling: "Cancelling",
    finished: "",
  },
  strategies: { performance: "Performance", balanced: "Balanced", economy: "Economy", careful: "Careful" },
  updated: (at: string) => `Last changed ${at}`,
  outcomes: {
    completed_with_skipped_failures: "Failed tasks skipped",
    rejected: "Rejected",
    expired: "Not approved in time",
  },
  approved: (at: string) => `Approved, takes effect at ${at}`,
  yourChanges: "Waiting for your changes",
  blocked: {
    workflow_task_failing: "Blocked: its workflow task keeps failing",
    activity_paused: "Blocked: paused in Temporal",
  },
  manual: (number: number) => `${plural(number, "task is", "tasks are")} waiting for you`,
  select: (name: string) => `Select ${name}`,
  selectAll: "Select all on this page",
  selected: (number: string) => `${number} selected`,
  selectNone: "Clear selection",
  more: (name: string) => `More actions for ${name}`,
  duplicate: "Duplicate",
  duplicated: (name: string) => `Created “${name}”.`,
  notDuplicated: (name: string, why: string) => `“${name}” was not duplicated: ${why}`,
  open: "Open",
  toArchive: "Archive",
  fromArchive: "Bring back",
  inArchive: "Archived",
  isArchived: "This project is in the archive. Lists and searches leave it out.",
  archived: (number: number) => `${plural(number, "project was", "projects were")} archived.`,
  unarchived: (number: number) => `${plural(number, "project was", "projects were")} brought back from the archive.`,
  notArchived: (why: string) => `Not moved: ${why}`,
  delete: "Delete…",
  deleteTitle: (number: number) => (number === 1 ? "Delete this project?" : `Delete ${plural(number, "project")}?`),
  deleteCount: (number: number) => (number === 1 ? "Delete" : `Delete ${number}`),
  andMore: (number: number) => `and ${number} more`,
  running: (number: number, of: number) =>
    of === 1
      ? "It is running. It will be cancelled first, and work in progress will be interrupted."
      : `Of these, ${number} ${number === 1 ? "is" : "are"} running. Running projects will be cancelled first, and work in progress will be interrupted.`,
  deleteHint:
    "Plans, records and the files in folders that Signoff created are permanently deleted. You have 8 seconds to undo this.",
  isLeaving: "Deleting…",
  leaving: (number: number, name: string) =>
    number === 1 ? `Deleting “${name}”…` : `Deleting ${plural(number, "project")}…`,
  undo: "Undo",
  outcome: (deleted: number, cancelling: number) =>
    [
      deleted ? `${plural(deleted, "project was", "projects were")} deleted.` : "",
      cancelling
        ? `${plural(cancelling, "project is", "projects are")} still being cancelled and will be deleted afterwards.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  refused: (name: string, why: string) => `“${name}” was not deleted: ${why}`,
  notDeleted: (number: number, why: string) => `${plural(number, "project was", "projects were")} not deleted: ${why}`,
  nothingMatches: "No matching projects",
  nothingFor: (search: string) => `No project has “${search}” in its name or description.`,
  nothingArchived: "No such project is in the archive.",
  nothingOfStatus: "No project has this status now.",
  clear: "Clear search and filter",
  none: "No projects yet",
  whatThisIs:
    "A project is planned before it runs. You read the plan and approve it; only then does Signoff run it, step by step. The record shows what was done and who decided.",
  fromExample: "Start from an example",
};
