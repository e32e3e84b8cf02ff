/** The audit findings by task. */
import type { Schemas } from "../../api/client";
import type { ProjectStore } from "../../state/project.svelte";
import { grouped } from "./filtering";

export type Finding = Schemas["Finding"];

/** Findings that the status of the task already shows. */
const SHOWN_BY_STATUS = new Set(["task_failed", "task_skipped"]);

export class PlanAudit {
  findings = $derived.by((): Finding[] => {
    const found = this.store.audit.found?.results.findings ?? [];
    return found.filter((finding) => !SHOWN_BY_STATUS.has(finding.code));
  });
  byTask = $derived(grouped(this.findings, (finding) => finding.task_id ?? ""));
  /** The ids of tasks with serious findings, worst first. */
  dangerous = $derived([...new Set(this.findings.filter(isSerious).flatMap((finding) => finding.task_id ?? []))]);

  constructor(readonly store: ProjectStore) {}

  get failed(): boolean {
    return this.store.audit.error !== null;
  }

  read(): Promise<void> {
    return this.store.audit.read();
  }
}

export function isSerious(finding: Finding): boolean {
  return finding.severity === "critical" || finding.severity === "high";
}
