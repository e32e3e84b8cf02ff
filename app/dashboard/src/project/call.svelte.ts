/** One call that a person starts: busy while it runs, so that a double click decides once, and waiting after a 202. */
import { ApiError, answered, type Schemas } from "../api/client";
import type { Decision } from "../state/project.svelte";

/** The fields of a body that are given; the server has defaults for the rest, which the types do not tell. */
export function fields<T>(given: Partial<T>): T {
  return given as T;
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

export class Call {
  /** On its way. */
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);
  /** Recorded by the server under this id, and not yet decided. */
  recorded = $state<string | null>(null);

  /** Nothing else can be asked for meanwhile. */
  get held(): boolean {
    return this.busy || this.recorded !== null;
  }

  /** Make the call, unless one is under way; what it came to, or undefined where it was refused or came too often. */
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

  /** Take notice of what a recorded request came to. */
  settle(decisions: Decision[]): void {
    const made = this.recorded && decisions.find((decision) => decision.request_id === this.recorded);
    if (!made) return;
    this.recorded = null;
    if (made.error) this.error = new ApiError(made.error.message, made.error.code, 409);
  }
}
