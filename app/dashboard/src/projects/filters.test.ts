import assert from "node:assert/strict";
import { test } from "node:test";
import { changesOf, MAX_FILTERS, readFilters } from "./filters.ts";
import { addressOf, readQuery } from "./query.ts";

test("what is not a filter is left out", () => {
  for (const broken of [null, "", "{", "null", "7", '{"name": "a"}', '[null, 7, {"name": "a"}]'])
    assert.deepEqual(readFilters(broken), []);
  const stored = [
    { name: " Failed ", filter: "status=failed&page=3" },
    { name: "Failed", filter: "status=running" },
    { name: "All", filter: "sort=name" },
    { name: " ", filter: "status=failed" },
  ];
  assert.deepEqual(readFilters(JSON.stringify(stored)), [{ name: "Failed", filter: "status=failed" }]);
});

test("there are not more filters than there is room for", () => {
  const many = Array.from({ length: MAX_FILTERS + 5 }, (_, index) => ({ name: `${index}`, filter: "status=failed" }));
  assert.equal(readFilters(JSON.stringify(many)).length, MAX_FILTERS);
});

test("a filter replaces the conditions of the list, but not its order", () => {
  const query = readQuery(new URLSearchParams("search=a&archived=all&sort=name&size=50&page=2"));
  assert.equal(addressOf(query, changesOf("status=failed&label=ops")), "/?status=failed&label=ops&sort=name&size=50");
});
