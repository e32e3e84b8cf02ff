import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changesOf,
  toConditions,
  formerFilters,
  isShown,
  nameFor,
  type Conditions,
  type SavedFilter,
} from "./filters.ts";
import { addressOf, readQuery } from "./query.ts";

const query = (text: string) => readQuery(new URLSearchParams(text));
const nothing = {
  status: null,
  search: null,
  label: null,
  archived: null,
  created_after: null,
  created_before: null,
  updated_after: null,
  updated_before: null,
};
const saved = (conditions: Conditions): SavedFilter => ({
  id: "filter_1",
  name: "A",
  created_at: "",
  conditions: { ...nothing, ...conditions },
});

test("the conditions of a query are parameters of the API, without order and page", () => {
  const all =
    "status=failed&search=a&label=ops&archived=all&dates=updated&from=2026-11-01&to=2026-11-30&sort=name&page=2";
  assert.deepEqual(toConditions(query(all)), {
    status: "failed",
    search: "a",
    label: "ops",
    archived: "all",
    updated_after: "2026-11-01",
    updated_before: "2026-12-01",
  });
  assert.deepEqual(toConditions(query("")), {});
});

test("a filter replaces the conditions of the list, but not its order", () => {
  const shown = query("search=a&archived=all&dates=updated&to=2026-11-30&sort=name&size=50&page=2");
  const filter = saved({ status: "failed", label: "ops", created_after: "2026-11-01", created_before: "2026-11-29" });
  assert.equal(
    addressOf(shown, changesOf(filter)),
    "/?status=failed&label=ops&from=2026-11-01&to=2026-11-28&sort=name&size=50",
  );
  assert.equal(isShown(shown, filter), false);
  assert.equal(isShown(query("to=2026-11-28&from=2026-11-01&label=ops&status=failed&sort=oldest"), filter), true);
});

test("a time of a filter is shown as a day", () => {
  const noon = new Date("2026-11-05T12:00:00").toISOString();
  const midnight = new Date("2026-11-06T00:00:00").toISOString();
  const { dates, from, to } = changesOf(saved({ updated_after: noon, updated_before: midnight }));
  assert.deepEqual([dates, from, to], ["updated", "2026-11-05", "2026-11-05"]);
});

test("filters that an earlier version kept in the browser are read, and what is none is left out", () => {
  for (const broken of [null, "", "{", "null", "7", '{"name": "a"}', '[null, 7, {"name": "a"}]'])
    assert.deepEqual(formerFilters("Kim", () => broken).filters, []);
  const stored = [
    { name: " Failed ", filter: "status=failed&page=3" },
    { name: "All", filter: "sort=name" },
    { name: " ", filter: "status=failed" },
  ];
  assert.deepEqual(
    formerFilters("Kim", (key) => (key === "signoff.filters.Kim" ? JSON.stringify(stored) : null)),
    {
      key: "signoff.filters.Kim",
      filters: [{ name: "Failed", conditions: { status: "failed" } }],
    },
  );
});

test("a name is stored without space around it, and not too long", () => {
  assert.equal(nameFor(`  ${"x".repeat(50)} `), "x".repeat(40));
});
