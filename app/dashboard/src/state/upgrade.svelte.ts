/** Notices that the server has another version of the page, and reloads the page when nothing can be lost. */
import { prefix } from "../api/prefix";
import { isSending } from "../api/sending";
import { whenReconnected } from "../api/stream";
import { route } from "./route.svelte";

const SCRIPT = /<script[^>]*\ssrc="([^"]+)"/;
const LOOK_MS = 1000;
/** A reader who has just done something is about to do more. */
const REST_MS = 2000;
/** Two servers behind one address may have different versions: the page does not reload over and over. */
const ONCE_MS = 60_000;
const KEY = "signoff.reloaded";

/** The version of this page: the name of its script has a hash of the content. */
const own = document.querySelector('script[type="module"][src]')?.getAttribute("src") ?? "";
let newest = $state<string | null>(null);
let asking = false;
/** The path of the view in which something was typed last. */
let typedIn = "";
let lastAct = 0;

export const upgrade = {
  /** The server has another version, and the page has not reloaded yet. */
  get isDue(): boolean {
    return newest !== null;
  },
  reload(): void {
    location.reload();
  },
};

/** Ask the server for the version of its page. */
export async function checkVersion(): Promise<void> {
  if (newest !== null || asking) return;
  asking = true;
  try {
    const response = await fetch(`${prefix}/`, { cache: "no-store", headers: { Accept: "text/html" } });
    const found = response.ok ? SCRIPT.exec(await response.text())?.[1] : undefined;
    if (found && own && found !== own) newest = found;
  } catch {
    // The server is away: it is asked again when it is back.
  } finally {
    asking = false;
  }
}

/** Reload the page at a safe moment after an upgrade. Returns the function that stops it. */
export function keepUpToDate(): () => void {
  const onInput = () => (typedIn = route.path);
  const onAct = () => (lastAct = Date.now());
  const acts = ["keydown", "pointerdown", "wheel"] as const;
  document.addEventListener("input", onInput, true);
  for (const act of acts) document.addEventListener(act, onAct, { capture: true, passive: true });
  const stop = whenReconnected(() => void checkVersion());
  const timer = setInterval(() => {
    if (newest !== null && isSafe() && isFirst(newest)) location.reload();
  }, LOOK_MS);
  return () => {
    document.removeEventListener("input", onInput, true);
    for (const act of acts) document.removeEventListener(act, onAct, true);
    stop();
    clearInterval(timer);
  };
}

/** Nothing was typed in this view, no dialog is open, and no request is on its way. */
function isSafe(): boolean {
  return (
    typedIn !== route.path &&
    Date.now() - lastAct > REST_MS &&
    !isSending() &&
    document.querySelector("dialog[open]") === null
  );
}

/** Whether the page has not just reloaded for the same version; remembers that it does. */
function isFirst(version: string): boolean {
  try {
    const [last, at] = (sessionStorage.getItem(KEY) ?? "").split(" ");
    if (last === version && Date.now() - Number(at) < ONCE_MS) return false;
    sessionStorage.setItem(KEY, `${version} ${Date.now()}`);
    return true;
  } catch {
    return false;
  }
}
