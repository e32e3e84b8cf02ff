import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileInfo } from "./listing.ts";
import { filesNamedIn, firstToRead, mayNameFiles } from "./named.ts";

const file = (path: string, kind: FileInfo["kind"] = "output", size = 1) => ({ path, kind, size }) as FileInfo;
const found = (text: string, ...paths: string[]) =>
  filesNamedIn(
    text,
    paths.map((path) => file(path)),
  ).map(({ path }) => path);

test("a text names files by their path", () => {
  assert.deepEqual(found("It is in `report.md`.", "report.md", "port.md", "report.md.bak"), ["report.md"]);
  assert.deepEqual(found("Read ./out/report.md.", "out/report.md"), ["out/report.md"]);
  assert.deepEqual(found("Read other/report.md", "report.md"), []);
});

test("a name alone is enough if it is unique", () => {
  assert.deepEqual(found("Open totals.csv", "out/totals.csv"), ["out/totals.csv"]);
  assert.deepEqual(found("Open totals.csv", "a/totals.csv", "b/totals.csv"), []);
  assert.deepEqual(found("Make it", "bin/it"), []);
});

test("a text without a period or a slash in a word names no files", () => {
  assert.equal(mayNameFiles("Compare the totals. Then go on."), false);
  assert.equal(mayNameFiles("It is in report.md"), true);
});

test("the first result to read is Markdown, or else text that is not empty", () => {
  const files = [file("a.bin"), file("empty.txt", "output", 0), file("b.csv"), file("c.md")];
  assert.equal(firstToRead(files)?.path, "c.md");
  assert.equal(firstToRead(files.slice(0, 3))?.path, "b.csv");
});
