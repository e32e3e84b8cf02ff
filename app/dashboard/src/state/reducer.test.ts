import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { newState, phaseOf, stageOf, take, taskOf, type Event } from "./reducer.ts";

interface Case {
  name: string;
  events: { type: string; data: Record<string, unknown> }[];
  expected: {
    status: string;
    stage: string;
    plan_version: number | null;
    phases: Record<string, string>;
    tasks: Record<string, { status: string; attempt: number }>;
  };
}

const CASES = new URL("../../../../tests/cases/reducer.json", import.meta.url);

for (const { name, events, expected } of JSON.parse(readFileSync(CASES, "utf8")) as Case[]) {
  test(name, () => {
    const state = newState();
    events.forEach(({ type, data }, index) => {
      const at = new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString();
      take(state, { seq: index + 1, type, project_id: "proj_1", at, actor: "signoff", data } as Event);
    });
    const phases = Object.keys(expected.phases).map((id) => [id, phaseOf(state, id).status]);
    const tasks = Object.keys(expected.tasks).map((id) => {
      const { status, attempt } = taskOf(state, id);
      return [id, { status, attempt }];
    });
    const found = {
      status: state.status,
      stage: stageOf(state),
      plan_version: state.planVersion,
      phases: Object.fromEntries(phases),
      tasks: Object.fromEntries(tasks),
    };
    assert.deepEqual(found, expected);
  });
}
