import assert from "node:assert/strict";
import { test } from "node:test";
import { filtered } from "./filtering.ts";

const task = {
  title: "Deploy the site",
  key: "deploy",
  description: "",
  status: "failed" as const,
  phase_id: "phase_1",
  action: { type: "shell", command: 'rsync "$A" host:', env: { A: "Web" } },
};
const finds = (text: string, status = "", phase = "") => filtered([task], { text, status, phase }).length === 1;

test("every word must occur, in any part of the task", () => {
  assert.equal(finds(""), true);
  assert.equal(finds("DEPLOY rsync"), true);
  assert.equal(finds('rsync "$a"'), true);
  assert.equal(finds("web"), true);
  assert.equal(finds("deploy scp"), false);
});

test("the status and the phase are also filtered", () => {
  assert.equal(finds("deploy", "failed"), true);
  assert.equal(finds("deploy", "running"), false);
  assert.equal(finds("", "", "phase_1"), true);
  assert.equal(finds("", "", "phase_2"), false);
});

test("a phrase finds the tasks that contain it, and no others", () => {
  const tasks = ["Step 8 of part 4", "Step 48 of part 1", "Step 4 of part 8"].map((title) => ({ ...task, title }));
  const titles = (text: string) => filtered(tasks, { text, status: "", phase: "" }).map(({ title }) => title);
  assert.deepEqual(titles("step 8 of  part 4"), ["Step 8 of part 4"]);
  assert.deepEqual(titles("part 8 step"), ["Step 8 of part 4", "Step 48 of part 1", "Step 4 of part 8"]);
});
