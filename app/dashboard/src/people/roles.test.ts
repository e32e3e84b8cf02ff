import assert from "node:assert/strict";
import { test } from "node:test";
import { grants, rolesInWords } from "./roles.ts";

test("a role is named with its labels", () => {
  const roles = grants(["author", "admin"], " payments, ,reports ");
  assert.deepEqual(roles, [
    { role: "author", labels: ["payments", "reports"] },
    { role: "admin", labels: [] },
  ]);
  assert.equal(rolesInWords(roles), "author (payments, reports), admin");
});
