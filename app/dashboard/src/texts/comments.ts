/** Texts of comments on plans and tasks. */
import { plural } from "./words.ts";

export const comments = {
  title: (count: number) => (count ? plural(count, "comment") : "Comments"),
  on: (version: number) => `on version ${version}`,
  ofTask: (key: string) => `task ${key}`,
  addToPlan: "Comment on the plan",
  addToTask: "Comment on this task",
  submit: "Comment",
};
