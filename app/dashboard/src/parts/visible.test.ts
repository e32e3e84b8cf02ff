import assert from "node:assert/strict";
import { test } from "node:test";
import { folded, piecesOf } from "./visible.ts";

const shown = (text: string) =>
  piecesOf(text)
    .map((piece) => piece.text)
    .join("");

test("invisible characters are named, and all others stay", () => {
  assert.equal(shown("rm \u202E# safe"), "rm ⟨U+202E⟩# safe");
  assert.equal(
    shown("a\u0000b\u001Bc\rd\u00A0e\u200Bf\u2028g\u{E0041}h\uFEFF"),
    "a⟨U+0000⟩b⟨U+001B⟩c⟨U+000D⟩d⟨U+00A0⟩e⟨U+200B⟩f⟨U+2028⟩g⟨U+E0041⟩h⟨U+FEFF⟩",
  );
  assert.equal(shown("naïve 漢字 🛠️\n\tשלום"), "naïve 漢字 🛠️\n\tשלום");
});

test("references are separated from text, and hide nothing", () => {
  const pieces = piecesOf("echo ${{ tasks.a.outputs.b }} $HOME ${{ \u202E }}");
  assert.deepEqual(
    pieces.map((piece) => piece.kind),
    ["plain", "reference", "plain", "unseen", "plain"],
  );
  assert.equal(pieces[1]?.text, "${{ tasks.a.outputs.b }}");
});

test("long texts give their length, and no character is cut in two", () => {
  assert.deepEqual(folded("one\ntwo\n"), { beginning: "one\ntwo\n", lines: 2, isLong: false });
  const many = folded(Array.from({ length: 30 }, (_, line) => `line ${line}`).join("\n"));
  assert.equal(many.lines, 30);
  assert.equal(many.beginning.split("\n").length, 12);
  const wide = folded(`a${"😀".repeat(1000)}`);
  assert.equal(wide.isLong, true);
  assert.doesNotThrow(() => encodeURIComponent(wide.beginning));
});
