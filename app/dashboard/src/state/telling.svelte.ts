/** Tells the reader in this browser that something new waits, while the page is in the background. No push service is used. */
import { at } from "../api/prefix";
import { texts } from "../texts";
import type { InboxItem } from "./inbox.svelte";
import { go } from "./route.svelte";

const KEY = "signoff.tell";
const offered = "Notification" in window;
let wanted = $state(localStorage.getItem(KEY) === "on");
let permission = $state<NotificationPermission>(offered ? Notification.permission : "denied");
/** What has waited since the reader turned this on, or opened the page; null before the inbox was loaded after that. */
let seen: Set<string> | null = null;

export const telling = {
  get on(): boolean {
    return wanted && permission === "granted";
  },
  /** The browser has no notifications, or the reader has refused them in its settings. */
  get refused(): boolean {
    return permission === "denied";
  },
};

/** Ask the browser for the permission. Call it only when the reader has asked for it. */
export async function turnOn(): Promise<void> {
  if (!offered) return;
  permission = await Notification.requestPermission();
  if (permission === "granted") keep(true);
}

export function turnOff(): void {
  keep(false);
}

/** Tell the reader what is new in the inbox. What was there before, or is in front of them, is not told. */
export function tellNew(items: InboxItem[]): void {
  const fresh = seen === null ? [] : items.filter((item) => !seen!.has(keyOf(item)));
  seen = new Set([...(seen ?? []), ...items.map(keyOf)]);
  if (!telling.on || !document.hidden) return;
  for (const item of fresh.slice(0, 3)) tell(item);
}

export function keyOf(item: InboxItem): string {
  return `${item.project_id} ${item.kind} ${item.task_id ?? item.phase_id ?? item.plan_version}`;
}

function keep(on: boolean): void {
  wanted = on;
  seen = null;
  if (on) localStorage.setItem(KEY, "on");
  else localStorage.removeItem(KEY);
}

function tell(item: InboxItem): void {
  const body = [texts.inbox.kinds[item.kind], item.title].filter(Boolean).join(": ");
  // Several tabs show one: the tag is the same.
  const shown = new Notification(item.project_name, { body, tag: keyOf(item), icon: at("/favicon.svg") });
  shown.onclick = () => {
    window.focus();
    go(item.page);
    shown.close();
  };
}
