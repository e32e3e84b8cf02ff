/** Whether the server asks for a key, and whether this browser has signed in. */
import { answer, api, whenUnauthorized } from "../api/client";

let needed = $state(false);
let actor = $state<string | null>(null);

export const session = {
  /** The server asks for a key, and this browser has given none. */
  get signInNeeded(): boolean {
    return needed && actor === null;
  },
  /** The server has keys, so that signing out means something. */
  get canSignOut(): boolean {
    return needed && actor !== null;
  },
};

whenUnauthorized(() => {
  needed = true;
  actor = null;
});

/** Exchange the key for a cookie. @throws ApiError the key is wrong, or the server was not reached. */
export async function signIn(key: string): Promise<void> {
  take(await answer(api.POST("/api/session", { body: { key } })));
}

export async function signOut(): Promise<void> {
  await answer(api.DELETE("/api/session"));
  actor = null;
}

/** Ask the server how things stand. */
export async function loadSession(): Promise<void> {
  take(await answer(api.GET("/api/session")));
}

function take(told: { key_needed: boolean; actor: string | null }): void {
  needed = told.key_needed;
  actor = told.actor;
}
