import assert from "node:assert/strict";
import { test } from "node:test";
import { fitting, readable, zoomed } from "./zoom.ts";

const room = { clientWidth: 1000, clientHeight: 500 };

test("a graph is fitted by its larger side, and never enlarged", () => {
  assert.equal(fitting({ width: 2000, height: 500 }, room), 0.5);
  assert.equal(fitting({ width: 1000, height: 2000 }, room), 0.25);
  assert.equal(fitting({ width: 100, height: 100 }, room), 1);
});

test("it starts at its full width, but never too small to read", () => {
  assert.equal(readable({ width: 1250, height: 1 }, 1000), 0.8);
  assert.equal(readable({ width: 9000, height: 1 }, 1000), 0.6);
  assert.equal(readable({ width: 400, height: 1 }, 1000), 1);
});

test("zooming stays within limits", () => {
  assert.equal(zoomed(99, { width: 2000, height: 500 }, room), 4);
  assert.equal(zoomed(0.0001, { width: 2000, height: 500 }, room), 0.25);
});
