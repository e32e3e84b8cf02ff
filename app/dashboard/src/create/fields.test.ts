import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, emptyFields, isEmpty, isProse, nameOf, restored } from "./fields.ts";

test("a form that nobody touched is what the API takes for nothing said", () => {
  const body = bodyOf({ ...emptyFields });
  assert.equal(body.name, "Untitled");
  assert.equal(body.path, null);
  assert.equal(body.max_tokens, null);
  assert.equal("planner" in body, false);
});

test("a limit that is no number does not become no limit", () => {
  assert.equal(bodyOf({ ...emptyFields, max_tokens: "1000" }).max_tokens, 1000);
  assert.equal(bodyOf({ ...emptyFields, max_cost_usd: "0" }).max_cost_usd, 0);
  assert.equal(bodyOf({ ...emptyFields, max_cost_usd: "ten" }).max_cost_usd, "ten");
});

test("the title of the description is the name where none is given", () => {
  const description = "# Weekly report\n\n- One";
  assert.equal(nameOf({ ...emptyFields, description }), "Weekly report");
  assert.equal(nameOf({ ...emptyFields, description, name: "Mine" }), "Mine");
});

test("what was stored comes back, and what does not fit is left out", () => {
  const fields = { ...emptyFields, name: "Kept", auto_approve_plan: true };
  assert.deepEqual(restored(JSON.stringify(fields)), fields);
  assert.deepEqual(restored('{"name": 7, "other": 1}'), emptyFields);
  for (const broken of [null, "", "{", "null", "7"]) assert.deepEqual(restored(broken), emptyFields);
});

test("an empty form is told from one with a change", () => {
  assert.equal(isEmpty({ ...emptyFields }), true);
  assert.equal(isEmpty({ ...emptyFields, strategy: "careful" }), false);
});

test("words are told from an outline", () => {
  assert.equal(isProse("# Report\n\nGather the numbers, then mail them."), true);
  for (const outline of ["- One", "1. One", "## Phase", "text\n```sh\nls\n```"]) assert.equal(isProse(outline), false);
  assert.equal(isProse(" "), false);
});
