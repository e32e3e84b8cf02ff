/** What the description of a project asks for when its plan is made, with the values that the project has. */
import { ApiError, type Project } from "../api/client";
import type { Parameter, Values } from "../create/parameters";
import { readParameters } from "../create/reading";

export class Asked {
  parameters = $state.raw<Parameter[]>([]);
  values = $state.raw<Values>({});
  errors = $state.raw<Record<string, string>>({});
  #project: Project;

  constructor(project: Project) {
    this.#project = project;
    this.values = Object.fromEntries(Object.entries(project.parameters).map(([name, value]) => [name, String(value)]));
  }

  /** Read what is asked for. Without an answer, nothing is shown: the server checks when the plan is made. */
  async read(): Promise<void> {
    await this.#ask(async () => {
      this.parameters = (await this.#preview()).asked;
    });
  }

  /** Whether every value is right; problems are then in `errors`. */
  async check(): Promise<boolean> {
    if (!this.parameters.length) return true;
    await this.#ask(async () => {
      const given = Object.entries(this.changes).filter((entry): entry is [string, string] => entry[1] !== null);
      this.errors = (await this.#preview(Object.fromEntries(given))).errors;
    });
    return !Object.keys(this.errors).length;
  }

  /** The values to send: null removes a value, so that the default applies. */
  get changes(): Record<string, string | null> {
    const known = new Set(this.parameters.map(({ name }) => name));
    const gone = Object.keys(this.#project.parameters).filter((name) => !known.has(name));
    return Object.fromEntries([
      ...this.parameters.map(({ name }) => [name, this.values[name] || null]),
      ...gone.map((name) => [name, null]),
    ]) as Record<string, string | null>;
  }

  #preview(values?: Values) {
    return readParameters(this.#project.description, this.#project.agent_id, values);
  }

  async #ask(work: () => Promise<void>): Promise<void> {
    this.errors = {};
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
