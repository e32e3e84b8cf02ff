/** One project as the page knows it: the server's responses, requested again when events report changes. */
import { ApiError, answer, api, type Plan, type Project, type Schemas } from "../api/client";
import { follow, type StreamState } from "../api/stream";
import { applied } from "./apply";
import { ProjectAudit } from "./audit.svelte";
import { inbox } from "./inbox.svelte";
import type { Event } from "./reducer";

export type { Event };
export type Decision = Schemas["Decision"];
type Part = "project" | "plan" | "decisions";

/** Events that arrive together cause one reload; a project that is slow to load is reloaded less often. */
const SETTLE_MS = 80;
const REST_FACTOR = 8;

/** Which responses an event makes outdated, besides the project itself, which every event does. */
function outdated({ type, data }: Event): Part[] {
  if (type.startsWith("plan.") || type === "project.updated" || type === "task.created") return ["plan", "decisions"];
  // A plan that waits for approval is shown with the files that its commands name.
  if (type === "file.uploaded") return ["plan"];
  // The outcome of a decision appears in the event of its effect, such as `task.completed`. The end of a run withdraws all
  // open decisions.
  const decided = "decision_id" in data || /^(decision|run|project)\./.test(type);
  return decided ? ["decisions"] : [];
}

export class ProjectStore {
  project = $state.raw<Project | null>(null);
  /** The current plan version with its digest, warnings and price; null if there is none yet. */
  plan = $state.raw<Plan | null>(null);
  decisions = $state.raw<Decision[]>([]);
  error = $state.raw<ApiError | null>(null);
  stream = $state<StreamState>("connecting");
  /** The project was deleted, here or elsewhere. */
  gone = $state(false);

  #listeners = new Set<(event: Event) => void>();
  #due = new Set<Part>();
  /** Events received since the project was last loaded. */
  #recent: Event[] = [];
  #frame = 0;
  #seq = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #lastTook = 0;
  #stop: () => void = () => {};
  #closed = false;
  #followsAll = false;

  readonly audit: ProjectAudit;

  constructor(readonly id: string) {
    this.audit = new ProjectAudit(id);
    void this.#start();
  }

  /** Stop following. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#stop();
  }

  /** Call `listener` with every event from now on; returns the function that unsubscribes it. */
  onEvent(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reload everything now: after a call of this page, without waiting for its event. */
  async refresh(): Promise<void> {
    for (const part of ["project", "plan", "decisions"] as const) this.#due.add(part);
    await this.#read();
  }

  async #start(): Promise<void> {
    await this.refresh();
    if (!this.#closed && this.project) this.#followProject();
  }

  #followProject(): void {
    this.#followsAll = false;
    this.#stop();
    this.#stop = follow({
      address: () => `/api/projects/${this.id}/events?after=${this.#seq}`,
      onEvent: ({ data }) => {
        inbox.mark();
        this.#take(JSON.parse(data) as Event);
      },
      onState: (state) => (this.stream = state),
      onEnd: () => this.#followAll(),
      onRefused: () => void this.refresh(),
      // Load what could not be loaded while the server was away.
      onOpen: () => this.#due.size && this.#mark([]),
    });
  }

  /** The stream of a finished project has ended. If somebody resumes the project, the stream of all projects reports it. */
  #followAll(): void {
    if (this.gone || this.#closed) return;
    this.#followsAll = true;
    this.#stop();
    this.#stop = follow({
      address: () => "/api/events",
      // The project itself shows what happened between the two streams, or while this one was disconnected.
      onOpen: () => this.#mark(["project"]),
      onEvent: ({ data }) => {
        const event = JSON.parse(data) as Schemas["LiveEvent"];
        if (event.project_id === this.id && event.seq > this.#seq) this.#followProject();
      },
      onState: (state) => (this.stream = state),
    });
  }

  #take(event: Event): void {
    if (event.seq <= this.#seq) return;
    this.#seq = event.seq;
    this.#recent.push(event);
    this.#frame ||= requestAnimationFrame(() => this.#show());
    if (event.type === "project.deleted") this.gone = true;
    else this.#mark(["project", ...outdated(event)]);
    for (const listener of this.#listeners) listener(event);
  }

  #show(): void {
    this.#frame = 0;
    if (this.project) this.project = applied(this.project, this.#recent);
  }

  #mark(parts: Part[]): void {
    for (const part of parts) this.#due.add(part);
    if (this.#timer === undefined && !this.#reading) this.#schedule();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#read(), Math.max(SETTLE_MS, this.#lastTook * REST_FACTOR));
  }

  async #read(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading) return;
    this.#reading = true;
    const parts = new Set(this.#due);
    this.#due.clear();
    const began = performance.now();
    let failed = false;
    try {
      await Promise.all([
        parts.has("project") && this.#readProject(),
        parts.has("plan") && this.#readPlan(),
        parts.has("decisions") && this.#readDecisions(),
      ]);
      this.error = null;
    } catch (error) {
      failed = true;
      for (const part of parts) this.#due.add(part);
      if (error instanceof ApiError) this.error = error;
      if (error instanceof ApiError && error.status === 404 && this.project) this.gone = true;
    } finally {
      this.#lastTook = performance.now() - began;
      this.#reading = false;
      if (this.#due.size && !failed && !this.#closed) this.#schedule();
    }
  }

  async #readProject(): Promise<void> {
    const params = { path: { project_id: this.id } };
    const read = await answer(api.GET("/api/projects/{project_id}", { params }));
    this.#seq ||= read.last_seq;
    // The project resumed, and perhaps finished again, without this page hearing of it.
    if (this.#followsAll && read.last_seq > this.#seq) this.#followProject();
    // Events received during the request are newer than its response.
    this.#recent = this.#recent.filter((event) => event.seq > read.last_seq);
    this.project = applied(read, this.#recent);
  }

  async #readPlan(): Promise<void> {
    try {
      const params = { path: { project_id: this.id } };
      // The response is text only if text was requested.
      this.plan = (await answer(api.GET("/api/projects/{project_id}/plan", { params }))) as Plan;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "no_plan") throw error;
      this.plan = null;
    }
  }

  async #readDecisions(): Promise<void> {
    const params = { path: { project_id: this.id } };
    this.decisions = (await answer(api.GET("/api/projects/{project_id}/decisions", { params }))).decisions;
  }
}
