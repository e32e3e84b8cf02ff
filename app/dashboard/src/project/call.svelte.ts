/** A call that a person starts. It is busy while it runs, so that a double click counts once, and held after a 202. */
import { ApiError, answered, type Schemas } from "../api/client";
import type { Decision } from "../state/project.svelte";

/** A request body with some of its fields; the server has defaults for the rest, which the types do not express. */
export function fields<T>(values: Partial<T>): T {
  return values as T;
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

export class Call {
  /** The request is in progress. */
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);
  /** The id under which the server recorded the request, which has not taken effect yet. */
  recorded = $state<string | null>(null);

  /** Whether another call must wait. */
  get held(): boolean {
    return this.busy || this.recorded !== null;
  }

  /** Make the call; undefined if it was refused, or if another one is in progress. */
  async run<T>(send: () => Promise<Answer<T>>): Promise<{ data: T; recorded: boolean } | undefined> {
    if (this.held) return undefined;
    this.busy = true;
    this.error = null;
    try {
      const { data, response } = await answered(send());
      const recorded = response.status === 202;
      if (recorded) this.recorded = (data as Schemas["Recorded"]).request_id;
      return { data, recorded };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  /** Apply the outcome of a recorded request. */
  settle(decisions: Decision[]): void {
    const made = this.recorded && decisions.find((decision) => decision.request_id === this.recorded);
    if (!made) return;
    this.recorded = null;
    if (made.error) this.error = new ApiError(made.error.message, made.error.code, 409);
  }
}
