/** Who is signed in on this browser, how to sign in, and what the reader may do. */
import { answer, api, whenUnauthorized, type Schemas } from "../api/client";

type Scope = Schemas["Session"]["scopes"][number];

let known = $state.raw<Schemas["Session"] | null>(null);
/** The server refused a request of this browser, which was not signed in, or no longer. */
let refused = $state(false);

export const session = {
  /** The server requires a sign-in, and this browser has not signed in. */
  get signInNeeded(): boolean {
    return refused || (known !== null && (known.key_needed || known.provider !== null) && known.actor === null);
  },
  /** This browser had a session, and the server no longer accepts it. */
  get ended(): boolean {
    return refused && known?.via === "session";
  },
  /** People can sign in with a password. */
  get people(): boolean {
    return known?.people ?? false;
  },
  /** The name of the identity provider that people can sign in with. */
  get provider(): string | null {
    return known?.provider ?? null;
  },
  /** The name of who is signed in. */
  get actor(): string | null {
    return refused ? null : (known?.actor ?? null);
  },
  /** This browser has a session, so signing out has an effect. */
  get canSignOut(): boolean {
    return !refused && known?.via === "session";
  },
  /** Whether the reader may do something, at least in some projects. */
  may(scope: Scope): boolean {
    return !refused && (known?.scopes.includes(scope) ?? false);
  },
};

whenUnauthorized(() => {
  refused = true;
});

/** Exchange a key, or a name and a password, for a cookie. @throws ApiError they are wrong, or the server did not answer. */
export async function signIn(proof: { key: string } | { name: string; password: string }): Promise<void> {
  take(await answer(api.POST("/api/session", { body: proof })));
}

export async function signOut(): Promise<void> {
  take(await answer(api.DELETE("/api/session")));
}

/** Load the state of the session from the server. */
export async function loadSession(): Promise<void> {
  take(await answer(api.GET("/api/session")));
}

function take(response: Schemas["Session"]): void {
  known = response;
  refused = false;
}
