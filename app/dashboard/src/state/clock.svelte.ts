/** The current time, updated every second for running durations. The timer runs only while a view uses it. */
import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; a view that reads it is redrawn every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
