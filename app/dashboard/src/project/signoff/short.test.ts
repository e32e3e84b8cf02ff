import assert from "node:assert/strict";
import { test } from "node:test";
import { inShort } from "./short.ts";

type Plan = Parameters<typeof inShort>[0];
type Task = Plan["phases"][number]["tasks"][number];

const task = (title: string, action: Task["action"], more: Partial<Task> = {}): Task => ({
  ...{ key: "t", title, action, agent_id: null, inputs: {}, on_crash: "rerun", after_failure: null },
  ...{ reads: [], writes: [], limits: {}, expected_files: [] },
  ...more,
});
const plan = (...tasks: Task[]): Plan => ({ phases: [{ name: "All", requires_approval: false, tasks }] });
const noBudget = { max_tokens: null, max_cost_usd: null };

test("a plan is told in sentences: what it does, touches and costs, and who signs", () => {
  const write = task("Write it", { type: "shell", command: "echo $KEY > a.md" }, { expected_files: ["a.md"] });
  const send = task("Send it", { type: "http", url: "https://mail.example/send", method: "POST" });
  const key = task("Use it", { type: "shell", command: "true" }, { inputs: { key: "${{ secrets.KEY }}" } });
  const look = task("Look at it", { type: "manual" });
  const told = inShort(plan(write, send, key, look), noBudget, undefined);
  assert.equal(told.does, "1 phase with 4 tasks: “Write it”, “Send it”, “Use it” and “Look at it”.");
  assert.equal(
    told.touches,
    "It runs 2 commands, sends requests to “mail.example”, uses the secret “KEY”, creates “a.md”.",
  );
  assert.equal(told.costs, "Nothing for models: no task uses one.");
  assert.equal(told.signs, "One approval is enough. Later, it needs people for 1 manual task.");
});

test("only what is a name stands in quotation marks", () => {
  const own = task("Ask", { type: "http", url: "${{ signoff.url }}/health", method: "GET" });
  const later = task("Send", { type: "http", url: "${{ tasks.ask.outputs.url }}", method: "GET" });
  const { touches } = inShort(plan(own, later), noBudget, undefined);
  assert.equal(touches, "It sends requests to this Signoff server and an address known only at run time.");
});

test("many tasks are counted, and a plan that only asks people touches nothing", () => {
  const told = inShort(
    plan(...["A", "B", "C", "D", "E", "F"].map((title) => task(title, { type: "manual" }))),
    noBudget,
    {
      id: "gate_1",
      approvals: { given: 1, needed: 2, by: [], missing: ["one more approver"] },
    },
  );
  assert.equal(told.does, "1 phase with 6 tasks: “A”, “B”, “C”, “D” and 2 more.");
  assert.equal(told.touches, "Nothing: it runs no commands and sends no requests.");
  assert.match(told.signs, /^1 of 2 approvals given. Still needed: one more approver\./);
});

test("the cost names the budget, or that there is none", () => {
  const agent = plan(task("Think", { type: "agent", prompt: "?" }));
  assert.equal(inShort(agent, noBudget, undefined).costs, "1 task uses a model, and no budget limits it.");
  assert.equal(
    inShort(agent, { max_tokens: 1000, max_cost_usd: 2 }, undefined).costs,
    "1 task uses a model, up to $2.00 or 1,000 tokens in total.",
  );
});
