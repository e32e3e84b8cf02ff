/** What the server's audit says of a project: asked for once for each plan version, and once a run has ended. */
import { ApiError, answer, api, type Schemas } from "../api/client";

export class ProjectAudit {
  found = $state.raw<Schemas["Audit"] | null>(null);
  error = $state.raw<ApiError | null>(null);
  reading = $state(false);
  /** The digest of the plan that this is about. */
  digest = $state("");

  #asked = "";

  constructor(readonly projectId: string) {}

  /** Have it asked for, where that was not done for this plan at this stage. */
  want(digest: string, isFinished: boolean): void {
    const state = `${digest} ${isFinished}`;
    if (state === this.#asked) return;
    this.#asked = state;
    if (digest !== this.digest) this.found = this.error = null;
    this.digest = digest;
    void this.read();
  }

  /** Ask anew. */
  async read(): Promise<void> {
    const { digest } = this;
    this.reading = true;
    try {
      const params = { path: { project_id: this.projectId } };
      const found = await answer(api.POST("/api/projects/{project_id}/audit", { params, body: {} }));
      if (digest !== this.digest) return;
      this.found = found;
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (digest !== this.digest) return;
      this.found = null;
      this.error = error;
    } finally {
      this.reading = false;
    }
  }
}
