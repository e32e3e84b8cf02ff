/** Which of the visible rows are selected. */
import type { ProjectSummary } from "../api/client";
import { range } from "./rows";

export class Selection {
  #ids = $state.raw<ReadonlySet<string>>(new Set());
  /** The last row that was selected: the start of a range. */
  #from: string | null = null;

  #rows: () => ProjectSummary[];

  constructor(rows: () => ProjectSummary[]) {
    this.#rows = rows;
  }

  /** The selected projects; rows that have left the page meanwhile are not included. */
  get projects(): ProjectSummary[] {
    return this.#rows().filter(({ id }) => this.#ids.has(id));
  }

  get count(): number {
    return this.projects.length;
  }

  get all(): boolean {
    return this.count > 0 && this.count === this.#rows().length;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Select or deselect a row; with `through`, also all rows between it and the last row that was selected. */
  take(id: string, chosen: boolean, through: boolean): void {
    const ids = this.#rows().map((row) => row.id);
    this.#set(range(ids, through ? this.#from : null, id), chosen);
    this.#from = id;
  }

  takeAll(chosen: boolean): void {
    const ids = this.#rows().map((row) => row.id);
    this.#set(ids, chosen);
  }

  clear(): void {
    this.#ids = new Set();
    this.#from = null;
  }

  #set(ids: string[], chosen: boolean): void {
    const all = new Set(this.#ids);
    for (const id of ids) {
      if (chosen) all.add(id);
      else all.delete(id);
    }
    this.#ids = all;
  }
}
