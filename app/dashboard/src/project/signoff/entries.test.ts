import assert from "node:assert/strict";
import { test } from "node:test";
import { entriesOf } from "./entries.ts";

test("a changed action shows only its differences, as text", () => {
  const none = { added: [], removed: [], changed: [] };
  const change = {
    field: "action",
    before: { type: "shell", command: "a" },
    after: { type: "shell", command: "b", env: { X: "1" } },
  };
  const tasks = { added: ["new"], removed: ["old"], changed: [{ key: "one", changes: [change] }] };
  const settings = [{ field: "path", before: null, after: "/srv" }];
  const parameters = [
    { field: "version", before: { type: "string", value: "1" }, after: { type: "string", value: "2" } },
  ];
  const assumptions = { ...none, removed: ["It is Monday."] };
  const answered = { field: "answer", before: null, after: "Ann" };
  const questions = { ...none, changed: [{ key: "Who?", changes: [answered] }] };
  const known = { assumptions, questions };
  const diff = { project_id: "p", before: 1, after: 2, ...known, phases: none, tasks, parameters, settings };
  assert.deepEqual(
    entriesOf(diff).map((entry) => [entry.kind, entry.what, entry.key, entry.fields]),
    [
      ["changed", "parameter", "version", [{ field: "value", before: "1", after: "2" }]],
      ["added", "task", "new", []],
      [
        "changed",
        "task",
        "one",
        [
          { field: "command", before: "a", after: "b" },
          { field: "env", before: null, after: '{"X":"1"}' },
        ],
      ],
      ["removed", "task", "old", []],
      ["removed", "assumption", "It is Monday.", []],
      ["changed", "question", "Who?", [answered]],
      ["changed", "setting", "path", [{ field: "path", before: null, after: "/srv" }]],
    ],
  );
});
