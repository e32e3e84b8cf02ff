/** Whether the server requires an API key, and whether this browser has signed in. */
import { answer, api, whenUnauthorized } from "../api/client";

let needed = $state(false);
let actor = $state<string | null>(null);

export const session = {
  /** The server requires an API key, and this browser has not signed in. */
  get signInNeeded(): boolean {
    return needed && actor === null;
  },
  /** The server requires an API key, so signing out has an effect. */
  get canSignOut(): boolean {
    return needed && actor !== null;
  },
};

whenUnauthorized(() => {
  needed = true;
  actor = null;
});

/** Exchange the key for a cookie. @throws ApiError the key is wrong, or the server could not be reached. */
export async function signIn(key: string): Promise<void> {
  take(await answer(api.POST("/api/session", { body: { key } })));
}

export async function signOut(): Promise<void> {
  await answer(api.DELETE("/api/session"));
  actor = null;
}

/** Load the state of the session from the server. */
export async function loadSession(): Promise<void> {
  take(await answer(api.GET("/api/session")));
}

function take(response: { key_needed: boolean; actor: string | null }): void {
  needed = response.key_needed;
  actor = response.actor;
}
