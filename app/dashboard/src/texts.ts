/** Every text of the page, by view. */
import type { Project, Status } from "./api/client";

export const statusNames: Record<Status, string> = {
  pending: "Pending",
  waiting: "Waiting",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  skipped: "Skipped",
  awaiting_approval: "Awaiting approval",
};

export const stageNames: Record<Project["stage"], string> = {
  draft: "Draft",
  planning: "Planning",
  awaiting_approval: "Awaiting approval",
  executing: "Executing",
  awaiting_phase_approval: "Awaiting phase approval",
  awaiting_decision: "Awaiting decision",
  paused: "Paused",
  cancelling: "Cancelling",
  finished: "Finished",
};

export const texts = {
  shell: {
    product: "Signoff",
    projects: "Projects",
    newProject: "New project",
    api: "API",
    skip: "Skip to content",
    theme: "Colours",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    notFound: "There is no such page.",
    backToList: "To the list of projects",
    close: "Close",
    signOut: "Sign out",
    streams: { connecting: "Connecting", live: "Live", stale: "Out of date" },
    stale: "The connection is lost, so what you see may be out of date. Connecting anew…",
    unreachable: "The server does not answer. Is it running? Nothing is lost: try again in a moment.",
    retry: "Try again",
    cancel: "Cancel",
    loading: "Loading…",
  },
  signIn: {
    title: "Sign in",
    key: "API key",
    hint: "This server asks for its key. The browser keeps a cookie for 30 days, not the key.",
    submit: "Sign in",
  },
  list: {
    title: "Projects",
  },
  create: {
    title: "New project",
  },
  project: {
    deleted: "This project was deleted.",
    tabs: {
      plan: "Plan",
      graph: "Graph",
      timeline: "Timeline",
      files: "Files",
      metrics: "Metrics",
      record: "Record",
      versions: "Versions",
    },
    sections: "Parts of the project",
  },
  plan: {},
  task: {},
  files: {},
  graph: {},
  timeline: {},
  metrics: {},
  record: {},
  versions: {},
  signoff: {},
};
