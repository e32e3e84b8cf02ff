/** What waits for the reader across all projects: loaded now and then, and soon after something has happened. */
import { ApiError, answer, api, type Schemas } from "../api/client";
import { reconnected } from "../api/stream";
import { session } from "./session.svelte";
import { telling, tellNew } from "./telling.svelte";

export type InboxItem = Schemas["InboxItem"];

const EVERY_MS = 30_000;
const SOON_MS = 400;
const LIMIT = 50;

let known = $state.raw<Schemas["Inbox"] | null>(null);
let failure = $state.raw<ApiError | null>(null);
let shown = LIMIT;
let timer: ReturnType<typeof setTimeout> | undefined;
let dueAt = Infinity;
let running = false;

export const inbox = {
  get answer(): Schemas["Inbox"] | null {
    return known;
  },
  get error(): ApiError | null {
    return failure;
  },
  get total(): number {
    return known?.total ?? 0;
  },
  /** The beginning of the title of each view: `(4) `. */
  get prefix(): string {
    return known?.total ? `(${known.total}) ` : "";
  },
  /** The next item of another project; null if there is none. */
  nextBesides(projectId: string): InboxItem | null {
    return known?.items.find((item) => item.project_id !== projectId) ?? null;
  },
  /** Whether something of this project waits for the reader. */
  has(projectId: string): boolean {
    return known?.items.some((item) => item.project_id === projectId) ?? false;
  },
  /** Load it soon, because something has happened. */
  mark(): void {
    schedule(SOON_MS);
  },
  /** Load more items. */
  more(): void {
    shown = Math.min(200, shown + LIMIT);
    void load();
  },
  load,
};

/** Keep the inbox current while the page is visible, or while it tells the reader what is new, until the returned function is called. */
export function keepInbox(): () => void {
  const onVisible = () => {
    if (document.visibilityState === "visible") schedule(0);
  };
  const onTime = () => {
    if (document.visibilityState === "visible" || telling.on) schedule(0);
  };
  schedule(0);
  const every = setInterval(onTime, EVERY_MS);
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    clearInterval(every);
    clearTimeout(timer);
    dueAt = Infinity;
    document.removeEventListener("visibilitychange", onVisible);
  };
}

function schedule(milliseconds: number): void {
  const due = performance.now() + milliseconds;
  if (due >= dueAt) return;
  clearTimeout(timer);
  dueAt = due;
  timer = setTimeout(() => void load(), milliseconds);
}

/** The items at the end of a long inbox, where new ones without a deadline are. */
async function newest({ items, total }: Schemas["Inbox"]): Promise<InboxItem[]> {
  if (total <= items.length) return [];
  const query = { limit: 200, offset: Math.max(items.length, total - 200) };
  return (await answer(api.GET("/api/inbox", { params: { query } }))).items;
}

async function load(): Promise<void> {
  dueAt = Infinity;
  if (running || session.signInNeeded) return;
  running = true;
  try {
    known = await answer(api.GET("/api/inbox", { params: { query: { limit: shown } } }));
    if (failure) reconnected();
    failure = null;
    if (telling.on) tellNew([...known.items, ...(await newest(known))]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure = error;
  } finally {
    running = false;
  }
}
