/**
 * Which tabs may hold streams.
 *
 * A browser opens six connections to a server, over all of its tabs, and a stream holds one for as long as it is read: with
 * some more tabs, nothing would load any more. So a tab that nobody has looked at yet has none, and of those that were left,
 * the last ones keep theirs.
 */
import { newKey } from "./client";

const KEPT = 2;

const own = newKey();
const channel = new BroadcastChannel("signoff.tabs");
/** Tabs that were looked at since this one was. */
const since = new Set<string>();
const listeners = new Set<() => void>();
let wasLookedAt = false;

/** Whether a stream may be open now; one that goes on in the `background` also while another tab is looked at. */
export function mayStream(background: boolean): boolean {
  return isLookedAt() || (background && wasLookedAt && since.size <= KEPT);
}

/** Have `listener` called when that may have changed; returns what ends it. */
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
