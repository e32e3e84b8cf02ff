/** Texts of the page frame, of signing in, and of the project page. */

const UNREACHABLE =
  "The server is not responding. Nothing is lost: try again in a moment. If this lasts, tell the person who runs the server.";

export const shell = {
  product: "Signoff",
  projects: "Projects",
  overview: "Overview",
  newProject: "New project",
  api: "Browse the API",
  docs: "Documentation",
  skip: "Skip to content",
  theme: "Theme",
  themes: { system: "System", light: "Light", dark: "Dark" },
  notFound: "There is no such page.",
  backToList: "Back to projects",
  close: "Close",
  signOut: "Sign out",
  stale: "Connection lost. What you see may be out of date. Reconnecting…",
  unreachable: UNREACHABLE,
  /** What a reader can do about an error whose own words are for whoever runs the server, by its code. */
  broken: {
    unreachable: UNREACHABLE,
    temporal_unavailable:
      "This could not be done, because a part of the server is not responding. Try again in a minute.",
    internal_error:
      "Something went wrong in the server. Try again. If it happens again, tell the person who runs the server.",
  } as Record<string, string>,
  forOperators: "Details for the person who runs the server",
  retry: "Try again",
  cancel: "Cancel",
  retryNow: "Try now",
  slow: "The server is taking long to respond. Still waiting…",
  loading: "Loading…",
  codeFailed: "This part of the page could not be loaded. Trying again…",
  upgraded: "Signoff has been updated. This page reloads as soon as nothing you have typed would be lost.",
  reload: "Reload now",
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
  ended: "Your session has ended. Sign in again.",
  with: (provider: string) => `Sign in with ${provider}`,
  others: "Other ways to sign in",
  /** What went wrong with an identity provider, by the code that the server puts into the address. */
  problems: {
    no_role: "You have no role yet. Ask an administrator for one, and then sign in again.",
    person_disabled: "An administrator has disabled your account. Ask them to enable it.",
    sign_in_expired: "The sign-in took too long, or began in another browser. Try again.",
    sign_in_refused: "The identity provider did not let you sign in. Try again, or ask an administrator.",
    unavailable: "The identity provider is not responding. Try again in a minute.",
  } as Record<string, string>,
};

export const project = {
  deleted: "This project was deleted.",
  notFound: "There is no such project.",
  notFoundHint:
    "It may have been deleted, or the address may be incomplete. Or you may not see it: ask whoever sent you the link.",
  broken: (why: string) => `This part of the page cannot be displayed. The project itself is not affected. ${why}`,
  tabs: {
    plan: "Plan",
    graph: "Graph",
    timeline: "Timeline",
    logs: "Log",
    files: "Files",
    metrics: "Metrics",
    record: "Record",
    versions: "Versions",
  },
  sections: "Project sections",
};
