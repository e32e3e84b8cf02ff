import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf, linesOf, type Piece } from "./rows.ts";

const marked = (pieces: Piece[] | null) =>
  pieces && pieces.map(({ text, changed }) => (changed ? `[${text}]` : text)).join("");

test("changed lines are side by side, with the different words marked", () => {
  const rows = linesOf("make all\nmake test --verbose\ninstall", "make all\nmake test --quiet\ninstall");
  assert.deepEqual(
    rows.map(({ before, after, same }) => [marked(before), marked(after), same]),
    [
      ["make all", "make all", true],
      ["make test --[verbose]", "make test --[quiet]", false],
      ["install", "install", true],
    ],
  );
});

test("a line that only one text contains is beside nothing", () => {
  const rows = linesOf("a\nb", "a\nrm -rf /\nb\n");
  assert.deepEqual(
    rows.map(({ before, after }) => [marked(before), marked(after)]),
    [
      ["a", "a"],
      [null, "[rm -rf /]"],
      ["b", "b"],
    ],
  );
});

test("no text is lost, even in long and very different texts", () => {
  const before = Array.from({ length: 3000 }, (_, index) => `${index * 7919}`).join(" ");
  const after = Array.from({ length: 3000 }, (_, index) => `${index * 104729}x`).join(" ");
  const rows = linesOf(before, after);
  assert.equal(rows.map(({ before }) => before?.map(({ text }) => text).join("") ?? "").join(""), before);
  assert.equal(rows.map(({ after }) => after?.map(({ text }) => text).join("") ?? "").join(""), after);
});

test("objects are split into fields, and only differences remain", () => {
  const found = fieldsOf([
    { field: "action", before: { type: "shell", command: "a" }, after: { type: "shell", command: "b" } },
    { field: "retries", before: null, after: 2 },
  ]);
  assert.deepEqual(found, [
    { name: "action.command", before: "a", after: "b" },
    { name: "retries", before: null, after: 2 },
  ]);
});
