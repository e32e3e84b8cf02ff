/** The log of one attempt, followed while it is written. */
import { follow, type StreamState } from "../../../api/stream";
import { LogLines } from "./lines";

/** The shortest time between two redraws; slow redraws happen less often. */
const DRAW_MS = 60;
const REST_FACTOR = 4;

export class TaskLog {
  readonly lines = new LogLines();
  /** The number of lines to show; changes when the page should be redrawn. */
  length = $state(0);
  /** Changes with every redraw, because the last line may grow without a new one. */
  version = $state(0);
  state = $state<StreamState>("connecting");
  /** The attempt has ended, and its whole log has been received. */
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
