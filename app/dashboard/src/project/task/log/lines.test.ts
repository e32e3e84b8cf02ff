import assert from "node:assert/strict";
import { test } from "node:test";
import { LogLines, colorsOnly, plain } from "./lines.ts";

function read(...pieces: string[]): LogLines {
  const log = new LogLines();
  for (const piece of pieces) log.push(piece);
  return log;
}

const all = (log: LogLines) => Array.from({ length: log.length }, (_, index) => log.at(index));

test("lines are assembled from pieces", () => {
  assert.deepEqual(all(read("on", "e\ntw", "o\n\nthr", "ee")), ["one", "two", "", "three"]);
  assert.deepEqual(all(read("one\n")), ["one"]);
  assert.equal(read().length, 0);
});

test("a carriage return overwrites its line, unless it ends the line", () => {
  assert.deepEqual(all(read("10%\r20%", "\r30%\r\ndone\r\n")), ["30%", "done"]);
  assert.deepEqual(all(read("10%\r")), ["10%"]);
  assert.deepEqual(all(read("10%\r", "20%")), ["20%"]);
});

test("colors last until they are reset, across line ends", () => {
  const log = read("\x1b[31mred\nstill\x1b[0m\nplain \x1b[0;32mgreen\nmore");
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => log.carryAt(index)),
    ["", "\x1b[31m", "", "\x1b[32m"],
  );
});

test("escape sequences are not text", () => {
  assert.equal(plain("\x1b[1;31mred\x1b[0m \x1b[2K\x1b]8;;http://a\x1b\\link\x1b]8;;\x07"), "red link");
  assert.equal(colorsOnly("\x1b[2K\x1b[31mred"), "\x1b[31mred");
});

test("a search ignores colors", () => {
  const log = read("Error: \x1b[31mno\x1b[0m disk\nfine\nNO DISK");
  assert.deepEqual(log.find("no disk"), [0, 2]);
  assert.deepEqual(log.find("no disk", 1), [2]);
});
