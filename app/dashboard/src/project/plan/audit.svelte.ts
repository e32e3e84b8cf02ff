/** What the audit points at in the current plan, read anew when there is another version or the run has ended. */
import { ApiError, answer, api, type Schemas } from "../../api/client";
import type { ProjectStore } from "../../state/project.svelte";
import { grouped } from "./filtering";

export type Finding = Schemas["Finding"];

/** A task's status says these already. */
const SAID = new Set(["task_failed", "task_skipped"]);

export class PlanAudit {
  findings = $state.raw<Finding[]>([]);
  failed = $state(false);
  byTask = $derived(grouped(this.findings, (finding) => finding.task_id ?? ""));
  /** Tasks with something serious, the worst first. */
  dangerous = $derived([...new Set(this.findings.filter(isSerious).flatMap((finding) => finding.task_id ?? []))]);

  #store: ProjectStore;
  #version = $derived.by(() => {
    const { plan, project } = this.#store;
    return plan ? `${plan.version} ${plan.digest} ${project?.stage === "finished"}` : "";
  });

  /** To be made while a component is set up: it reads as long as that stands. */
  constructor(store: ProjectStore) {
    this.#store = store;
    $effect(() => {
      if (this.#version) void this.read(this.#version);
      else this.findings = [];
    });
  }

  async read(version = this.#version): Promise<void> {
    try {
      const params = { path: { project_id: this.#store.id } };
      const audit = await answer(api.POST("/api/projects/{project_id}/audit", { params }));
      if (version !== this.#version) return;
      this.findings = audit.results.findings.filter((finding) => !SAID.has(finding.code));
      this.failed = false;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.findings = [];
      this.failed = true;
    }
  }
}

export function isSerious(finding: Finding): boolean {
  return finding.severity === "critical" || finding.severity === "high";
}
