import assert from "node:assert/strict";
import { test } from "node:test";
import { dollars, relative, size, span } from "./format.ts";

test("durations show their two largest units", () => {
  assert.deepEqual([0, 840, 9_940, 12_400, 187_000, 300_000, 7_500_000, 273_600_000].map(span), [
    "0 ms",
    "840 ms",
    "9.9 s",
    "12 s",
    "3 min 07 s",
    "5 min",
    "2 h 05 min",
    "3 d 04 h",
  ]);
});

test("sizes have one decimal, bytes have none", () => {
  assert.deepEqual([0, 999, 14_200, 3_100_000, 5e12].map(size), ["0 B", "999 B", "14.2 kB", "3.1 MB", "5000.0 GB"]);
});

test("recent times are relative, and old ones show their date", () => {
  const at = Date.parse("2026-03-01T12:00:00Z");
  assert.equal(relative("2026-03-01T11:59:50Z", at), "just now");
  assert.equal(relative("2026-03-01T11:57:00Z", at), "3 minutes ago");
  assert.equal(relative("2026-02-27T12:00:00Z", at), "2 days ago");
  assert.match(relative("2025-02-27T12:00:00Z", at), /2025/);
});

test("a small price does not look like zero", () => {
  assert.deepEqual([0, 0.00042, 1.5].map(dollars), ["$0.00", "$0.00042", "$1.50"]);
});
