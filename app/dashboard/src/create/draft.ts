/** What was typed, kept in this tab until the project is made: a reload, or a way there and back, loses nothing. */
import { isEmpty, restored, type Fields } from "./fields";

const KEY = "signoff.draft";

export function loadDraft(): Fields {
  try {
    return restored(sessionStorage.getItem(KEY));
  } catch {
    return restored(null);
  }
}

export function keepDraft(fields: Fields): void {
  try {
    if (isEmpty(fields)) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(fields));
  } catch {
    // A browser that keeps nothing, or not as much, has the form as long as it is open.
  }
}
