/** The sign of each status, as in the server's graphs, so that statuses do not differ by color alone. */
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
