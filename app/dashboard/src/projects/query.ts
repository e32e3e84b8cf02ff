/** What the list shows, as stored in its address: `/?status=running&search=report&label=ops&dates=created&from=2026-11-01&sort=name&page=2`. */
import { at } from "../api/prefix.ts";
export const statuses = ["all", "pending", "running", "completed", "failed", "cancelled"] as const;
export const sorts = ["newest", "oldest", "updated", "name", "status"] as const;
export const archives = ["false", "true", "all"] as const;
/** What the dates of a filter are about. */
export const dated = ["created", "updated"] as const;
export const sizes = [20, 50, 100, 200] as const;

export interface ListQuery {
  status: (typeof statuses)[number];
  search: string;
  sort: (typeof sorts)[number];
  /** Whether projects in the archive are shown: not, only they, or all. */
  archived: (typeof archives)[number];
  /** A label that projects must have; empty: any. */
  label: string;
  dates: (typeof dated)[number];
  /** The first and the last day on which projects were created or last changed, as `2026-11-28`; empty: no limit. */
  from: string;
  to: string;
  /** Counted from 1. */
  page: number;
  size: (typeof sizes)[number];
}

/** What filters no project out. */
export const unfiltered = {
  status: "all",
  search: "",
  label: "",
  dates: "created",
  from: "",
  to: "",
  archived: "false",
} as const satisfies Partial<ListQuery>;

/** The API refuses more. */
export const MAX_SEARCH_LENGTH = 1000;
const LAST_OFFSET = 2 ** 31 - 1;

/** The query in the parameters; invalid values are ignored. */
export function readQuery(parameters: URLSearchParams): ListQuery {
  const size = one(sizes, Number(parameters.get("size"))) ?? sizes[0];
  const page = Number(parameters.get("page"));
  return {
    status: one(statuses, parameters.get("status")) ?? "all",
    search: (parameters.get("search") ?? "").slice(0, MAX_SEARCH_LENGTH),
    label: (parameters.get("label") ?? "").slice(0, 64),
    dates: one(dated, parameters.get("dates")) ?? "created",
    from: day(parameters.get("from")),
    to: day(parameters.get("to")),
    sort: one(sorts, parameters.get("sort")) ?? "newest",
    archived: one(archives, parameters.get("archived")) ?? "false",
    page: Number.isInteger(page) && page > 0 && page * size < LAST_OFFSET ? page : 1,
    size,
  };
}

/** The address of the list after some changes; unless a page is given, it is the first one. */
export function addressOf(query: ListQuery, changes: Partial<ListQuery> = {}): string {
  const wanted = { ...query, page: 1, ...changes };
  const { sort, page, size } = wanted;
  const parameters = new URLSearchParams(filterOf(wanted));
  if (sort !== "newest") parameters.set("sort", sort);
  if (page > 1) parameters.set("page", String(page));
  if (size !== sizes[0]) parameters.set("size", String(size));
  const text = parameters.toString();
  return at(text ? `/?${text}` : "/");
}

/** The parameters of the address that filter, without order and page: the same for queries that filter the same. */
export function filterOf({ status, search, label, dates, from, to, archived }: ListQuery): string {
  const parameters = new URLSearchParams();
  if (status !== "all") parameters.set("status", status);
  if (search) parameters.set("search", search);
  if (label) parameters.set("label", label);
  if ((from || to) && dates !== "created") parameters.set("dates", dates);
  if (from) parameters.set("from", from);
  if (to) parameters.set("to", to);
  if (archived !== "false") parameters.set("archived", archived);
  return parameters.toString();
}

/** Whether the query filters projects out. */
export function isFiltered(query: ListQuery): boolean {
  return filterOf(query) !== "";
}

/** What the API is asked for. Days begin and end in the time zone of the reader. */
export function requestOf(query: ListQuery) {
  const { dates, from, to } = query;
  return {
    status: query.status,
    search: query.search || undefined,
    label: query.label || undefined,
    archived: query.archived,
    [`${dates}_after`]: from ? midnight(from, 0) : undefined,
    [`${dates}_before`]: to ? midnight(to, 1) : undefined,
    sort_by: query.sort,
    limit: query.size,
    offset: (query.page - 1) * query.size,
  };
}

function midnight(date: string, daysLater: number): string {
  const at = new Date(`${date}T00:00:00`);
  at.setDate(at.getDate() + daysLater);
  return at.toISOString();
}

function day(text: string | null): string {
  return text && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}

function one<T>(known: readonly T[], value: unknown): T | undefined {
  return known.find((candidate) => candidate === value);
}
