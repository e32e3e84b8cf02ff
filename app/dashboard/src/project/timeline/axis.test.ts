import assert from "node:assert/strict";
import { test } from "node:test";
import { label, roomFor, stepFor, ticks } from "./axis.ts";

const DAY = 86_400_000;

test("the distances between marks are easy to count in", () => {
  assert.equal(stepFor(8, 10), 1);
  assert.equal(stepFor(640, 10), 100);
  assert.equal(stepFor(47_000, 10), 5000);
  assert.equal(stepFor(3 * DAY, 10), 12 * 3_600_000);
});

test("there are never more marks than requested, regardless of the length", () => {
  for (const length of [0, 1, 7, 999, 61_000, 5_000_000, 40 * DAY, 9000 * DAY])
    for (const max of [1, 4, 12]) assert.ok(ticks(length, max).length <= max + 1, `${length} ${max}`);
});

test("marks show the time since the start", () => {
  assert.deepEqual([0, 250, 1500, 90_000, 7_200_000, 1.25 * DAY].map(label), [
    "0",
    "250 ms",
    "1.5 s",
    "1 min 30 s",
    "2 h",
    "1 d 6 h",
  ]);
});

test("a run in progress has room to grow, but not too much", () => {
  for (const length of [0, 1, 400, 59_000, 61_000, 5 * DAY]) {
    assert.ok(roomFor(length) > length);
    assert.ok(roomFor(length) <= Math.max(length * 1.6, 2));
  }
});
