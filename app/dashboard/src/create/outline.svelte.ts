/** The plan that the description would make, requested again while it is written. */
import { ApiError, answer, api, type Schemas } from "../api/client";
import type { Fields } from "./fields";
import { givenOf } from "./parameters";

export type Preview = Schemas["OutlinePreview"];

const SETTLE_MS = 250;

/** What is wrong with the text itself: values of parameters are checked at their fields. */
export function inText({ problems }: Preview): Preview["problems"] {
  return problems.filter(({ field }) => !field.startsWith("parameters."));
}

export class OutlineStore {
  preview = $state.raw<Preview | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** The text has changed since the plan shown was requested. */
  outdated = $state(false);

  #timer: ReturnType<typeof setTimeout> | undefined;
  #request: AbortController | null = null;
  #asked = "";

  close(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  /** Request the plan once nothing has been typed for a moment. */
  follow(fields: Fields): void {
    const body = bodyOf(fields, this.preview);
    if (JSON.stringify(body) === this.#asked) return;
    clearTimeout(this.#timer);
    this.outdated = true;
    const soon = this.#asked === "" || body.description === "";
    this.#timer = setTimeout(() => void this.#read(body), soon ? 0 : SETTLE_MS);
  }

  /** The plan of the current text, without a delay; null if the server does not answer. */
  async check(fields: Fields): Promise<Preview | null> {
    const body = bodyOf(fields, this.preview);
    if (JSON.stringify(body) !== this.#asked || this.outdated || this.error) await this.#read(body);
    return this.error || this.outdated ? null : this.preview;
  }

  /** The text in canonical form, without the values that are typed beside it. */
  async canonical(fields: Fields): Promise<string> {
    const body = { ...bodyOf(fields, null), parameters: null };
    return (await answer(api.POST("/api/outline", { body }))).markdown;
  }

  async #read(body: Schemas["PreviewOutline"]): Promise<void> {
    clearTimeout(this.#timer);
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.#asked = JSON.stringify(body);
    try {
      // An empty text is not an error: nothing has been written yet.
      const preview = body.description.trim()
        ? await answer(api.POST("/api/outline", { body, signal: request.signal }))
        : null;
      if (request.signal.aborted) return;
      this.preview = preview;
      this.error = null;
    } catch (error) {
      if (request.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.outdated = false;
  }
}

/** The last preview says which of the typed values the plan asks for. */
function bodyOf(fields: Fields, last: Preview | null): Schemas["PreviewOutline"] {
  const { description, agent_id } = fields;
  const given = givenOf(fields.parameters, last?.parameters ?? []);
  return { description, agent_id: agent_id || null, parameters: Object.keys(given).length ? given : null };
}
