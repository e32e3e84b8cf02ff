import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, isFiltered, readQuery } from "./query.ts";

const read = (text: string) => readQuery(new URLSearchParams(text));

test("an address restores the query that it was made from", () => {
  const query = { status: "failed", search: "50 % & more", sort: "name", archived: "all", page: 3, size: 100 } as const;
  const address = addressOf(query, { page: 3 });
  assert.deepEqual(readQuery(new URL(address, "http://host").searchParams), query);
});

test("defaults are left out of the address", () => {
  assert.equal(addressOf(read("")), "/");
});

test("a changed filter starts at the first page", () => {
  assert.equal(addressOf(read("page=4"), { status: "running" }), "/?status=running");
});

test("invalid values are ignored", () => {
  assert.deepEqual(read("status=done&sort=size&page=-1&size=7"), read(""));
  assert.equal(read("page=99999999999").page, 1);
  assert.equal(read("page=1.5").page, 1);
});

test("sorting is not filtering", () => {
  assert.equal(isFiltered(read("sort=name&page=2")), false);
  assert.equal(isFiltered(read("search=a")), true);
});
