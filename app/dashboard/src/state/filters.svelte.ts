/** The saved filters of the reader, which the server keeps. */
import { ApiError, answer, api } from "../api/client";
import { formerFilters, type Conditions, type SavedFilter } from "../projects/filters";
import { session } from "./session.svelte";

let known = $state.raw<SavedFilter[]>([]);
const channel = new BroadcastChannel("signoff.filters");

/** The saved filters, in the order in which they were saved. Empty until `followFilters` has loaded them. */
export function savedFilters(): SavedFilter[] {
  return known;
}

/** @throws ApiError the name is taken, or there is no room. */
export async function saveFilter(name: string, conditions: Conditions): Promise<void> {
  await answer(api.POST("/api/filters", { body: { name, conditions } }));
  await changed();
}

/** Rename filters, and delete those that are not among `kept`. @throws ApiError */
export async function changeFilters(kept: SavedFilter[]): Promise<void> {
  try {
    for (const { id } of known)
      if (!kept.some((one) => one.id === id))
        await answer(api.DELETE("/api/filters/{filter_id}", { params: { path: { filter_id: id } } }));
    for (const { id, name, conditions } of kept)
      if (known.find((one) => one.id === id)?.name !== name) {
        const params = { path: { filter_id: id } };
        await answer(api.PUT("/api/filters/{filter_id}", { params, body: { name, conditions } }));
      }
  } finally {
    await changed();
  }
}

/** Load the filters, and again whenever they may have changed elsewhere, until the returned function is called. */
export function followFilters(): () => void {
  const refresh = () => void load().catch(ignored);
  const onVisible = () => {
    if (document.visibilityState === "visible") refresh();
  };
  document.addEventListener("visibilitychange", onVisible);
  channel.onmessage = refresh;
  void load().then(takeOver).catch(ignored);
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    channel.onmessage = null;
  };
}

async function load(): Promise<void> {
  known = (await answer(api.GET("/api/filters", {}))).filters;
}

async function changed(): Promise<void> {
  channel.postMessage(null);
  await load().catch(ignored);
}

/** Move filters that an earlier version kept in this browser to the server. */
async function takeOver(): Promise<void> {
  const { key, filters } = formerFilters(session.actor ?? "", (name) => localStorage.getItem(name));
  for (const { name, conditions } of filters) {
    try {
      await saveFilter(name, conditions);
    } catch (error) {
      // One that exists was taken over before. Without an answer, the next visit tries again.
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }
  if (filters.length) localStorage.removeItem(key);
}

/** Without the filters, the list works; it says itself that the server does not answer. */
function ignored(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}
