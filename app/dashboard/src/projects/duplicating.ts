/** Duplicates a project: the copy has the same plan, which waits for its own approval. */
import { ApiError, answer, api } from "../api/client";
import { go } from "../state/route.svelte";
import { say } from "../state/toasts.svelte";
import { texts } from "../texts";

export async function duplicate(project: { id: string; name: string }): Promise<void> {
  try {
    const params = { path: { project_id: project.id } };
    const copy = await answer(
      api.POST("/api/projects/{project_id}/duplicate", { params, body: { name: null, include_files: false } }),
    );
    const close = say(texts.list.duplicated(copy.name), {
      action: {
        label: texts.list.open,
        run: () => {
          close();
          go(`/projects/${copy.id}`);
        },
      },
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(texts.list.notDuplicated(project.name, error.message || texts.shell.unreachable), { kind: "error" });
  }
}
