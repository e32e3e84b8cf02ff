/**
 * Decides which tabs may keep streams open.
 *
 * A browser opens at most six connections to a server, shared by all of its tabs, and each open stream holds one of them.
 * With a few more tabs, nothing else could load. A tab that has never been visible therefore has no stream, and of the tabs
 * in the background only the most recently visible ones keep theirs.
 */
import { newKey } from "./client";

const MAX_BACKGROUND_TABS = 2;

const own = newKey();
const channel = new BroadcastChannel("signoff.tabs");
/** Tabs that have become visible since this one last was. */
const since = new Set<string>();
const listeners = new Set<() => void>();
let wasLookedAt = false;

/** Whether a stream may be open now; a `background` stream may stay open while another tab is visible. */
export function mayStream(background: boolean): boolean {
  return isLookedAt() || (background && wasLookedAt && since.size <= MAX_BACKGROUND_TABS);
}

/** Call `listener` when that may have changed; returns the function that unsubscribes it. */
export function onTabs(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isLookedAt(): boolean {
  return document.visibilityState === "visible";
}

function look(): void {
  if (isLookedAt()) {
    wasLookedAt = true;
    since.clear();
    channel.postMessage(own);
  }
  tell();
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

channel.onmessage = ({ data }: MessageEvent<string>) => {
  since.add(data);
  tell();
};
document.addEventListener("visibilitychange", look);
look();
