import assert from "node:assert/strict";
import { test } from "node:test";
import { outputsOf, wrongName } from "./outputs.ts";

test("values that are JSON are parsed", () => {
  const rows = [
    { name: "a", value: "3" },
    { name: " b ", value: "three" },
    { name: "c", value: '["x"]' },
    { name: "d", value: '"7"' },
    { name: "e", value: "" },
    { name: "", value: "" },
  ];
  assert.deepEqual(outputsOf(rows), { a: 3, b: "three", c: ["x"], d: "7" });
});

test("names that the API would refuse are found first", () => {
  assert.equal(wrongName([{ name: "1a", value: "x" }]), "bad");
  assert.equal(wrongName([{ name: "", value: "x" }]), "bad");
  const a = { name: "a", value: "x" };
  assert.equal(wrongName([a, { ...a }]), "twice");
  assert.equal(wrongName([a, { name: "", value: "" }]), null);
});
