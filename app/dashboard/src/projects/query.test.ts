import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, filterOf, isFiltered, readQuery, requestOf, unfiltered } from "./query.ts";

const read = (text: string) => readQuery(new URLSearchParams(text));

test("an address restores the query that it was made from", () => {
  const query = {
    status: "failed",
    search: "50 % & more",
    label: "ops",
    dates: "updated",
    from: "2026-11-01",
    to: "2026-11-28",
    sort: "name",
    archived: "all",
    page: 3,
    size: 100,
  } as const;
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
  assert.deepEqual(read("from=yesterday&to=2026-13-01&dates=finished"), read(""));
});

test("sorting is not filtering", () => {
  assert.equal(isFiltered(read("sort=name&page=2")), false);
  assert.equal(isFiltered(read("search=a")), true);
});

test("a filter is the same in any order and on any page", () => {
  assert.equal(filterOf(read("search=a&status=failed&page=2")), filterOf(read("sort=name&status=failed&search=a")));
  assert.equal(isFiltered({ ...read("label=ops&from=2026-11-01&search=a&archived=all"), ...unfiltered }), false);
  assert.equal(filterOf(read("dates=updated")), "");
});

test("the last day is included", () => {
  const { updated_after, updated_before } = requestOf(read("dates=updated&from=2026-11-27&to=2026-11-28"));
  assert.equal(updated_after, new Date(2026, 10, 27).toISOString());
  assert.equal(updated_before, new Date(2026, 10, 29).toISOString());
  assert.equal(requestOf(read("from=2026-11-27")).updated_after, undefined);
});
