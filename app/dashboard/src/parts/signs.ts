/** The sign of each status, as in the server's pictures: a status is told by more than its colour. */
import type { Status } from "../api/client";

export const signs: Record<Status, string> = {
  pending: "○",
  waiting: "◔",
  running: "▶",
  completed: "✓",
  failed: "✗",
  cancelled: "■",
  skipped: "→",
  awaiting_approval: "◔",
};
