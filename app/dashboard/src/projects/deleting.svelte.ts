/** Deletions that can still be undone: they are sent only when their time is over, or when the page is left. */
import { at } from "../api/prefix";
import { ApiError, answer, api, newKey, type Schemas } from "../api/client";
import { hold } from "../api/sending";
import { say } from "../state/toasts.svelte";
import { texts } from "../texts";

type Named = { id: string; name: string };
interface Batch {
  projects: Named[];
  timer: ReturnType<typeof setTimeout>;
  /** Allows the page to reload by itself again. */
  letGo: () => void;
}

const UNDO_MS = 8000;
/** The API accepts at most this many ids per request. */
const MAX_IDS = 200;
const waiting = new Set<Batch>();
let leaving = $state.raw<ReadonlySet<string>>(new Set());

export const deleting = {
  /** Ids of projects that are about to be deleted. */
  get ids(): ReadonlySet<string> {
    return leaving;
  },
};

/** Delete projects, unless the person undoes it within 8 s. */
export function deleteSoon(projects: Named[]): void {
  const fresh = projects.filter(({ id }) => !leaving.has(id));
  for (let first = 0; first < fresh.length; first += MAX_IDS) wait(fresh.slice(first, first + MAX_IDS));
}

function wait(projects: Named[]): void {
  const batch: Batch = {
    projects,
    letGo: hold(),
    timer: setTimeout(() => {
      waiting.delete(batch);
      batch.letGo();
      void send(projects);
    }, UNDO_MS),
  };
  waiting.add(batch);
  leaving = new Set([...leaving, ...projects.map(({ id }) => id)]);
  const close = say(texts.list.leaving(projects.length, projects[0]?.name ?? ""), {
    duration: UNDO_MS,
    action: {
      label: texts.list.undo,
      run: () => {
        close();
        if (!waiting.delete(batch)) return;
        clearTimeout(batch.timer);
        batch.letGo();
        release(projects);
      },
    },
  });
}

async function send(projects: Named[]): Promise<void> {
  try {
    tell(
      projects,
      await answer(api.POST("/api/projects/batch/delete", { body: { ids: projects.map(({ id }) => id) } })),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const close = say(texts.list.notDeleted(projects.length, error.message || texts.shell.unreachable), {
      kind: "error",
      action: {
        label: texts.shell.retry,
        run: () => {
          close();
          leaving = new Set([...leaving, ...projects.map(({ id }) => id)]);
          void send(projects);
        },
      },
    });
  } finally {
    release(projects);
  }
}

function tell(projects: Named[], outcome: Schemas["BatchDeleteAnswer"]): void {
  const names = new Map(projects.map(({ id, name }) => [id, name]));
  const done = texts.list.outcome(outcome.deleted.length, outcome.deleting.length);
  if (done) say(done);
  // If somebody else has deleted a project meanwhile, the goal is reached.
  for (const { id, error, message } of outcome.failed.filter(({ error }) => error !== "project_deleted"))
    say(texts.list.refused(names.get(id) ?? id, message || error), { kind: "error" });
}

function release(projects: Named[]): void {
  const rest = new Set(leaving);
  for (const { id } of projects) rest.delete(id);
  leaving = rest;
}

/** Leaving the page confirms the deletions. */
addEventListener("pagehide", () => {
  for (const { projects, timer } of waiting) {
    clearTimeout(timer);
    void fetch(at("/api/projects/batch/delete"), {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json", "Idempotency-Key": newKey() },
      body: JSON.stringify({ ids: projects.map(({ id }) => id) }),
    });
    release(projects);
  }
  waiting.clear();
});
