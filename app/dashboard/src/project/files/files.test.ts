import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, prettyJson, textOf } from "./kinds.ts";
import { foldersOf, type FileInfo } from "./listing.ts";

const file = (path: string, kind: FileInfo["kind"] = "output") => ({ path, kind }) as FileInfo;

test("files are grouped by folder, and logs come last as a separate group", () => {
  const files = [
    file(".signoff/attempts/t/1/log", "log"),
    file("a.txt"),
    file("web/css/a.css"),
    file("web/index.html"),
  ];
  assert.deepEqual(
    foldersOf(files, "").map((folder) => [folder.path, folder.files.length]),
    [
      ["", 1],
      ["web", 1],
      ["web/css", 1],
      [null, 1],
    ],
  );
  assert.deepEqual(
    foldersOf(files, "WEB css").flatMap((folder) => folder.files.map((found) => found.path)),
    ["web/css/a.css"],
  );
});

test("SVG is shown as text, because it can contain scripts", () => {
  assert.equal(kindOf("a.svg", "image/svg+xml"), "text");
  assert.equal(kindOf("a.PNG", "image/png"), "image");
  assert.equal(kindOf("README.md", "text/markdown"), "markdown");
  assert.equal(kindOf("Makefile", "application/octet-stream"), "text");
});

test("binary content is recognized", () => {
  assert.equal(textOf(new Uint8Array([0x50, 0x4b, 0, 1])), null);
  assert.equal(textOf(new Uint8Array(100).fill(0xff)), null);
  assert.equal(textOf(new TextEncoder().encode("naïve").subarray(0, 3)), "na");
});

test("JSON gets line breaks and keeps its numbers", () => {
  assert.equal(
    prettyJson('{"a":[1,2.50,{}],"b":"x,{\\"}","c":12345678901234567890,"d":[]}'),
    '{\n  "a": [\n    1,\n    2.50,\n    {}\n  ],\n  "b": "x,{\\"}",\n  "c": 12345678901234567890,\n  "d": []\n}',
  );
  assert.equal(prettyJson("{"), null);
});
