/** What the list shows, as stored in its address: `/?status=running&search=report&sort=name&archived=all&page=2&size=50`. */
import { at } from "../api/prefix.ts";
export const statuses = ["all", "pending", "running", "completed", "failed", "cancelled"] as const;
export const sorts = ["newest", "oldest", "updated", "name", "status"] as const;
export const archives = ["false", "true", "all"] as const;
export const sizes = [20, 50, 100, 200] as const;

export interface ListQuery {
  status: (typeof statuses)[number];
  search: string;
  sort: (typeof sorts)[number];
  /** Whether projects in the archive are shown: not, only they, or all. */
  archived: (typeof archives)[number];
  /** Counted from 1. */
  page: number;
  size: (typeof sizes)[number];
}

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
    sort: one(sorts, parameters.get("sort")) ?? "newest",
    archived: one(archives, parameters.get("archived")) ?? "false",
    page: Number.isInteger(page) && page > 0 && page * size < LAST_OFFSET ? page : 1,
    size,
  };
}

/** The address of the list after some changes; unless a page is given, it is the first one. */
export function addressOf(query: ListQuery, changes: Partial<ListQuery> = {}): string {
  const { status, search, sort, archived, page, size } = { ...query, page: 1, ...changes };
  const parameters = new URLSearchParams();
  if (status !== "all") parameters.set("status", status);
  if (search) parameters.set("search", search);
  if (sort !== "newest") parameters.set("sort", sort);
  if (archived !== "false") parameters.set("archived", archived);
  if (page > 1) parameters.set("page", String(page));
  if (size !== sizes[0]) parameters.set("size", String(size));
  const text = parameters.toString();
  return at(text ? `/?${text}` : "/");
}

/** Whether the query filters projects out. */
export function isFiltered(query: ListQuery): boolean {
  return query.status !== "all" || query.search !== "" || query.archived !== "false";
}

function one<T>(known: readonly T[], value: unknown): T | undefined {
  return known.find((candidate) => candidate === value);
}
