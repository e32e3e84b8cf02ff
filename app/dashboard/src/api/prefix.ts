/**
 * The path below which a reverse proxy shows the page, such as `/signoff`; empty at the root.
 *
 * All code knows paths without it. Every address that leaves the code has it: of links, requests and the browser's history.
 */
export const prefix = /^(.*)\/assets\/[^/]*$/.exec(new URL(import.meta.url).pathname)?.[1] ?? "";

/** A path of this page or of the API with the prefix, unless it has it already. */
export function at(path: string): string {
  return path.startsWith(`${prefix}/`) ? path : prefix + path;
}

/** A path without the prefix. */
export function inside(path: string): string {
  return `${path}/`.startsWith(`${prefix}/`) ? path.slice(prefix.length) || "/" : path;
}
