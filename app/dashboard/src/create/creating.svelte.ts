/** From the form to the project: creates it, uploads its files and requests its plan. */
import { ApiError, answer, api, newKey, type Project } from "../api/client";
import { bodyOf, emptyFields, type Fields } from "./fields";
import type { Parameter } from "./parameters";
import { upload } from "./uploading";

export interface Chosen {
  file: File;
  state: "chosen" | "sending" | "sent" | "failed";
  /** The uploaded share, from 0 to 1. */
  share: number;
  why: string;
}

export class Creation {
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);
  /** The created project; once it is set, no other one is created. */
  project = $state.raw<Project | null>(null);
  files = $state<Chosen[]>([]);

  /** The idempotency key: a request repeated because its response was lost creates no second project. */
  #key = { of: "", value: "" };

  /** The server's message for each field. */
  get atFields(): Record<string, string> {
    return Object.fromEntries((this.error?.details ?? []).map(({ field, message }) => [field, message]));
  }

  /** Whether every problem belongs to a field of the form. */
  get allAtFields(): boolean {
    const named = Object.keys(this.atFields);
    return named.length > 0 && named.every((field) => field in emptyFields);
  }

  /** Create the project and upload its files. @returns whether the project exists with all its files. */
  async make(fields: Fields, asked: Parameter[]): Promise<boolean> {
    return this.#once(async () => {
      if (!this.project) {
        const body = bodyOf(fields, asked);
        const text = JSON.stringify(body);
        if (this.#key.of !== text) this.#key = { of: text, value: newKey() };
        const headers = { "Idempotency-Key": this.#key.value };
        this.project = await answer(api.POST("/api/projects", { body, headers }));
      }
      await this.#sendFiles(this.project.id);
    });
  }

  /** Request the plan, or return the error. The plan may come later: the project's own page shows its progress. */
  async plan(planner: Fields["planner"]): Promise<ApiError | null> {
    await this.#once(async () => {
      if (!this.project) return;
      const params = { path: { project_id: this.project.id }, header: { Prefer: "wait=2" } };
      const body = { planner: planner === "automatic" ? null : planner, instructions: null, parameters: null };
      await answer(api.POST("/api/projects/{project_id}/generate-plan", { params, body }));
    });
    return this.error;
  }

  /** Continue without the files that were not uploaded. */
  dropFailed(): void {
    this.files = this.files.filter(({ state }) => state !== "failed");
  }

  async #once(work: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      await work();
      return this.files.every(({ state }) => state !== "failed");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  async #sendFiles(projectId: string): Promise<void> {
    for (const chosen of this.files) {
      if (chosen.state === "sent") continue;
      chosen.state = "sending";
      try {
        await upload(projectId, chosen.file, (share) => (chosen.share = share));
        chosen.state = "sent";
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        chosen.state = "failed";
        chosen.why = error.message;
      }
    }
  }
}
