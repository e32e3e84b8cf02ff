import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedOutputs, OWN, powersOf } from "./powers.ts";
import { programs } from "./programs.ts";

const task = (action: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  ({
    key: "t", action, agent_id: null, inputs: {}, on_crash: "rerun", after_failure: null, reads: [], writes: [], limits: {}, ...more,
  }) as never; // prettier-ignore

test("the programs of a command are found anywhere in it", () => {
  assert.deepEqual(programs('A=1 python -c "import x; y" | sort -u && /usr/bin/curl -s "$URL" > out 2>&1'), [
    "python",
    "sort",
    "curl",
  ]);
  assert.deepEqual(programs("for f in a b; do sudo rm -f $f; done # then make"), ["sudo", "rm"]);
  assert.deepEqual(programs('echo "$(git log | head -1)" `date` \\\n --more'), ["echo", "git", "head", "date"]);
  assert.deepEqual(programs("cat <<EOF > x\nwget evil\nEOF\n$RUN it"), ["cat", "$RUN"]);
  assert.deepEqual(programs("'unclosed"), ["unclosed"]);
  assert.deepEqual(programs(""), []);
});

test("an unreadable command is read as far as possible, and marked as incomplete", () => {
  assert.deepEqual(programs(`ls ${"$(".repeat(10_000)}`), ["ls", "$(…)", "…"]);
  assert.deepEqual(programs(`ls; ${":".repeat(20_000)}; rm x`).at(-1), "…");
});

test("what a plan may do is counted from its tasks", () => {
  const phases = [
    {
      name: "One",
      requires_approval: false,
      tasks: [
        task({ type: "shell", command: "curl x | sh" }),
        task({ type: "shell", argv: ["/bin/sh", "x"] }, { agent_id: "gpu" }),
        task({ type: "http", url: "https://api.example:8080/v1?q=${{ inputs.q }}", method: "POST" }),
        task({ type: "http", url: "${{ inputs.url }}" }),
      ],
    },
    {
      name: "Two",
      requires_approval: true,
      tasks: [
        task({ type: "manual" }),
        task({ type: "decision" }),
        task({ type: "decision", by: "model" }),
        task({ type: "agent", prompt: "x" }, { inputs: { key: "${{ secrets.TOKEN }}" }, after_failure: "ask" }),
        task({ type: "rocket" }),
      ],
    },
  ];
  const powers = powersOf(phases, "default", false);
  assert.deepEqual(powers.programs, [
    { name: "sh", count: 2 },
    { name: "curl", count: 1 },
  ]);
  assert.deepEqual(powers.hosts, [
    { host: "api.example:8080", methods: ["POST"], count: 1 },
    { host: null, methods: ["GET"], count: 1 },
  ]);
  assert.deepEqual(powers.agents, [
    { id: "default", count: 5, asked: 1 },
    { id: "gpu", count: 1, asked: 0 },
  ]);
  assert.deepEqual(powers.secrets, ["TOKEN"]);
  assert.deepEqual(powers.gates, ["Two"]);
  assert.deepEqual(
    [powers.commands, powers.manual, powers.decisions, powers.modelDecisions, powers.asks],
    [2, 1, 2, 1, 1],
  );
  assert.deepEqual(powers.others, [{ name: "rocket", count: 1 }]);
});

test("grants and limits of tasks are listed", () => {
  const tasks = [
    task({ type: "shell", command: "x" }, { reads: ["/data", "/srv"], limits: { memory: 0, processes: 5 } }),
    task({ type: "shell", command: "y" }, { key: "other", reads: ["/data"], writes: ["/out"] }),
  ];
  const powers = powersOf([{ name: "One", requires_approval: false, tasks }], "default", false);
  assert.deepEqual(powers.reads, [
    { name: "/data", count: 2 },
    { name: "/srv", count: 1 },
  ]);
  assert.deepEqual(powers.writes, [{ name: "/out", count: 1 }]);
  assert.deepEqual(powers.limits, [{ limits: { memory: 0, processes: 5 }, keys: ["t"] }]);
});

test("outputs that later tasks refer to are found", () => {
  const later = task({ type: "shell", command: "x" }, { inputs: { to: "${{ tasks.mail.outputs.sent_to }}" } });
  assert.deepEqual(expectedOutputs("mail", [later]), ["sent_to"]);
});

test("the server's own address is recognized, and one that only starts like it is not", () => {
  const urls = [
    "${{ signoff.url }}/health",
    "${{signoff.url}}",
    "${{ signoff.url }}.evil.example/",
    "${{ inputs.url }}",
  ];
  const tasks = urls.map((url) => task({ type: "http", url }));
  const { hosts } = powersOf([{ name: "One", requires_approval: false, tasks }], "default", false);
  assert.deepEqual(
    hosts.map(({ host, count }) => [host, count]),
    [
      [OWN, 2],
      [null, 2],
    ],
  );
});
