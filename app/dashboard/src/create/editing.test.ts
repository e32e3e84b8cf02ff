import assert from "node:assert/strict";
import { test } from "node:test";
import { indent, insert, offsetOf, placeOf, type Change } from "./editing.ts";

const apply = (text: string, change: Change) => text.slice(0, change.start) + change.text + text.slice(change.end);
const selected = (text: string, change: Change) => apply(text, change).slice(change.from, change.to);

test("a snippet is inserted on its own line, with its placeholder selected", () => {
  const text = "## Gather\n\n- One\n- Two\n";
  const change = insert(text, text.indexOf("One"), "manual");
  assert.equal(apply(text, change), "## Gather\n\n- One\n- [ ] What a person does\n- Two\n");
  assert.equal(selected(text, change), "What a person does");
});

test("a blank line separates a phase from what is before it", () => {
  assert.equal(apply("- One", insert("- One", 5, "phase")), "- One\n\n## Phase\n");
  assert.equal(apply("- One\n", insert("- One\n", 6, "phase")), "- One\n\n## Phase\n");
});

test("a blank line separates a task from a heading", () => {
  assert.equal(apply("## A", insert("## A", 4, "task")), "## A\n\n- What to do\n");
});

test("an empty text starts with the piece", () => {
  assert.equal(apply("", insert("", 0, "phase")), "## Phase\n");
});

test("lines are indented and outdented", () => {
  const text = "a\nb\n\nc";
  const inwards = indent(text, 0, 3, false);
  assert.equal(apply(text, inwards), "  a\n  b\n\nc");
  const moved = apply(text, inwards);
  assert.equal(apply(moved, indent(moved, inwards.from, inwards.to, true)), text);
});

test("without a selection, spaces are inserted at the cursor", () => {
  assert.equal(apply("ab", indent("ab", 1, 1, false)), "a  b");
});

test("outdenting a line without indentation changes nothing", () => {
  assert.equal(apply("abc", indent("abc", 1, 1, true)), "abc");
});

test("lines and columns count from 1 and stop at the end of the text", () => {
  assert.equal(offsetOf("ab\ncd\n", 2, 2), 4);
  assert.equal(offsetOf("ab\ncd", 1, 99), 2);
  assert.equal(offsetOf("ab\ncd", 9, 1), 5);
});

test("a position in the text is distinguished from a field", () => {
  assert.deepEqual(placeOf("line 12, column 3"), { line: 12, column: 3 });
  assert.equal(placeOf("phases.0.name"), null);
});
