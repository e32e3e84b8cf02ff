/** The time, once a second, for spans that go on; the timer runs only while something shows it. */
import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; whoever reads it in a view is drawn anew every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
