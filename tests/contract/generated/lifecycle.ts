/**
 * Takes a project through its life with openapi-fetch and the types that openapi-typescript generates. Argument: the
 * server's address. `test_generated_clients` runs it next to the generated `schema.d.ts`, and checks its types.
 */
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

const OUTLINE =
  "# Copy\n\n- Copy: `cp in.txt out.txt; echo size=5 >> $SIGNOFF_OUTPUT` {#copy retries=2 files=out.txt}\n";
const SECONDS = 60;
const api = createClient<paths>({ baseUrl: process.argv[2] });

function expect<T>(answer: { data?: T; error?: unknown }): NonNullable<T> {
  assert.ok(answer.data, JSON.stringify(answer.error));
  return answer.data;
}

function refusal(answer: { error?: unknown }): Schemas["ErrorBody"] {
  assert.ok(answer.error);
  return answer.error as Schemas["ErrorBody"];
}

/** Change one field of the project and of its task, check that the others stay, and return the plan. */
async function changeOneFieldOfEach(path: { project_id: string }): Promise<Schemas["Plan"]> {
  const body = { name: "Copy again" };
  const renamed: Schemas["Project"] = expect(await api.PUT("/api/projects/{project_id}", { params: { path }, body }));
  assert.deepEqual([renamed.name, renamed.description, renamed.strategy], ["Copy again", OUTLINE, "economy"]);
  const before = expect(await api.GET("/api/projects/{project_id}/tasks", { params: { path } })).tasks[0];
  const after = expect(
    await api.PUT("/api/projects/{project_id}/tasks/{task_id}", {
      params: { path: { ...path, task_id: "copy" } },
      body: { title: "Duplicate" },
    }),
  );
  assert.ok("title" in after && before);
  assert.deepEqual([after.title, after.action], ["Duplicate", before.action]);
  assert.deepEqual([after.retries, after.expected_files], [2, ["out.txt"]]);
  const plan = expect(await api.GET("/api/projects/{project_id}/plan", { params: { path } }));
  assert.ok(typeof plan === "object");
  return plan;
}

async function finish(path: { project_id: string }): Promise<void> {
  const deadline = Date.now() + SECONDS * 1000;
  let project = expect(await api.GET("/api/projects/{project_id}", { params: { path } }));
  while (project.stage !== "finished") {
    assert.ok(Date.now() < deadline, JSON.stringify(project));
    await new Promise((resolve) => setTimeout(resolve, 200));
    project = expect(await api.GET("/api/projects/{project_id}", { params: { path } }));
  }
  assert.equal(project.status, "completed", JSON.stringify(project.failure));
}

const preview = expect(await api.POST("/api/outline", { body: { description: OUTLINE } }));
assert.ok(preview.valid);
assert.deepEqual(
  preview.phases.flatMap((phase) => phase.tasks.map((task) => task.key)),
  ["copy"],
);

const created = await api.POST("/api/projects", {
  body: { name: "Copy", description: OUTLINE, strategy: "economy" },
});
const path = { project_id: expect(created).id };
const form = new FormData();
form.append("file", new Blob(["hello"]), "in.txt");
const uploaded = expect(
  await api.POST("/api/projects/{project_id}/files/upload", {
    params: { path },
    body: { file: "in.txt" },
    bodySerializer: () => form,
  }),
);
assert.deepEqual([uploaded.path, uploaded.size], ["in.txt", 5]);

const plan = expect(
  await api.POST("/api/projects/{project_id}/generate-plan", { params: { path, header: { Prefer: "wait=60" } } }),
);
assert.ok("digest" in plan);
const changed = await changeOneFieldOfEach(path);
assert.notEqual(changed.digest, plan.digest);

const outdated = await api.POST("/api/projects/{project_id}/approve", {
  params: { path },
  body: { plan_digest: plan.digest },
});
assert.equal(refusal(outdated).code, "plan_superseded");
const approved = await api.POST("/api/projects/{project_id}/approve", {
  params: { path },
  body: { plan_digest: changed.digest },
});
assert.equal(approved.response.status, 200);
await finish(path);

const { tasks } = expect(await api.GET("/api/projects/{project_id}/tasks", { params: { path } }));
assert.deepEqual(
  tasks.map((task) => [task.key, task.status, task.outputs?.["size"]]),
  [["copy", "completed", "5"]],
);
const { files } = expect(await api.GET("/api/projects/{project_id}/output-files", { params: { path } }));
const names = files.map((file) => file.path);
assert.ok(names.includes("in.txt") && names.includes("out.txt"), JSON.stringify(names));
const file = await api.GET("/api/projects/{project_id}/files/raw", {
  params: { path, query: { path: "out.txt" } },
  parseAs: "text",
});
assert.equal(expect(file), "hello");
const part = await api.GET("/api/projects/{project_id}/files/raw", {
  params: { path, query: { path: "out.txt" }, header: { Range: "bytes=1-3" } },
  parseAs: "text",
});
assert.deepEqual([part.response.status, expect(part)], [206, "ell"]);

assert.ok(expect(await api.DELETE("/api/projects/{project_id}", { params: { path } })).deleted);
const gone = await api.GET("/api/projects/{project_id}", { params: { path } });
assert.equal(refusal(gone).code, "project_deleted");
