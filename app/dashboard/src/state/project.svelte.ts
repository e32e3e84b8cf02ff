/** One project as the page knows it: the server's own answers, asked for anew as its events tell of changes. */
import { ApiError, answer, api, type Plan, type Project, type Schemas } from "../api/client";
import { follow, type StreamState } from "../api/stream";
import { applied } from "./apply";
import { ProjectAudit } from "./audit.svelte";

export type Event = Schemas["Event"];
export type Decision = Schemas["Decision"];
type Part = "project" | "plan" | "decisions";

/** Events that come together are answered by one reading; a project that takes long to read is read less often. */
const SETTLE_MS = 80;
const REST_FACTOR = 8;

/** Which answers an event makes out of date; the project itself with every event. */
function outdated({ type, data }: Event): Part[] {
  if (type.startsWith("plan.") || type === "project.updated" || type === "task.created") return ["plan", "decisions"];
  // A plan that waits for its approval is shown with the files that its commands name.
  if (type === "file.uploaded") return ["plan"];
  // What a decision came to is told by the event of its effect, such as `task.completed`; the end of a run withdraws all.
  const decided = "decision_id" in data || /^(decision|run|project)\./.test(type);
  return decided ? ["decisions"] : [];
}

export class ProjectStore {
  project = $state.raw<Project | null>(null);
  /** The current plan version with its digest, warnings and price; null where there is none yet. */
  plan = $state.raw<Plan | null>(null);
  decisions = $state.raw<Decision[]>([]);
  error = $state.raw<ApiError | null>(null);
  stream = $state<StreamState>("connecting");
  /** The project was deleted, here or elsewhere. */
  gone = $state(false);

  #listeners = new Set<(event: Event) => void>();
  #due = new Set<Part>();
  /** What came since the project was last read. */
  #news: Event[] = [];
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

  /** Have `listener` called with every event that comes from now on; returns what ends that. */
  onEvent(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Read again now, all of it: after a call of this page's own, without waiting for its event. */
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
      onEvent: ({ data }) => this.#take(JSON.parse(data) as Event),
      onState: (state) => (this.stream = state),
      onEnd: () => this.#followAll(),
      onRefused: () => void this.refresh(),
      // What could not be read while the server was away.
      onOpen: () => this.#due.size && this.#mark([]),
    });
  }

  /** A finished project's own stream has ended; should somebody have it go on, the news of all projects tells. */
  #followAll(): void {
    if (this.gone || this.#closed) return;
    this.#followsAll = true;
    this.#stop();
    this.#stop = follow({
      address: () => "/api/events",
      // What came between the two streams, or while this one was away, shows in the project itself.
      onOpen: () => this.#mark(["project"]),
      onEvent: ({ data }) => {
        const news = JSON.parse(data) as Schemas["LiveEvent"];
        if (news.project_id === this.id && news.seq > this.#seq) this.#followProject();
      },
      onState: (state) => (this.stream = state),
    });
  }

  #take(event: Event): void {
    if (event.seq <= this.#seq) return;
    this.#seq = event.seq;
    this.#news.push(event);
    this.#frame ||= requestAnimationFrame(() => this.#show());
    if (event.type === "project.deleted") this.gone = true;
    else this.#mark(["project", ...outdated(event)]);
    for (const listener of this.#listeners) listener(event);
  }

  #show(): void {
    this.#frame = 0;
    if (this.project) this.project = applied(this.project, this.#news);
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
    // It went on, and perhaps ended again, while nobody told this page.
    if (this.#followsAll && read.last_seq > this.#seq) this.#followProject();
    // What came while the answer was under way is newer than it.
    this.#news = this.#news.filter((event) => event.seq > read.last_seq);
    this.project = applied(read, this.#news);
  }

  async #readPlan(): Promise<void> {
    try {
      const params = { path: { project_id: this.id } };
      // As text it is only where text was asked for.
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
