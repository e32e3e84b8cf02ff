// Changes one property of a project in place, if the project has not changed since the field was opened.
import { ApiError, answered, api, type Schemas } from "../../api/client";
import type { ProjectStore } from "../../state/project.svelte";
import { Call, fields } from "../call.svelte";

export class InPlace {
  value = $state("");
  editing = $state(false);
  loadError = $state.raw<ApiError | null>(null);
  button = $state<HTMLButtonElement>();
  readonly call = new Call();
  #tag = "";
  #store: () => ProjectStore;
  #shown: (project: Schemas["Project"]) => string;
  #changes: (value: string) => Partial<Schemas["UpdateProject"]>;

  /** `shown` is what the field begins with, and `changes` are the properties that its value changes. */
  constructor(
    store: () => ProjectStore,
    shown: (project: Schemas["Project"]) => string,
    changes: (value: string) => Partial<Schemas["UpdateProject"]>,
  ) {
    this.#store = store;
    this.#shown = shown;
    this.#changes = changes;
  }

  get #params() {
    return { path: { project_id: this.#store().id } };
  }

  edit = async () => {
    this.loadError = null;
    try {
      const { data, response } = await answered(api.GET("/api/projects/{project_id}", { params: this.#params }));
      this.#tag = response.headers.get("ETag") ?? "";
      this.value = this.#shown(data);
      this.call.error = null;
      this.editing = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.loadError = error;
    }
  };

  save = async (event: SubmitEvent) => {
    event.preventDefault();
    const headers = { "If-Match": this.#tag };
    const body = fields<Schemas["UpdateProject"]>(this.#changes(this.value));
    const params = this.#params;
    if (await this.call.run(() => api.PUT("/api/projects/{project_id}", { params, headers, body }))) {
      await this.#store().refresh();
      this.close();
    }
  };

  close = () => {
    this.editing = false;
    requestAnimationFrame(() => this.button?.focus());
  };

  onkeydown = (event: KeyboardEvent) => {
    if (event.key === "Escape") this.close();
  };

  /** What a note about an error offers: to load the project again, if it has changed. */
  get again() {
    return this.call.error?.status === 412 ? this.edit : undefined;
  }
}
