/** Notices about what other people answered while it was shown on this page. */
import { texts } from "../../texts";
import type { Decision, Event, ProjectStore } from "../../state/project.svelte";

export interface Notice {
  id: string;
  text: string;
}

const MAX_NOTICES = 5;
const says = texts.signoff.elsewhere;

export class Elsewhere {
  notices = $state<Notice[]>([]);
  /** What this page answers itself: ids of phases, decisions or tasks, or `plan`. */
  #own = new Set<string>();
  #open = new Map<string, Decision>();

  #store: ProjectStore;

  constructor(store: ProjectStore) {
    this.#store = store;
  }

  /** Note that this page answers `id` itself; call the returned function if the answer was refused. */
  claim(id: string): () => void {
    this.#own.add(id);
    return () => this.#own.delete(id);
  }

  dismiss(id: string): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }

  /** Report the outcomes of decisions that were open. */
  compare(decisions: Decision[]): void {
    for (const decision of decisions) {
      if (decision.status === "open") this.#open.set(decision.id, decision);
      else if (this.#open.delete(decision.id)) this.#reportDecision(decision.id, outcomeOf(decision));
    }
  }

  /** Handle an event of the project. */
  hear(event: Event): void {
    const { type, data, actor } = event;
    const id = `${type}:${event.seq}`;
    const task = this.#store.project?.tasks.find((entry) => entry.id === data.task_id);
    const title = String(data.title ?? "");
    if (type === "plan.approved") this.#report("plan", id, says.planApproved(Number(data.plan_version), actor));
    else if (type === "plan.returned") this.#report("plan", id, says.planReturned(Number(data.plan_version), actor));
    else if (type === "plan.changes_requested")
      this.#report("plan", id, says.changesRequested(Number(data.plan_version), actor));
    else if (type === "plan.rejected") this.#report("plan", id, says.planRejected(Number(data.plan_version), actor));
    else if (type === "plan.discarded") this.#report("plan", id, says.editDiscarded(Number(data.plan_version), actor));
    else if (type === "phase.approved")
      this.#report(String(data.phase_id), id, says.phaseApproved(String(data.name), actor));
    else if (task?.status === "waiting" && task.reason === "manual" && data.decision_id) {
      if (type === "task.completed") this.#report(task.id, id, says.completed(title, actor));
      if (type === "task.skipped") this.#report(task.id, id, says.skipped(title, actor));
      if (type === "task.failed") this.#report(task.id, id, says.failed(title, actor));
    }
  }

  #report(subject: string, id: string, text: string): void {
    if (!this.#own.delete(subject)) this.#add(id, text);
  }

  #reportDecision(id: string, text: string | null): void {
    if (!this.#own.delete(id) && text) this.#add(id, text);
  }

  #add(id: string, text: string): void {
    this.notices = [...this.notices.filter((notice) => notice.id !== id), { id, text }].slice(-MAX_NOTICES);
  }
}

function outcomeOf({ status, question, actor, answer }: Decision): string | null {
  if (status === "expired") return says.expired(question, answer ?? null);
  if (status === "withdrawn") return null;
  return says.answered(question, actor ?? "?", answer ?? "");
}
