/** The list of projects. */

export const list = {
  title: "Projects",
  byStatus: "Projects by status",
  all: "All",
  search: "Search names and descriptions",
  sort: "Sort by",
  sorts: { newest: "Newest", oldest: "Oldest", updated: "Last changed", name: "Name", status: "Status" },
  size: "Rows",
  pages: "Pages",
  shown: (first: string, last: string, total: string) => `${first}–${last} of ${total}`,
  page: (page: string, pages: string) => `Page ${page} of ${pages}`,
  first: "First",
  previous: "Previous",
  next: "Next",
  last: "Last",
  /** What a stage says more than the status does. */
  stages: {
    draft: "No plan yet",
    planning: "A plan is being made",
    awaiting_approval: "Waiting for your approval",
    executing: "",
    awaiting_phase_approval: "A phase waits for you",
    awaiting_decision: "Waiting for your answer",
    paused: "Paused",
    cancelling: "Being cancelled",
    finished: "",
  },
  strategies: { performance: "Performance", balanced: "Balanced", economy: "Economy", careful: "Careful" },
  updated: (at: string) => `Last changed ${at}`,
  blocked: {
    workflow_task_failing: "Blocked: its workflow task keeps failing",
    activity_paused: "Blocked: paused in Temporal",
  },
  manual: (number: number) => (number === 1 ? "A task waits for you" : `${number} tasks wait for you`),
  waiting: (number: number) => `${number} ${number === 1 ? "waits" : "wait"} for you: go to the next`,
  select: (name: string) => `Select ${name}`,
  selectAll: "Select all on this page",
  selected: (number: string) => `${number} selected`,
  selectNone: "Select none",
  more: (name: string) => `More for ${name}`,
  duplicate: "Duplicate",
  duplicated: (name: string) => `There is now “${name}”.`,
  notDuplicated: (name: string, why: string) => `“${name}” was not duplicated: ${why}`,
  open: "Open",
  delete: "Delete…",
  deleteTitle: (number: number) => (number === 1 ? "Delete this project?" : `Delete ${number} projects?`),
  deleteCount: (number: number) => (number === 1 ? "Delete" : `Delete ${number}`),
  andMore: (number: number) => `and ${number} more`,
  running: (number: number, of: number) =>
    of === 1
      ? "It is running: it is cancelled first, and the work in progress is interrupted."
      : `Of these, ${number === 1 ? "1 is" : `${number} are`} running: they are cancelled first, and the work in progress is interrupted.`,
  deleteHint:
    "Plans, records and the files in folders that Signoff made are deleted for good. You have 8 seconds to undo it.",
  isLeaving: "Is being deleted",
  leaving: (number: number, name: string) =>
    number === 1 ? `“${name}” is being deleted.` : `${number} projects are being deleted.`,
  undo: "Undo",
  outcome: (deleted: number, cancelling: number) =>
    [
      deleted ? `${deleted === 1 ? "1 project was" : `${deleted} projects were`} deleted.` : "",
      cancelling
        ? `${cancelling === 1 ? "1 is" : `${cancelling} are`} still being cancelled, and deleted after that.`
        : "",
    ]
      .filter(Boolean)
      .join(" "),
  refused: (name: string, why: string) => `“${name}” was not deleted: ${why}`,
  notDeleted: (number: number, why: string) =>
    `${number === 1 ? "The project was" : `${number} projects were`} not deleted: ${why}`,
  nothingMatches: "No project matches",
  nothingFor: (search: string) => `None has “${search}” in its name or description.`,
  nothingOfStatus: "None has this status now.",
  clear: "Clear search and filter",
  none: "No projects yet",
  whatThisIs:
    "A project is work that is planned first: you read the plan and sign it, and only then it is carried out, step by step, with a record of what was done and who decided.",
  fromExample: "Start from an example",
};
