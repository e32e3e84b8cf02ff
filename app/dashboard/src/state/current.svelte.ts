/** The project that the page shows, for the command palette. */
import type { ProjectStore } from "./project.svelte";

let store = $state.raw<ProjectStore | null>(null);

export const current = {
  get store(): ProjectStore | null {
    return store;
  },
};

/** Say which project is shown; returns the function to call when it no longer is. */
export function showing(shown: ProjectStore): () => void {
  store = shown;
  return () => {
    if (store === shown) store = null;
  };
}
