/** Passkeys: the browser asks a device of the reader to make a key, or to sign with it. */
import { ApiError, answer, api, type Schemas } from "../api/client";
import { session } from "../state/session.svelte";
import { texts } from "../texts";

type Challenge = Schemas["PasskeyChallenge"];

/** Bytes in base64url, as the API has them. */
function encoded(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a text in base64url. */
function decoded(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

const named = (ids: string[]) => ids.map((id) => ({ type: "public-key" as const, id: decoded(id) }));

/** Make a key on a device, and store its public part. @throws ApiError the server or the device refused. */
export async function addPasskey(name: string, password: string | null): Promise<void> {
  const asked = await answer(api.POST("/api/me/passkeys/challenge", { body: password === null ? {} : { password } }));
  const publicKey: PublicKeyCredentialCreationOptions = {
    challenge: decoded(asked.challenge),
    rp: { id: asked.rp_id, name: texts.shell.product },
    user: { id: decoded(asked.user_id), name: asked.user_name, displayName: asked.user_name },
    pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
    excludeCredentials: named(asked.credential_ids),
    authenticatorSelection: { userVerification: "required" },
  };
  const made = await reached(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  const body = {
    name,
    nonce: asked.nonce,
    credential_id: encoded(made.rawId),
    client_data: encoded(response.clientDataJSON),
    attestation: encoded(response.attestationObject),
  };
  await answer(api.POST("/api/me/passkeys", { body }));
}

/** What a device signs: a plan that was read, or what waits in its run. */
export type ToSign = Partial<Schemas["BeginPasskeyApproval"]> & { plan_version: number; plan_digest: string };

/** Have a device sign. @throws ApiError the server or the device refused. */
export async function signWithPasskey(projectId: string, toSign: ToSign): Promise<Schemas["PasskeySignature"]> {
  const params = { path: { project_id: projectId } };
  const body = toSign as Schemas["BeginPasskeyApproval"];
  const asked: Challenge = await answer(api.POST("/api/projects/{project_id}/passkey-challenge", { params, body }));
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: decoded(asked.challenge),
    rpId: asked.rp_id,
    allowCredentials: named(asked.credential_ids),
    userVerification: "required",
  };
  const signed = await reached(() => navigator.credentials.get({ publicKey }));
  const response = signed.response as AuthenticatorAssertionResponse;
  return {
    nonce: asked.nonce,
    credential_id: encoded(signed.rawId),
    client_data: encoded(response.clientDataJSON),
    authenticator_data: encoded(response.authenticatorData),
    signature: encoded(response.signature),
  };
}

/** Whether the reader has a passkey for this address. False if nobody can say: approving without one still works. */
export async function hasOwn(): Promise<boolean> {
  if (!session.canSignOut || !offered()) return false;
  try {
    const { passkeys } = await answer(api.GET("/api/me/passkeys"));
    return passkeys.some(({ rp_id }) => rp_id === location.hostname);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return false;
  }
}

/** Whether this browser has passkeys at this address. */
export const offered = (): boolean => "credentials" in navigator && "PublicKeyCredential" in window;

async function reached(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const found = await ask();
    if (found) return found as PublicKeyCredential;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
  // The reader has declined, or the device did not answer in time. Browsers do not say which.
  throw new ApiError(texts.people.passkeys.declined, "passkey_declined", 400);
}
