/** Which of the rows shown are chosen. */
import type { ProjectSummary } from "../api/client";
import { range } from "./rows";

export class Selection {
  #ids = $state.raw<ReadonlySet<string>>(new Set());
  /** Where the last choice was made: the beginning of a range. */
  #from: string | null = null;

  #rows: () => ProjectSummary[];

  constructor(rows: () => ProjectSummary[]) {
    this.#rows = rows;
  }

  /** Rows that have gone from the page meanwhile do not count. */
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

  /** Choose a row or not; `through`: and all rows between it and the last one that was chosen so. */
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
