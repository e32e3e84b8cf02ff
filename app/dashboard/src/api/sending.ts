/** Counts what would be lost if the page were reloaded now: requests on their way, and what can still be undone. */
let held = 0;

/** Whether something would be lost. */
export function isSending(): boolean {
  return held > 0;
}

/** Keep the page from reloading by itself until the returned function is called. */
export function hold(): () => void {
  held++;
  let isOver = false;
  return () => {
    if (!isOver) held--;
    isOver = true;
  };
}
