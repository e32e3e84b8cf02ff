/** Which plan version this browser's person has had before their eyes, by project: what the next one is compared with. */
export interface Version {
  version: number;
  digest: string;
}

interface Kept {
  last: Version;
  /** What was seen before that, so that a reload still tells what is new in `last`. */
  before: Version | null;
}

const key = (projectId: string) => `signoff.seen.${projectId}`;

/** The version to compare `current` with: the last one seen that is another. */
export function seenBefore(projectId: string, current: Version): Version | null {
  const kept = read(projectId);
  if (!kept) return null;
  return kept.last.digest === current.digest ? kept.before : kept.last;
}

/** Remember that `current` was seen. */
export function markSeen(projectId: string, current: Version): void {
  const before = seenBefore(projectId, current);
  const kept: Kept = { last: { version: current.version, digest: current.digest }, before };
  try {
    localStorage.setItem(key(projectId), JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing compares with what was approved.
  }
}

function read(projectId: string): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(key(projectId)) ?? "null") as Kept | null;
    return isVersion(kept?.last) ? { last: kept.last, before: isVersion(kept.before) ? kept.before : null } : null;
  } catch {
    return null;
  }
}

function isVersion(value: unknown): value is Version {
  return typeof value === "object" && value !== null && "version" in value && "digest" in value;
}

const SEEN_MS = 1500;

/** Call `seen` once the element has stood on a screen that is looked at for a moment. */
export function onScreen(element: HTMLElement, seen: () => void): { destroy: () => void } {
  let inView = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (inView && document.visibilityState === "visible") timer = setTimeout(seen, SEEN_MS);
  };
  const observer = new IntersectionObserver((entries) => {
    inView = entries.some((entry) => entry.isIntersecting);
    look();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", look);
  return {
    destroy() {
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("visibilitychange", look);
    },
  };
}
