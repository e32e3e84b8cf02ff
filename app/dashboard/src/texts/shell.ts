/** Texts of the page frame, of signing in, and of the project page. */

export const shell = {
  product: "Signoff",
  projects: "Projects",
  newProject: "New project",
  api: "Browse the API",
  skip: "Skip to content",
  theme: "Theme",
  themes: { system: "System", light: "Light", dark: "Dark" },
  notFound: "There is no such page.",
  backToList: "Back to projects",
  close: "Close",
  signOut: "Sign out",
  stale: "Connection lost. What you see may be out of date. Reconnecting…",
  unreachable: "The server is not responding. Is it running? Nothing is lost: try again in a moment.",
  retry: "Try again",
  cancel: "Cancel",
  loading: "Loading…",
  copy: "Copy",
  copied: "Copied.",
  notCopied: "The browser does not allow copying. Select the text and copy it yourself.",
  copyOf: (what: string) => `Copy the ${what}`,
};

export const signIn = {
  title: "Sign in",
  name: "Name or e-mail",
  password: "Password",
  passwordHint:
    "An administrator gives you your first password. The browser stores a cookie for 30 days, not the password.",
  withKey: "Sign in with the server's key instead",
  withPassword: "Sign in with a password instead",
  key: "API key",
  hint: "This server requires an API key. The browser stores a cookie for 30 days, not the key.",
  submit: "Sign in",
};

export const project = {
  deleted: "This project was deleted.",
  broken: (why: string) => `This part of the page cannot be displayed. The project itself is not affected. ${why}`,
  tabs: {
    plan: "Plan",
    graph: "Graph",
    timeline: "Timeline",
    files: "Files",
    metrics: "Metrics",
    record: "Record",
    versions: "Versions",
  },
  sections: "Project sections",
};
