/** Reads the beginning of a task's log. */
import { ApiError, refusal } from "../../api/client";

export interface ReadLog {
  text: string;
  /** The log has more than was read. */
  isCut: boolean;
}

const MAX_BYTES = 300_000;

/** Read a log. @throws ApiError the server refused it, or could not be reached. */
export async function readLog(address: string, signal: AbortSignal): Promise<ReadLog> {
  try {
    const response = await fetch(address, { signal, cache: "no-store" });
    if (!response.ok) throw refusal(await response.json().catch(() => null), response.status);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return { text, isCut: false };
      text += value;
      if (text.length > MAX_BYTES) {
        await reader.cancel();
        return { text: text.slice(0, MAX_BYTES), isCut: true };
      }
    }
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
    throw new ApiError("", "unreachable", 0);
  }
}
