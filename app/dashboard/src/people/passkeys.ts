/** Passkeys: the browser asks a device of the reader to make a key, or to sign with it. */
import { ApiError, answer, api, type Schemas } from "../api/client";
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

/** Have a device sign the digests of a plan that was read, and of what an approval freezes. @throws ApiError the server or the device refused. */
export async function signPlan(
  projectId: string,
  version: number,
  digest: string,
  frozenDigest: string | null,
): Promise<Schemas["PasskeySignature"]> {
  const params = { path: { project_id: projectId } };
  const body = { plan_version: version, plan_digest: digest, ...(frozenDigest && { frozen_digest: frozenDigest }) };
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
