import assert from "node:assert/strict";
import { test } from "node:test";
import { fillOf, FILLS, initialsOf } from "./faces.ts";

test("initials come from the first and the last name", () => {
  const names = ["Ada Lovelace", "dana@example.org", "Grace Brewster Hopper", "local", "", "Zoë", "jean-luc"];
  assert.deepEqual(names.map(initialsOf), ["AL", "D", "GH", "L", "?", "Z", "JL"]);
});

test("white initials are readable on every fill", () => {
  const channel = (value: number) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (hex: string) => {
    const [red, green, blue] = [1, 3, 5].map((at) => channel(parseInt(hex.slice(at, at + 2), 16) / 255));
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  for (const fill of FILLS) assert.ok(1.05 / (luminance(fill) + 0.05) >= 4.5, fill);
});

test("a person keeps the same fill", () => {
  assert.equal(fillOf("person_1"), fillOf("person_1"));
  assert.ok(new Set(Array.from({ length: 40 }, (_, at) => fillOf(`person_${at}`))).size > 5);
});
