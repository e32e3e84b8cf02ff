/** What other people answered while it stood on this page: it disappears with a word on who did. */
import { texts } from "../../texts";
import type { Decision, Event, ProjectStore } from "../../state/project.svelte";

export interface Notice {
  id: string;
  text: string;
}

const MOST = 5;
const says = texts.signoff.elsewhere;

export class Elsewhere {
  notices = $state<Notice[]>([]);
  /** What is answered here, by id of phase, decision or task, or `plan`. */
  #mine = new Set<string>();
  #open = new Map<string, Decision>();

  #store: ProjectStore;

  constructor(store: ProjectStore) {
    this.#store = store;
  }

  /** This page answers `id` itself; call what is returned where that was refused. */
  claim(id: string): () => void {
    this.#mine.add(id);
    return () => this.#mine.delete(id);
  }

  dismiss(id: string): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }

  /** Look at what became of the decisions that were open. */
  compare(decisions: Decision[]): void {
    for (const decision of decisions) {
      if (decision.status === "open") this.#open.set(decision.id, decision);
      else if (this.#open.delete(decision.id)) this.#tell(decision.id, whatBecameOf(decision));
    }
  }

  /** Take an event of the project. */
  hear(event: Event): void {
    const { type, data, actor } = event;
    const id = `${type}:${event.seq}`;
    const task = this.#store.project?.tasks.find((entry) => entry.id === data.task_id);
    const title = String(data.title ?? "");
    if (type === "plan.approved") this.#told("plan", id, says.planApproved(Number(data.plan_version), actor));
    else if (type === "plan.returned") this.#told("plan", id, says.planReturned(Number(data.plan_version), actor));
    else if (type === "phase.approved")
      this.#told(String(data.phase_id), id, says.phaseApproved(String(data.name), actor));
    else if (task?.status === "waiting" && task.reason === "manual" && data.decision_id) {
      if (type === "task.completed") this.#told(task.id, id, says.completed(title, actor));
      if (type === "task.skipped") this.#told(task.id, id, says.skipped(title, actor));
      if (type === "task.failed") this.#told(task.id, id, says.failed(title, actor));
    }
  }

  #told(subject: string, id: string, text: string): void {
    if (!this.#mine.delete(subject)) this.#add(id, text);
  }

  #tell(id: string, text: string | null): void {
    if (!this.#mine.delete(id) && text) this.#add(id, text);
  }

  #add(id: string, text: string): void {
    this.notices = [...this.notices.filter((notice) => notice.id !== id), { id, text }].slice(-MOST);
  }
}

function whatBecameOf({ status, question, actor, answer }: Decision): string | null {
  if (status === "expired") return says.expired(question, answer ?? null);
  if (status === "withdrawn") return null;
  return says.answered(question, actor ?? "?", answer ?? "");
}
