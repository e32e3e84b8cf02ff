/** Whether the server keeps the reader waiting: a request has had no answer for some time. */
const SLOW_MS = 8000;
let overdue = $state(0);

export const slow = {
  get isWaiting(): boolean {
    return overdue > 0;
  },
};

/** A request was sent; call the returned function when it has been answered, or has failed. */
export function expectAnswer(): () => void {
  let isOverdue = false;
  const timer = setTimeout(() => {
    isOverdue = true;
    overdue++;
  }, SLOW_MS);
  return () => {
    clearTimeout(timer);
    if (isOverdue) overdue--;
    isOverdue = false;
  };
}
