import assert from "node:assert/strict";
import { test } from "node:test";
import { problemsBefore } from "./problems.ts";

const phases = [
  { id: "one", position: 0 },
  { id: "two", position: 1 },
];
const task = (id: string, status: "failed" | "skipped" | "completed", phase_id = "one") => ({
  ...{ id, title: id, status, reason: null, phase_id, error: null },
});
const question = {
  ...{
    task_id: "tests",
    kind: "task_failed",
    status: "answered" as const,
    answer: "skip",
    actor: "Ada",
    comment: "known",
  },
  question: "Task 'tests' has failed: The command exited with 1.\nassert 200 == 502 What now?",
};

test("a task that failed and was skipped is named with its last error line and who skipped it", () => {
  const [problem, ...others] = problemsBefore(
    phases[1]!,
    phases,
    [task("build", "completed"), task("tests", "skipped"), task("later", "skipped", "two")],
    [question],
  );
  assert.equal(others.length, 0);
  assert.deepEqual(
    [problem!.task.id, problem!.failed, problem!.error, problem!.by, problem!.comment],
    ["tests", true, "assert 200 == 502", "Ada", "known"],
  );
});

test("an error of one line is shown without the question around it", () => {
  const short = { ...question, question: "Task 'tests' has failed: The command failed with exit code 3. What now?" };
  const [problem] = problemsBefore(phases[1]!, phases, [task("tests", "skipped")], [short]);
  assert.equal(problem!.error, "The command failed with exit code 3.");
});

test("a task that was skipped without a failure has no error", () => {
  const skip = { ...question, kind: "skip", status: "accepted" as const, answer: null, question: "", comment: "" };
  const [problem] = problemsBefore(phases[1]!, phases, [task("tests", "skipped")], [skip]);
  assert.deepEqual([problem!.failed, problem!.error, problem!.by], [false, null, "Ada"]);
});
