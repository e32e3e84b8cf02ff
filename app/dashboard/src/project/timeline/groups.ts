/** The rows of a timeline, by phase. */
import type { Project, Status } from "../../api/client";
import type { Row, Run, Segment } from "./segments";

/** A row as it is drawn; `status` is the current status, or null for an earlier run. */
export interface Line extends Row {
  status: Status | null;
  isPhase: boolean;
}

export interface Group {
  head: Line;
  rows: Line[];
}

/** The rows of a run: the newest run has a row for every task of the plan, older runs only for the tasks they ran. */
export function groupsOf(run: Run, project: Project, isNewest: boolean): Group[] {
  const left = new Map(run.tasks);
  const groups: Group[] = [];
  for (const phase of project.phases) {
    const rows: Line[] = [];
    for (const task of project.tasks) {
      if (task.phase_id !== phase.id) continue;
      const recorded = left.get(task.id);
      left.delete(task.id);
      if (recorded || isNewest)
        rows.push(line(task.id, task.title, phase.id, recorded?.segments, isNewest ? task.status : null, false));
    }
    const segments = run.phases.get(phase.id)?.segments;
    if (segments || rows.length)
      groups.push({ head: line(phase.id, phase.name, phase.id, segments, isNewest ? phase.status : null, true), rows });
  }
  // Tasks that a later plan no longer contains.
  for (const row of left.values()) {
    let group = groups.find(({ head }) => head.id === row.phaseId);
    if (!group) {
      const recorded = run.phases.get(row.phaseId);
      group = { head: line(row.phaseId, recorded?.title ?? "", row.phaseId, recorded?.segments, null, true), rows: [] };
      groups.push(group);
    }
    group.rows.push({ ...row, status: null, isPhase: false });
  }
  return groups;
}

function line(
  id: string,
  title: string,
  phaseId: string,
  segments: Segment[] | undefined,
  status: Status | null,
  isPhase: boolean,
): Line {
  return { id, title, phaseId, segments: segments ?? [], status, isPhase };
}
