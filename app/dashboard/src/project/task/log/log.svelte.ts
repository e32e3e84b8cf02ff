/** The log of one attempt, followed while it is written. */
import { follow, type StreamState } from "../../../api/stream";
import { LogLines } from "./lines";

/** The page is drawn anew at most this often, and less often where that takes long. */
const DRAW_MS = 60;
const REST_FACTOR = 4;

export class TaskLog {
  readonly lines = new LogLines();
  /** How many lines are to be shown; changes when the page is to be drawn anew. */
  length = $state(0);
  /** Counts what has come, for the last line may grow without another one. */
  version = $state(0);
  state = $state<StreamState>("connecting");
  /** The attempt has ended, and all of its log is here. */
  complete = $state(false);
  refused = $state(false);

  #stop: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #took = 0;

  constructor(address: string) {
    this.#stop = follow({
      address: () => address,
      onEvent: ({ type, data }) => {
        if (type !== "log") return;
        this.lines.push((JSON.parse(data) as { text: string }).text);
        this.#timer ??= setTimeout(() => this.#draw(), Math.max(DRAW_MS, this.#took * REST_FACTOR));
      },
      onState: (state) => (this.state = state),
      onEnd: () => {
        this.complete = true;
        this.#draw();
      },
      onRefused: () => (this.refused = true),
      foreground: true,
    });
  }

  close(): void {
    this.#stop();
    clearTimeout(this.#timer);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const began = performance.now();
    this.length = this.lines.length;
    this.version++;
    requestAnimationFrame(() => (this.#took = Math.min(performance.now() - began, 500)));
  }
}
