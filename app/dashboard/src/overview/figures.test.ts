import assert from "node:assert/strict";
import { test } from "node:test";
import { dayOf, sumOf, totalOf } from "./figures.ts";

const week = { completed: 3, failed: 1, cancelled: 2, tokens: 10, cost_usd: 0.5, unpriced_calls: 1 };

test("weeks add up, and cancelled runs are neither successes nor failures", () => {
  assert.deepEqual(sumOf([week, week]), {
    completed: 6,
    failed: 2,
    cancelled: 4,
    tokens: 20,
    cost_usd: 1,
    unpriced_calls: 2,
    rate: 0.75,
  });
  assert.equal(sumOf([]).rate, null);
  assert.equal(totalOf(week), 6);
});

test("a week is named by its Monday", () => {
  assert.equal(dayOf("2026-11-23"), "23 Nov");
});
