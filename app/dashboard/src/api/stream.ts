/**
 * Reads server-sent events with fetch.
 *
 * EventSource hides the server's pings. With it, the page could not tell a quiet connection from one that died while the
 * computer slept.
 */
import { at } from "./prefix";
import { createParser } from "eventsource-parser";
import { mayStream, onTabs } from "./tabs";

export type StreamState = "connecting" | "live" | "stale";

export interface Following {
  /** The address to read, given the id of the last event received. */
  address: (lastId: string) => string;
  onEvent: (event: { type: string; id: string; data: string }) => void;
  onState: (state: StreamState) => void;
  /** The server has no more events (`end`, or 204); the stream is not opened again. */
  onEnd?: () => void;
  /** The server refused the request; it is not repeated. */
  onRefused?: (status: number) => void;
  /** The stream is open; from now on no event is missed. */
  onOpen?: () => void;
  /** Read the stream only while the page is visible. */
  foreground?: boolean;
}

const reconnections = new Set<() => void>();

/** Tell the listeners that the server answers again. */
export function reconnected(): void {
  for (const listener of [...reconnections]) listener();
}

/** Call `listener` whenever a server that was away answers again; returns the function that unsubscribes it. */
export function whenReconnected(listener: () => void): () => void {
  reconnections.add(listener);
  return () => reconnections.delete(listener);
}

/** The server sends something at least every 10 s. */
const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;

/**
 * Follow a stream until it ends or the returned function is called.
 *
 * Reconnects, and resumes after the last event. Pauses while other tabs need the connection.
 */
export function follow(options: Following): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function run(options: Following, stopped: AbortSignal): Promise<void> {
  let lastId = "";
  let pause = FIRST_PAUSE_MS;
  let wasLost = false;
  options.onState("connecting");
  while (!stopped.aborted) {
    await untilAwake(options, stopped);
    if (stopped.aborted) return;
    const outcome = await readOnce(options, lastId, stopped, (id) => {
      lastId = id || lastId;
      pause = FIRST_PAUSE_MS;
      if (wasLost) reconnected();
      wasLost = false;
    });
    if (stopped.aborted) return;
    if (outcome === "rest") {
      options.onState("connecting");
      continue;
    }
    if (outcome === "end") return options.onEnd?.();
    if (typeof outcome === "number") return options.onRefused?.(outcome);
    wasLost = true;
    options.onState("stale");
    await pauseOrWake(pause * (0.75 + Math.random() / 2), stopped);
    pause = Math.min(pause * 2, MAX_PAUSE_MS);
  }
}

async function readOnce(
  options: Following,
  lastId: string,
  stopped: AbortSignal,
  heard: (id: string) => void,
): Promise<"end" | "lost" | "rest" | number> {
  const connection = new AbortController();
  const abort = () => connection.abort();
  stopped.addEventListener("abort", abort, { once: true });
  let rests = false;
  const offTabs = onTabs(() => {
    rests ||= !isAwake(options);
    if (rests) abort();
  });
  let timer = setTimeout(abort, SILENCE_MS);
  let ended = false;
  const parser = createParser({
    onEvent: (event) => {
      heard(event.id ?? "");
      if (event.event === "end") ended = true;
      else options.onEvent({ type: event.event ?? "message", id: event.id ?? "", data: event.data });
    },
  });
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await fetch(at(options.address(lastId)), {
      headers,
      signal: connection.signal,
      cache: "no-store",
    });
    if (response.status === 204) return "end";
    if (!response.ok || !response.body)
      return response.status >= 500 || response.status === 429 ? "lost" : response.status;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    options.onState("live");
    options.onOpen?.();
    while (!ended) {
      const { value, done } = await reader.read();
      if (done) return "lost";
      clearTimeout(timer);
      timer = setTimeout(abort, SILENCE_MS);
      heard("");
      parser.feed(value);
    }
    return "end";
  } catch {
    return rests ? "rest" : "lost";
  } finally {
    clearTimeout(timer);
    offTabs();
    connection.abort();
    stopped.removeEventListener("abort", abort);
  }
}

function isAwake({ foreground = false }: Following): boolean {
  return mayStream(!foreground);
}

function untilAwake(options: Following, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!stopped.aborted && !isAwake(options)) return;
      offTabs();
      stopped.removeEventListener("abort", look);
      resolve();
    };
    const offTabs = onTabs(look);
    stopped.addEventListener("abort", look);
    look();
  });
}

/** Wait, or stop waiting early when the network is back or the visibility of the page changes. */
function pauseOrWake(milliseconds: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", done);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    stopped.addEventListener("abort", done);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}
