/** Short messages at the edge of the page, read aloud as they come. */
export interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
  /** A way back, for as long as the message stands. */
  action?: { label: string; run: () => void };
}

const STANDS_MS = 6000;
let list = $state<Toast[]>([]);
let counter = 0;

export const toasts = {
  get list(): Toast[] {
    return list;
  },
};

/** Take a message away. */
export function dismiss(toast: Toast): void {
  list = list.filter((other) => other.id !== toast.id);
}

/** Show a message; errors stay until they are closed. Returns the function that takes it away. */
export function say(text: string, options: Partial<Omit<Toast, "id" | "text">> & { stands?: number } = {}): () => void {
  const { stands, ...rest } = options;
  const toast: Toast = { kind: "info", ...rest, id: ++counter, text };
  list.push(toast);
  const close = () => dismiss(toast);
  if (toast.kind !== "error" || stands) setTimeout(close, stands ?? STANDS_MS);
  return close;
}
