/** The page's icon: with a dot while something waits for the reader. */
import { at } from "../api/prefix";

const DOT =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4338ca"/>' +
  '<path d="M8 17l5.5 5.5L24 10" fill="none" stroke="#fff" stroke-width="3.6" stroke-linecap="round" stroke-linejoin="round"/>' +
  '<circle cx="25" cy="7" r="6.5" fill="#f59e0b" stroke="#fff" stroke-width="1.5"/></svg>';

export function showIcon(waits: boolean): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link) link.href = waits ? `data:image/svg+xml,${encodeURIComponent(DOT)}` : at("/favicon.svg");
}
