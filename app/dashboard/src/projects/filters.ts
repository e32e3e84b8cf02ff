/** Saved filters: their conditions are parameters of the API's list of projects, which a query of the page holds in its own form. */
import type { Schemas } from "../api/client.ts";
import { filterOf, readQuery, unfiltered, type ListQuery } from "./query.ts";

export type SavedFilter = Schemas["SavedFilter"];
/** The conditions that are set. */
export type Conditions = Partial<{
  [name in keyof Schemas["FilterConditions"]]: NonNullable<Schemas["FilterConditions"][name]>;
}>;

/** The API refuses longer names. */
export const MAX_FILTER_NAME = 40;
/** Where earlier versions kept a reader's filters, in the browser. */
const FORMER_KEY = "signoff.filters.";

/** The conditions of a query. A day is saved as a date, so it is the same day in each time zone. */
export function toConditions(query: ListQuery): Conditions {
  const { status, search, label, archived, dates, from, to } = query;
  const found: Conditions = {};
  if (status !== "all") found.status = status;
  if (search) found.search = search;
  if (label) found.label = label;
  if (archived !== "false") found.archived = archived;
  if (from) found[`${dates}_after`] = from;
  if (to) found[`${dates}_before`] = dayAfter(to, 1);
  return found;
}

/** The changes that give a query the conditions of a filter, and only those. */
export function changesOf(saved: SavedFilter): Partial<ListQuery> {
  const { status, search, label, archived, ...times } = saved.conditions;
  const dates = times.updated_after || times.updated_before ? "updated" : "created";
  const [after, before] = [times[`${dates}_after`], times[`${dates}_before`]];
  return {
    ...unfiltered,
    status: status ?? unfiltered.status,
    search: search ?? "",
    label: label ?? "",
    archived: archived ?? unfiltered.archived,
    dates,
    from: after ? dayOf(after, 0) : "",
    to: before ? dayOf(before, 1) : "",
  };
}

/** Whether a query has the conditions of a filter, and no others. */
export function isShown(query: ListQuery, saved: SavedFilter): boolean {
  return filterOf(query) === filterOf({ ...query, ...changesOf(saved) });
}

/** A name as it is stored: without space around it. */
export function nameFor(text: string): string {
  return text.trim().slice(0, MAX_FILTER_NAME);
}

/** The filters that an earlier version kept in the browser for a reader, with the key under which it did. */
export function formerFilters(actor: string, read: (key: string) => string | null) {
  const key = FORMER_KEY + actor;
  let stored: unknown;
  try {
    stored = JSON.parse(read(key) ?? "");
  } catch {
    return { key, filters: [] };
  }
  return { key, filters: Array.isArray(stored) ? stored.flatMap(formerFilter) : [] };
}

function formerFilter(value: unknown): { name: string; conditions: Conditions }[] {
  const { name, filter } = (value ?? {}) as Record<string, unknown>;
  if (typeof name !== "string" || typeof filter !== "string") return [];
  const conditions = toConditions(readQuery(new URLSearchParams(filter)));
  return nameFor(name) && Object.keys(conditions).length ? [{ name: nameFor(name), conditions }] : [];
}

/** The day of a date or time, in the time zone of the reader. `before`: the last day before it, 1, or that day itself, 0. */
function dayOf(text: string, before: 0 | 1): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return dayAfter(text, -before);
  const at = new Date(Date.parse(text) - before);
  return local(at);
}

function dayAfter(day: string, days: number): string {
  const at = new Date(`${day}T12:00:00`);
  at.setDate(at.getDate() + days);
  return local(at);
}

function local(at: Date): string {
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((number) => String(number).padStart(2, "0"));
  return `${at.getFullYear()}-${month}-${day}`;
}
