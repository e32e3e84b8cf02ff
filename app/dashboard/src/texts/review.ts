/** Texts of the answers to a plan besides an approval. */

import { called } from "./words.ts";

export const review = {
  requested: (who: string, version: number) => `${called(who)} requested changes to version ${version}`,
  rejected: (who: string, version: number) => `${called(who)} rejected plan version ${version}`,
  author: "Edit tasks on the Plan tab, or revise the plan. The next version waits for approval again.",
  others: (who: string) => `Only ${called(who)} can approve this version now. That would withdraw the request.`,
  withdraw: "You requested these changes. If you approve this version after all, that withdraws your request.",
  title: {
    "request-changes": (version: number) => `Request changes to version ${version}`,
    reject: (version: number) => `Reject version ${version}`,
  },
  words: { "request-changes": "What should change?", reject: "Why do you reject it?" },
  hint: {
    "request-changes": "The project then waits for its author, who sees your comment and makes the next version.",
    reject: "The project is cancelled. A new version of the plan makes it pending again.",
  },
  onRecord: "Your comment is kept on record, under your name.",
  needed: { "request-changes": "Describe what should change.", reject: "Say why you reject the plan." },
  submit: { "request-changes": "Request changes", reject: "Reject plan" },
  done: {
    "request-changes": "Changes requested. The project waits for its author.",
    reject: "Rejected. The project is cancelled.",
  },
};
