/** The REST API, typed from its OpenAPI document (`npm run types`); the page uses nothing else of the server. */
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Project = Schemas["Project"];
export type ProjectSummary = Schemas["ProjectSummary"];
export type Plan = Schemas["Plan"];
export type Phase = Schemas["Phase"];
export type Task = Schemas["Task"];
export type Status = Task["status"] | Phase["status"] | Project["status"];

/** A refusal, as the API words it; `code` is what programs tell it by. Status 0: the server was not reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    readonly details: { field: string; message: string }[] = [],
    readonly context: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** A key that no other request has; `crypto.randomUUID` exists on secure pages only. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let onUnauthorized: () => void = () => {};

/** Have `listener` called when the server asks for a key. */
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener;
}

const watched: Middleware = {
  onRequest({ request }) {
    // Who repeats a request sets the key of the first.
    if (request.method === "POST" && !request.headers.has("Idempotency-Key"))
      request.headers.set("Idempotency-Key", newKey());
    return request;
  },
  onResponse({ response }) {
    if (response.status === 401) onUnauthorized();
  },
};

export const api = createClient<paths>({ baseUrl: "/" });
api.use(watched);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/**
 * What a call came to.
 *
 * @throws ApiError the server refused, or was not reached.
 */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await answered(call)).data;
}

/** The same, with the HTTP response: its status tells 200 (done) from 202 (recorded), its headers hold the ETag. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let result: Answer<T>;
  try {
    result = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("", "unreachable", 0);
  }
  if (!result.response.ok) throw refusal(result.error, result.response.status);
  return { data: result.data as T, response: result.response };
}

/** The error that an answer's body tells of. */
export function refusal(body: unknown, status: number): ApiError {
  if (typeof body === "object" && body !== null && "code" in body && "message" in body) {
    const told = body as Schemas["ErrorBody"];
    return new ApiError(told.message, told.code, status, told.details, told.context);
  }
  return new ApiError("", "unreachable", status);
}
