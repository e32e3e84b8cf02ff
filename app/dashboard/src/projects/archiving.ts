/** Moves finished projects to the archive, and back. */
import { ApiError, answer, api, type ProjectSummary } from "../api/client";
import { say } from "../state/toasts.svelte";
import { texts } from "../texts";

const FINISHED = ["completed", "failed", "cancelled"];

/** Whether a project can be moved to the archive, or back from it. */
export const isMovable = ({ status, stage }: Pick<ProjectSummary, "status" | "stage">): boolean =>
  FINISHED.includes(status) && stage !== "planning";

/** Move projects, and say what came of it; the message can undo it. */
export async function archive(ids: string[], archived: boolean): Promise<void> {
  try {
    const { done, failed } = await answer(api.POST("/api/projects/batch/archive", { body: { ids, archived } }));
    for (const { message } of failed) say(texts.list.notArchived(message), { kind: "error" });
    if (!done.length) return;
    const close = say(archived ? texts.list.archived(done.length) : texts.list.unarchived(done.length), {
      action: {
        label: texts.list.undo,
        run: () => {
          close();
          void archive(done, !archived);
        },
      },
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(texts.list.notArchived(error.message || texts.shell.unreachable), { kind: "error" });
  }
}
