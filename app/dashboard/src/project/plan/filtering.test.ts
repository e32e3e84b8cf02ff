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

test("every word must occur, in any part of the task", () => {
  assert.equal(matches(task, "", ""), true);
  assert.equal(matches(task, "DEPLOY rsync", ""), true);
  assert.equal(matches(task, 'rsync "$a"', ""), true);
  assert.equal(matches(task, "web", ""), true);
  assert.equal(matches(task, "deploy scp", ""), false);
});

test("the status is also filtered", () => {
  assert.equal(matches(task, "deploy", "failed"), true);
  assert.equal(matches(task, "deploy", "running"), false);
});
