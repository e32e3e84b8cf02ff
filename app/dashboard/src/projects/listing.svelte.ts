/** The list as the page knows it: the server's response, requested again when any project has an event. */
import { ApiError, answer, api, type Schemas } from "../api/client";
import { follow, type StreamState } from "../api/stream";
import { inbox } from "../state/inbox.svelte";
import { requestOf, type ListQuery } from "./query";

/** A change of status moves rows and changes counts; of any other change, a row shows only the time. */
const SOON_MS = 250;
const LATER_MS = 2000;
const REST_FACTOR = 3;

export class ListStore {
  answer = $state.raw<Schemas["ProjectList"] | null>(null);
  /** The query that the response belongs to. */
  shown = $state.raw<ListQuery | null>(null);
  error = $state.raw<ApiError | null>(null);
  stream = $state<StreamState>("connecting");
  /** Projects that appeared on the page without a new query. */
  fresh = $state.raw<ReadonlySet<string>>(new Set());

  #query: ListQuery | null = null;
  #request: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;
  #lastTook = 0;
  #stop: () => void;

  constructor() {
    this.#stop = follow({
      address: () => "/api/events",
      // What happened while the stream was closed shows only in the list.
      onOpen: () => this.#mark(0),
      onEvent: ({ data }) => {
        inbox.mark();
        this.#take(JSON.parse(data) as Schemas["LiveEvent"]);
      },
      onState: (state) => (this.stream = state),
    });
  }

  close(): void {
    this.#stop();
    this.#request?.abort();
    clearTimeout(this.#timer);
  }

  /** Show the results of a query; a request in progress is dropped. */
  async show(query: ListQuery): Promise<void> {
    this.#query = query;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const query = this.#query;
    if (!query) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Infinity;
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const began = performance.now();
    try {
      const params = { query: requestOf(query) };
      const found = await answer(api.GET("/api/projects", { params, signal: request.signal }));
      if (request.signal.aborted) return;
      this.#show(query, found);
    } catch (error) {
      if (request.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.#lastTook = performance.now() - began;
    this.#request = null;
    if (this.#dueAt < Infinity) this.#schedule();
  }

  #show(query: ListQuery, found: Schemas["ProjectList"]): void {
    const before = this.shown === query ? new Set(this.answer?.projects.map((project) => project.id)) : null;
    const added = before ? found.projects.filter((project) => !before.has(project.id)) : [];
    this.fresh = new Set(added.map((project) => project.id));
    this.answer = found;
    this.shown = query;
    this.error = null;
  }

  #take(event: Schemas["LiveEvent"]): void {
    const list = this.answer;
    const row = list?.projects.find((project) => project.id === event.project_id);
    const { status, stage } = event;
    if (!list || !row || !status || !stage || row.status !== status || row.stage !== stage) this.#mark(SOON_MS);
    else this.#mark(LATER_MS);
    if (!list || !row) return;
    const projects =
      status && stage
        ? list.projects.map((project) => (project === row ? { ...row, status, stage } : project))
        : list.projects.filter((project) => project !== row);
    this.answer = { ...list, projects };
  }

  /** Reload the list after at most this many milliseconds. A list that loads slowly is reloaded less often. */
  #mark(milliseconds: number): void {
    const due = performance.now() + Math.max(milliseconds, milliseconds && this.#lastTook * REST_FACTOR);
    if (due >= this.#dueAt) return;
    this.#dueAt = due;
    if (!this.#request) this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), Math.max(0, this.#dueAt - performance.now()));
  }
}
