import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../../api/client.ts";
import { movedBetween, sameSurroundings, uncovered, type Frozen } from "./frozen.ts";

const file = (sha256: string) => ({ sha256, size: 1, at: null });

function frozen(values: Partial<Frozen> = {}): Frozen {
  const nothing = {
    digest: "d", sealed: null, at: null, files: {}, unhashed: {}, outside: [], unknown: {}, unread: [], programs: null,
    agents: {}, actions: {}, retries: {}, limits: {}, task_limits: null, http_allow: null, app_url: null, sandbox: {},
  }; // prettier-ignore
  return { ...nothing, ...values };
}

test("files that changed, appeared or disappeared are named", () => {
  const before = frozen({ files: { "a.sh": file("1"), "b.sh": file("2"), "c.sh": file("3") } });
  const after = frozen({ files: { "a.sh": file("1"), "b.sh": file("9"), "d.sh": file("4") } });
  assert.deepEqual(movedBetween(before, after), [{ section: "files", names: ["b.sh", "c.sh", "d.sh"] }]);
});

test("everything that the digest covers is compared", () => {
  const after = frozen({
    unhashed: { big: "too large" },
    outside: ["/opt/x"],
    unknown: { one: ["$X"] },
    unread: ["two"],
    agents: { robot: { model: "m" } },
    retries: { one: 2 },
    limits: { tasks: 4 },
    task_limits: { memory: 1024 },
    http_allow: ["10.0.0.1"],
    app_url: "http://other",
  });
  const moved = movedBetween(frozen({ agents: { robot: { model: "n" } }, app_url: "http://one" }), after);
  assert.deepEqual(
    moved.map(({ section, names }) => [section, ...names]),
    [
      ["unhashed", "big"],
      ["outside", "/opt/x"],
      ["unknown", "one"],
      ["unread", "two"],
      ["agents", "robot"],
      ["retries", "one"],
      ["limits", "tasks"],
      ["task_limits", "memory"],
      ["http_allow", "10.0.0.1"],
      ["app_url", "http://one", "http://other"],
    ],
  );
});

test("what only a worker knows is not a change", () => {
  assert.deepEqual(movedBetween(frozen(), frozen({ programs: { sh: "/bin/sh" }, sandbox: { mode: "off" } })), []);
});

test("two readings are the same if their digests are", () => {
  const plan = (digest: string) => ({ frozen: frozen({ digest }) }) as Plan;
  assert.ok(sameSurroundings(plan("a"), plan("a")));
  assert.ok(!sameSurroundings(plan("a"), plan("b")));
});

test("everything that is not covered is listed", () => {
  const found = uncovered(
    frozen({ unhashed: { big: "too large" }, outside: ["/x"], unknown: { one: ["$A", "$B"] }, unread: ["two"] }),
  );
  assert.deepEqual(found, [
    { kind: "unhashed", name: "big", detail: "too large" },
    { kind: "outside", name: "/x", detail: "" },
    { kind: "unknown", name: "one", detail: "$A, $B" },
    { kind: "unread", name: "two", detail: "" },
  ]);
});
