// The links of a project with which people sign: makes, lists and revokes them, one call at a time.
import { ApiError, answer, api, type Schemas } from "../../api/client";

export type SigningLink = Schemas["SigningLink"];

export class SigningLinks {
  all = $state.raw<SigningLink[]>([]);
  error = $state.raw<ApiError | null>(null);
  busy = $state(false);
  readonly path: { project_id: string };

  constructor(projectId: string) {
    this.path = { project_id: projectId };
  }

  /** Do `work`, then load the links again. Does nothing while another call runs. */
  async attempt(work: () => Promise<void> = async () => {}) {
    if (this.busy) return;
    this.error = null;
    this.busy = true;
    try {
      await work();
      const params = { path: this.path };
      this.all = (await answer(api.GET("/api/projects/{project_id}/signing-links", { params }))).links;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      this.error = failure;
    } finally {
      this.busy = false;
    }
  }

  async revoke(link: string) {
    const params = { path: { ...this.path, link_id: link } };
    await this.attempt(async () => {
      await answer(api.DELETE("/api/projects/{project_id}/signing-links/{link_id}", { params }));
    });
  }
}
