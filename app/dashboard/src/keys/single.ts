/** Whether shortcuts of a single key are used. Some people's tools type letters, so they can be turned off. */
const KEY = "signoff.shortcuts";

export function usesSingleKeys(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function useSingleKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, "off");
  } catch {
    // Without storage, the choice cannot be remembered.
  }
}
