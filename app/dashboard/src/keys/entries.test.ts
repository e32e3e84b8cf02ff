import assert from "node:assert/strict";
import { test } from "node:test";
import { matching, type Entry } from "./entries.ts";

const entry = (text: string): Entry => ({ id: text, kind: "task", text, run: () => {} });
const names = (typed: string, ...texts: string[]) => matching(texts.map(entry), typed, 3).map(({ text }) => text);

test("every word must occur, and what begins with the text comes first", () => {
  assert.deepEqual(names("rep", "A report", "Report", "Other"), ["Report", "A report"]);
  assert.deepEqual(names("week send", "Send the week", "Send"), ["Send the week"]);
  assert.deepEqual(names("", "a", "b", "c", "d"), ["a", "b", "c"]);
});
