/** Saved filters: how they are read from what a browser has stored, and changed. */
import { filterOf, readQuery, unfiltered, type ListQuery } from "./query.ts";

export interface SavedFilter {
  name: string;
  /** The parameters of an address, as `filterOf` writes them. */
  filter: string;
}

export const MAX_FILTERS = 20;
export const MAX_FILTER_NAME = 40;

/** The filters in a stored text; what is not one is left out. */
export function readFilters(text: string | null): SavedFilter[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "");
  } catch {
    return [];
  }
  const found = Array.isArray(stored) ? stored.flatMap(readFilter) : [];
  return found.filter(({ name }, index) => found.findIndex((one) => one.name === name) === index).slice(0, MAX_FILTERS);
}

/** The same query with the conditions of a filter, and only those. */
export function changesOf(filter: string): Partial<ListQuery> {
  const { page: _, size: __, sort: ___, ...conditions } = { ...readQuery(new URLSearchParams(filter)) };
  return { ...unfiltered, ...conditions };
}

/** A name as it is stored: without space around it, and not too long. */
export function nameFor(text: string): string {
  return text.trim().slice(0, MAX_FILTER_NAME);
}

function readFilter(value: unknown): SavedFilter[] {
  const { name, filter } = (value ?? {}) as Record<string, unknown>;
  if (typeof name !== "string" || typeof filter !== "string") return [];
  const known = filterOf(readQuery(new URLSearchParams(filter)));
  return nameFor(name) && known ? [{ name: nameFor(name), filter: known }] : [];
}
