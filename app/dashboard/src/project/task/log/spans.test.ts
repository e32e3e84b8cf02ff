import assert from "node:assert/strict";
import { test } from "node:test";
import { marked } from "./spans.ts";

const pieces = [
  { text: "no er", classes: "" },
  { text: "ror", classes: "red" },
  { text: " Error error", classes: "" },
];

test("a match spans pieces of different styles, and no text is lost", () => {
  const spans = marked(pieces, "error");
  assert.equal(spans.map((span) => span.text).join(""), "no error Error error");
  assert.deepEqual(
    spans.filter((span) => span.isMatch).map((span) => [span.text, span.classes]),
    [
      ["er", ""],
      ["ror", "red"],
      ["Error", ""],
      ["error", ""],
    ],
  );
});

test("without words nothing matches", () => {
  assert.equal(marked(pieces, "").length, 3);
  assert.deepEqual(
    marked([{ text: "aaaa", classes: "" }], "a").map((span) => [span.text, span.isMatch]),
    [["aaaa", true]],
  );
});
