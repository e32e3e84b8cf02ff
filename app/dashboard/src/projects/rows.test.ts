import assert from "node:assert/strict";
import { test } from "node:test";
import { firstLine, range, waitsForPerson } from "./rows.ts";

test("the first line that adds to the name, without Markdown", () => {
  assert.equal(
    firstLine("\n# Weekly report\n\nWhat the **team** looks at\nand more", "Weekly report"),
    "What the team looks at",
  );
  assert.equal(firstLine("- [ ] Build: `make` {#build}", "x"), "Build: make");
  assert.equal(firstLine("", "x"), "");
});

test("a long line is cut", () => {
  assert.equal(firstLine("a".repeat(5000), "x").length, 241);
});

test("a range works both ways, and is one id if its start has gone", () => {
  const ids = ["a", "b", "c", "d"];
  assert.deepEqual(range(ids, "b", "d"), ["b", "c", "d"]);
  assert.deepEqual(range(ids, "d", "b"), ["b", "c", "d"]);
  assert.deepEqual(range(ids, "gone", "b"), ["b"]);
  assert.deepEqual(range(ids, null, "c"), ["c"]);
});

test("a project with requested changes waits for those who make plans", () => {
  assert.equal(waitsForPerson({ stage: "changes_requested", manual_waiting: 0 }, true), "Waiting for your changes");
  assert.equal(waitsForPerson({ stage: "changes_requested", manual_waiting: 0 }, false), null);
});

test("a project whose approval was given waits for nobody", () => {
  const undo_until = "2026-01-01T00:00:05.000Z";
  for (const stage of ["awaiting_approval", "awaiting_phase_approval"] as const)
    assert.equal(waitsForPerson({ stage, manual_waiting: 0, undo_until }, true), null);
});

test("a manual task makes a project wait, as a decision does", () => {
  assert.equal(waitsForPerson({ stage: "awaiting_decision", manual_waiting: 1 }, false), "Waiting for your answer");
  assert.equal(waitsForPerson({ stage: "executing", manual_waiting: 1 }, false), "1 task is waiting for you");
  assert.equal(waitsForPerson({ stage: "paused", manual_waiting: 2 }, false), "2 tasks are waiting for you");
  assert.equal(waitsForPerson({ stage: "executing", manual_waiting: 0 }, false), null);
  assert.equal(waitsForPerson({ stage: "cancelling", manual_waiting: 1 }, false), null);
});
