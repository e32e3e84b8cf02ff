/** The saved filters of the reader. They are stored in this browser, for each person who signs in on it. */
import { readFilters, type SavedFilter } from "../projects/filters";
import { session } from "./session.svelte";

let stored = $state.raw<{ key: string; filters: SavedFilter[] }>({ key: "", filters: [] });

function key(): string {
  return `signoff.filters.${session.actor ?? ""}`;
}

function read(): SavedFilter[] {
  try {
    return readFilters(localStorage.getItem(key()));
  } catch {
    return [];
  }
}

/** The saved filters, in the order in which they were saved. */
export function savedFilters(): SavedFilter[] {
  return stored.key === key() ? stored.filters : read();
}

export function keepFilters(filters: SavedFilter[]): void {
  stored = { key: key(), filters };
  try {
    localStorage.setItem(key(), JSON.stringify(filters));
  } catch {
    // Without storage, they last until the page is closed.
  }
}

/** Learn of what other tabs of this browser save, until the returned function is called. */
export function followFilters(): () => void {
  const onStorage = (event: StorageEvent) => {
    if (event.key === key() || event.key === null) stored = { key: key(), filters: read() };
  };
  addEventListener("storage", onStorage);
  return () => removeEventListener("storage", onStorage);
}
