import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf } from "./action.ts";

test("a command comes first, followed by everything that affects it", () => {
  assert.deepEqual(fieldsOf({ type: "shell", cwd: "web", command: "make", env: { A: "1", B: "two\nC=3" } }), [
    { name: "command", text: "make", form: "code" },
    { name: "env", text: 'A=1\nB="two\\nC=3"', form: "code" },
    { name: "cwd", text: "web", form: "value" },
  ]);
  assert.equal(fieldsOf({ type: "shell", argv: ["ls", "my file", "a"] })[0]?.text, 'ls "my file" a');
});

test("a request is shown as it is sent", () => {
  const fields = fieldsOf({
    type: "http",
    method: "POST",
    url: "https://a.example/",
    body: { days: 7 },
    headers: { Accept: "*" },
  });
  assert.deepEqual(
    fields.map((field) => field.text),
    ["POST https://a.example/", '{\n  "days": 7\n}', "Accept: *"],
  );
  assert.equal(fieldsOf({ type: "http", url: "https://a.example/" })[0]?.text, "GET https://a.example/");
});

test("files to read are values, one on each line", () => {
  assert.deepEqual(fieldsOf({ type: "manual", instructions: "", shows: ["a.py", "b\nc"] }), [
    { name: "shows", text: 'a.py\n"b\\nc"', form: "value" },
  ]);
});

test("unknown fields are shown, and empty ones are not", () => {
  assert.deepEqual(fieldsOf({ type: "rocket", fuel: { kind: "lox" }, stages: [2, 3], crew: null, cwd: "." }), [
    { name: "fuel", text: '{\n  "kind": "lox"\n}', form: "code" },
    { name: "stages", text: "2, 3", form: "value" },
  ]);
});
