/** The server's audit of a project, requested once per plan version and again when a run has finished. */
import { ApiError, answer, api, type Schemas } from "../api/client";

/** An audit that is younger than this needs no other one when the record is opened. */
const RECENT_MS = 10_000;

export class ProjectAudit {
  found = $state.raw<Schemas["Audit"] | null>(null);
  error = $state.raw<ApiError | null>(null);
  reading = $state(false);
  /** The digest of the audited plan. */
  digest = $state("");

  #asked = "";
  #askedAt = 0;

  constructor(readonly projectId: string) {}

  /** Request the audit, unless it was already requested for this plan at this stage. */
  want(digest: string, isFinished: boolean): void {
    const state = `${digest} ${isFinished}`;
    if (state === this.#asked) return;
    this.#asked = state;
    if (digest !== this.digest) this.found = this.error = null;
    this.digest = digest;
    void this.read();
  }

  /** Request the audit again, unless it has just been requested. */
  refresh(): void {
    if (Date.now() - this.#askedAt > RECENT_MS) void this.read();
  }

  /** Request the audit again. */
  async read(): Promise<void> {
    const { digest } = this;
    this.reading = true;
    this.#askedAt = Date.now();
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
