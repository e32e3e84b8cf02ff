/** The project's record: every event, read once and then followed; views of one project page share it. */
import { prefix } from "../../api/prefix";
import { createParser } from "eventsource-parser";
import { ApiError, refusal } from "../../api/client";
import type { Event, ProjectStore } from "../../state/project.svelte";

/** Events that arrive together are shown together. */
const SETTLE_MS = 100;

export class EventLog {
  /** Oldest first. */
  events = $state.raw<Event[]>([]);
  ready = $state(false);
  error = $state.raw<ApiError | null>(null);

  #store: ProjectStore;
  #fresh: Event[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: ProjectStore) {
    this.#store = store;
    // Subscribe before reading, so that no event is missed in between.
    store.onEvent((event) => {
      this.#fresh.push(event);
      if (this.ready && this.#timer === undefined) this.#timer = setTimeout(() => this.#merge(), SETTLE_MS);
    });
    void this.read();
  }

  /** Read the record; may be repeated after an error. */
  async read(): Promise<void> {
    this.error = null;
    try {
      this.events = await readAll(this.#store.id);
      this.#merge();
      this.ready = true;
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError("", "unreachable", 0);
    }
  }

  #merge(): void {
    this.#timer = undefined;
    const last = this.events.at(-1)?.seq ?? 0;
    const later = this.#fresh.filter((event) => event.seq > last);
    this.#fresh = [];
    if (later.length) this.events = [...this.events, ...later];
  }
}

const logs = new WeakMap<ProjectStore, EventLog>();

/** The log of a project, one per store. */
export function logOf(store: ProjectStore): EventLog {
  let log = logs.get(store);
  if (!log) logs.set(store, (log = new EventLog(store)));
  return log;
}

async function readAll(id: string): Promise<Event[]> {
  const events: Event[] = [];
  let whole = false;
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === "end") whole = true;
      else events.push(JSON.parse(data) as Event);
    },
  });
  const response = await fetch(`${prefix}/api/projects/${id}/events?follow=false`, { cache: "no-store" });
  if (!response.ok || !response.body) throw refusal(await response.json().catch(() => null), response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
  if (!whole) throw new ApiError("", "unreachable", 0);
  return events;
}
