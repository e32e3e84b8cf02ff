/** The draft of the form, stored in this tab until the project is created: reloading or leaving the page loses nothing. */
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
    // Without enough storage, the draft lasts until the page is closed.
  }
}
