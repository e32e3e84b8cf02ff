/** Texts of the inbox: what waits for the reader. */
import { plural } from "./words.ts";

export const inbox = {
  title: "Waiting for me",
  nothing: "Nothing is waiting for you",
  nothingHint: "Plans, phases, tasks and decisions that you may settle appear here.",
  kinds: {
    plan: "Approve the plan",
    edit: "Approve an edit of the run",
    changes_requested: "Change the plan",
    phase: "Start a phase",
    release: "Release a task",
    manual: "Do a task",
    decision: "Decide",
    task_failed: "A task failed",
    worker_lost: "A worker was lost",
    agent: "An agent asks",
    changed: "Something has changed",
  },
  tell: "Tell me in this browser",
  tellHint: "While this page is open in the background, the browser shows what is new here.",
  told: "This browser tells you what is new while the page is in the background.",
  tellNoMore: "Stop telling me",
  refused: "This browser shows no notifications from this page. Allow notifications in its settings for this address.",
  findings: (number: number, severity: string) => `${number} ${severity}`,
  since: (at: string) => `Since ${at}`,
  until: (at: string) => `Until ${at}`,
  more: "Show more",
  shown: (number: number, of: number) => `${number} of ${of}`,
  next: (name: string) => `Next waiting: ${name} →`,
  left: (number: number) => plural(number, "thing is waiting for you", "things are waiting for you"),
};
