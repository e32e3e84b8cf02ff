import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePlans, isEmpty, type Settings } from "./compare.ts";

const settings: Settings = {
  strategy: "performance",
  decision_mode: "agent",
  auto_approve_phases: true,
  path: null,
  agent_id: null,
};
const task = (key: string, command: string, more: object = {}) => ({
  id: `task_${key}`,
  key,
  title: key,
  action: { type: "shell", command },
  depends_on: [],
  status: "pending",
  ...more,
});
const plan = (version: number, tasks: object[], parameters: object[] = []) =>
  ({
    ...{ version, project_id: "p", parameters, assumptions: [], questions: [] },
    phases: [{ key: "one", name: "One", position: 0, tasks }],
  }) as never;

test("added, removed and changed tasks are distinguished, with their old values", () => {
  const before = plan(1, [task("a", "x"), task("b", "y"), task("c", "z", { depends_on: ["task_a"] })]);
  const after = plan(2, [task("a", "x2"), task("c", "z", { depends_on: ["task_a"] }), task("d", "w")]);
  const diff = comparePlans(before, after, [settings, { ...settings, strategy: "careful" }]);
  assert.deepEqual(diff.tasks.added, ["d"]);
  assert.deepEqual(diff.tasks.removed, ["b"]);
  assert.deepEqual(diff.tasks.changed, [
    {
      key: "a",
      changes: [{ field: "action", before: { type: "shell", command: "x" }, after: { type: "shell", command: "x2" } }],
    },
  ]);
  assert.deepEqual(diff.settings, [{ field: "strategy", before: "performance", after: "careful" }]);
  assert.equal(isEmpty(diff), false);
});

test("ids, states and key order make no difference", () => {
  const one = task("a", "x", { action: { type: "shell", command: "x" } });
  const two = { ...one, id: "task_other", status: "completed", action: { command: "x", type: "shell" } };
  assert.equal(isEmpty(comparePlans(plan(1, [one]), plan(2, [two]), [settings, settings])), true);
});

test("added, removed and changed parameters are compared by name", () => {
  const before = plan(1, [], [{ name: "a", value: "1" }, { name: "b", value: 1 }]); // prettier-ignore
  const after = plan(2, [], [{ name: "a", value: "2" }, { name: "c", value: true }]); // prettier-ignore
  const diff = comparePlans(before, after, [settings, settings]);
  assert.deepEqual(diff.parameters, [
    { field: "a", before: { value: "1" }, after: { value: "2" } },
    { field: "b", before: { value: 1 }, after: null },
    { field: "c", before: null, after: { value: true } },
  ]);
  assert.equal(isEmpty(diff), false);
});

test("an answer is a change, and so is a condition", () => {
  const asking = (answer: string | null, condition: object | null) => ({
    ...(plan(1, [task("a", "x", { condition })]) as object),
    ...{ assumptions: answer ? [] : ["One."], questions: [{ question: "When?", answer }] },
  });
  const before = asking(null, null) as never;
  const after = asking("Now.", { task: "b", is: ["completed"] }) as never;
  const diff = comparePlans(before, after, [settings, settings]);
  assert.deepEqual(diff.assumptions.removed, ["One."]);
  assert.deepEqual(diff.questions.changed, [
    { key: "When?", changes: [{ field: "answer", before: null, after: "Now." }] },
  ]);
  assert.deepEqual(
    diff.tasks.changed.map(({ changes }) => changes.map(({ field }) => field)),
    [["condition"]],
  );
  assert.equal(isEmpty(diff), false);
});
