/** The frame of the page. */

export const shell = {
  product: "Signoff",
  projects: "Projects",
  newProject: "New project",
  api: "Browse the API",
  skip: "Skip to content",
  theme: "Colours",
  themes: { system: "System", light: "Light", dark: "Dark" },
  notFound: "There is no such page.",
  backToList: "To the list of projects",
  close: "Close",
  signOut: "Sign out",
  streams: { connecting: "Connecting", live: "Live", stale: "Out of date" },
  stale: "The connection is lost, so what you see may be out of date. Reconnecting…",
  unreachable: "The server does not answer. Is it running? Nothing is lost: try again in a moment.",
  retry: "Try again",
  cancel: "Cancel",
  loading: "Loading…",
  copy: "Copy",
  copied: "Copied.",
  notCopied: "The browser does not allow copying; select the text and copy it by hand.",
  copyOf: (what: string) => `Copy the ${what}`,
};

export const signIn = {
  title: "Sign in",
  key: "API key",
  hint: "This server asks for its key. The browser keeps a cookie for 30 days, not the key.",
  submit: "Sign in",
};

export const project = {
  deleted: "This project was deleted.",
  broken: (why: string) => `This part of the page cannot be shown; the project itself is as it was. ${why}`,
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
};
