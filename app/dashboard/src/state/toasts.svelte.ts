/** Short messages at the edge of the page; screen readers announce them. */
export interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
  /** An action, such as undo, offered while the message is shown. */
  action?: { label: string; run: () => void };
}

const VISIBLE_MS = 6000;
let list = $state<Toast[]>([]);
let counter = 0;

export const toasts = {
  get list(): Toast[] {
    return list;
  },
};

/** Remove a message. */
export function dismiss(toast: Toast): void {
  list = list.filter((other) => other.id !== toast.id);
}

/** Show a message; errors stay until they are closed. Returns the function that removes it. */
export function say(
  text: string,
  options: Partial<Omit<Toast, "id" | "text">> & { duration?: number } = {},
): () => void {
  const { duration, ...rest } = options;
  const toast: Toast = { kind: "info", ...rest, id: ++counter, text };
  list.push(toast);
  const close = () => dismiss(toast);
  if (toast.kind !== "error" || duration) setTimeout(close, duration ?? VISIBLE_MS);
  return close;
}
