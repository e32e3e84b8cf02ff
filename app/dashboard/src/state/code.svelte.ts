/** A part of the page whose code is loaded when it is needed, and again if it did not arrive. */
import { checkVersion } from "./upgrade.svelte";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8000;

export class Code<T> {
  /** Null until the code is here. */
  loaded = $state.raw<T | null>(null);
  /** The last attempt failed; another one follows by itself. */
  failing = $state(false);

  #stopped = false;
  #wake: () => void = () => {};

  constructor(load: () => Promise<{ default: T }>) {
    void this.#run(load);
  }

  /** Try again now. */
  retry(): void {
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  async #run(load: () => Promise<{ default: T }>): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#stopped; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        this.loaded = (await load()).default;
        this.failing = false;
        return;
      } catch (error) {
        // It is a network failure, or the server has another version, whose files have other names.
        console.warn(error);
        this.failing = true;
        void checkVersion();
      }
      await this.#rest(pause);
    }
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        removeEventListener("online", done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      addEventListener("online", done);
      this.#wake = done;
    });
  }
}
