import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "./filtering.ts";

const task = {
  title: "Deploy the site",
  key: "deploy",
  description: "",
  status: "failed" as const,
  action: { type: "shell", command: 'rsync "$A" host:', env: { A: "Web" } },
};

test("all words must be there, in whatever part of the task", () => {
  assert.equal(matches(task, "", ""), true);
  assert.equal(matches(task, "DEPLOY rsync", ""), true);
  assert.equal(matches(task, 'rsync "$a"', ""), true);
  assert.equal(matches(task, "web", ""), true);
  assert.equal(matches(task, "deploy scp", ""), false);
});

test("the status counts as well", () => {
  assert.equal(matches(task, "deploy", "failed"), true);
  assert.equal(matches(task, "deploy", "running"), false);
});
