/** The plan version last seen in this browser, by project. The next version is compared with it. */
export interface Version {
  version: number;
  digest: string;
}

interface Stored {
  last: Version;
  /** The version seen before it, so that what is new in `last` still shows after a reload. */
  before: Version | null;
}

const key = (projectId: string) => `signoff.seen.${projectId}`;

/** The version to compare `current` with: the last different one that was seen. */
export function seenBefore(projectId: string, current: Version): Version | null {
  const stored = read(projectId);
  if (!stored) return null;
  return stored.last.digest === current.digest ? stored.before : stored.last;
}

/** Remember that `current` was seen. */
export function markSeen(projectId: string, current: Version): void {
  const before = seenBefore(projectId, current);
  const stored: Stored = { last: { version: current.version, digest: current.digest }, before };
  try {
    localStorage.setItem(key(projectId), JSON.stringify(stored));
  } catch {
    // Without storage, the comparison is with the last approved version.
  }
}

function read(projectId: string): Stored | null {
  try {
    const stored = JSON.parse(localStorage.getItem(key(projectId)) ?? "null") as Stored | null;
    return isVersion(stored?.last)
      ? { last: stored.last, before: isVersion(stored.before) ? stored.before : null }
      : null;
  } catch {
    return null;
  }
}

function isVersion(value: unknown): value is Version {
  return typeof value === "object" && value !== null && "version" in value && "digest" in value;
}

const SEEN_MS = 1500;

/** Call `seen` once the element has been visible for a moment on a visible page. */
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
