/** The files of a project, listed again when tasks end or somebody uploads a file. */
import { ApiError, answer, api, type Schemas } from "../../api/client";
import type { ProjectStore } from "../../state/project.svelte";

const CHANGING =
  /^(task\.(completed|failed|cancelled|waiting|retrying)|file\.uploaded|run\.started|project\.(completed|failed|cancelled))$/;
const SETTLE_MS = 250;
const REST_FACTOR = 5;

export class ProjectFiles {
  list = $state.raw<Schemas["FileList"] | null>(null);
  error = $state.raw<ApiError | null>(null);

  #id: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #took = 0;
  #reading = false;
  #again = false;

  /** Create this while a component is set up: it follows the project until the component is removed. */
  constructor(store: ProjectStore) {
    this.#id = store.id;
    $effect(() => {
      void this.read();
      const stop = store.onEvent((event) => {
        if (CHANGING.test(event.type)) this.#soon();
      });
      return () => {
        stop();
        clearTimeout(this.#timer);
      };
    });
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.read(), Math.max(SETTLE_MS, this.#took * REST_FACTOR));
  }

  async read(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    const began = performance.now();
    try {
      const params = { path: { project_id: this.#id } };
      this.list = await answer(api.GET("/api/projects/{project_id}/output-files", { params }));
      this.error = null;
    } catch (error) {
      if (error instanceof ApiError) this.error = error;
    } finally {
      this.#took = performance.now() - began;
      this.#reading = false;
      if (this.#again) this.#soon();
      this.#again = false;
    }
  }
}
