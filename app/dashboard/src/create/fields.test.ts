import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, emptyFields, isEmpty, isProse, nameOf, restored } from "./fields.ts";

test("an untouched form sends the API's defaults", () => {
  const body = bodyOf({ ...emptyFields });
  assert.equal(body.name, "Untitled");
  assert.equal(body.path, null);
  assert.equal(body.max_tokens, null);
  assert.equal(body.template, null);
  assert.equal(bodyOf({ ...emptyFields, template: "Weekly report" }).template, "Weekly report");
  assert.equal("planner" in body, false);
});

test("a limit that is not a number does not become no limit", () => {
  assert.equal(bodyOf({ ...emptyFields, max_tokens: "1000" }).max_tokens, 1000);
  assert.equal(bodyOf({ ...emptyFields, max_cost_usd: "0" }).max_cost_usd, 0);
  assert.equal(bodyOf({ ...emptyFields, max_cost_usd: "ten" }).max_cost_usd, "ten");
});

test("the description's title is the name if none is given", () => {
  const description = "# Weekly report\n\n- One";
  assert.equal(nameOf({ ...emptyFields, description }), "Weekly report");
  assert.equal(nameOf({ ...emptyFields, description, name: "Mine" }), "Mine");
});

test("stored fields are restored, and invalid ones are ignored", () => {
  const fields = { ...emptyFields, name: "Kept", auto_approve_plan: true };
  assert.deepEqual(restored(JSON.stringify(fields)), fields);
  assert.deepEqual(restored('{"name": 7, "other": 1}'), emptyFields);
  for (const broken of [null, "", "{", "null", "7"]) assert.deepEqual(restored(broken), emptyFields);
});

test("an empty form is distinguished from a changed one", () => {
  assert.equal(isEmpty({ ...emptyFields }), true);
  assert.equal(isEmpty({ ...emptyFields, strategy: "careful" }), false);
});

test("plain text is distinguished from an outline", () => {
  assert.equal(isProse("# Report\n\nGather the numbers, then mail them."), true);
  for (const outline of ["- One", "1. One", "## Phase", "text\n```sh\nls\n```"]) assert.equal(isProse(outline), false);
  assert.equal(isProse(" "), false);
});

test("only values for what the description asks for are sent, and none that is empty", () => {
  const asked = ["version", "note"].map((name) => ({ name }) as never);
  const fields = { ...emptyFields, parameters: { version: "2.4", note: "", old: "x" } };
  assert.deepEqual(bodyOf(fields, asked).parameters, { version: "2.4" });
  assert.deepEqual(restored(JSON.stringify(fields)).parameters, fields.parameters);
  assert.equal(isEmpty(fields), false);
});

test("front matter is neither the title nor a list", () => {
  const description = "---\nparameters:\n  a: {choices: [x]}\nlist:\n- x\n---\n# Release\n\nShip it.";
  assert.equal(nameOf({ ...emptyFields, description }), "Release");
  assert.equal(isProse(description), true);
});
