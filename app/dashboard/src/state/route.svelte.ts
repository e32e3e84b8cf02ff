/** The address of the page as state: views read it, and change it with `go` and `setQuery`. Links are plain `<a href>`. */
import { at, inside } from "../api/prefix";

interface Route {
  path: string;
  query: URLSearchParams;
}

function here(): Route {
  return { path: inside(location.pathname), query: new URLSearchParams(location.search) };
}

let current = $state.raw<Route>(here());

export const route = {
  get path(): string {
    return current.path;
  },
  get query(): URLSearchParams {
    return current.query;
  },
};

/** Go to another view, whose address may lack the prefix; `replace` adds no entry to the browser's history. */
export function go(address: string, options: { replace?: boolean } = {}): void {
  const url = new URL(address.startsWith("/") ? at(address) : address, location.href);
  if (url.href !== location.href) history[options.replace ? "replaceState" : "pushState"](null, "", url);
  const before = current.path;
  current = here();
  if (before !== current.path) scrollTo(0, 0);
}

/** Change parameters of the address; null or an empty string removes one. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
  const query = new URLSearchParams(current.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(`${current.path}${text ? `?${text}` : ""}${location.hash}`, options);
}

/** Make links within the page change the view without reloading the page. */
export function startRouting(): () => void {
  const onClick = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (
      !isPage(inside(link.pathname)) ||
      (link.hash && link.pathname === location.pathname && link.search === location.search)
    )
      return;
    event.preventDefault();
    go(link.href);
  };
  const onPop = () => (current = here());
  document.addEventListener("click", onClick);
  addEventListener("popstate", onPop);
  return () => {
    document.removeEventListener("click", onClick);
    removeEventListener("popstate", onPop);
  };
}

function isPage(path: string): boolean {
  return (
    path === "/" ||
    path === "/inbox" ||
    path === "/new" ||
    path === "/overview" ||
    path.startsWith("/projects/") ||
    path.startsWith("/settings/")
  );
}
