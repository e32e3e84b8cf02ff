/** The REST API, with types from its OpenAPI document (`npm run types`). The page uses nothing else of the server. */
import { prefix } from "./prefix";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";
import { hold } from "./sending";
import { expectAnswer } from "./slow.svelte";

export type Schemas = components["schemas"];
export type Project = Schemas["Project"];
export type ProjectSummary = Schemas["ProjectSummary"];
export type Plan = Schemas["Plan"];
export type Phase = Schemas["Phase"];
export type Task = Schemas["Task"];
export type Status = Task["status"] | Phase["status"] | Project["status"];

/** An error in the API's own words; programs distinguish errors by `code`. Status 0: the server could not be reached. */
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

/** A unique key. `crypto.randomUUID` is not used, because it exists only on secure pages. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let onUnauthorized: () => void = () => {};

/** Call `listener` when the server requires an API key. */
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener;
}

/** What to call when a request has been answered, or has failed. */
const ends = new WeakMap<Request, () => void>();
const watched: Middleware = {
  onRequest({ request }) {
    // Code that repeats a request sets the key of the first request itself.
    if (request.method === "POST" && !request.headers.has("Idempotency-Key"))
      request.headers.set("Idempotency-Key", newKey());
    const release = request.method === "GET" ? undefined : hold();
    const answered = expectAnswer();
    ends.set(request, () => {
      answered();
      release?.();
    });
    return request;
  },
  onError({ request }) {
    ends.get(request)?.();
  },
  onResponse({ request, response }) {
    ends.get(request)?.();
    if (response.status === 401) onUnauthorized();
  },
};

export const api = createClient<paths>({ baseUrl: prefix });
api.use(watched);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/**
 * The result of a call.
 *
 * @throws ApiError the server refused the call, or could not be reached.
 */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await answered(call)).data;
}

/** The same, with the HTTP response: its status distinguishes 200 (done) from 202 (recorded), its headers hold the ETag. */
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

/** The error described by the body of a response. */
export function refusal(body: unknown, status: number): ApiError {
  if (typeof body === "object" && body !== null && "code" in body && "message" in body) {
    const error = body as Schemas["ErrorBody"];
    return new ApiError(error.message, error.code, status, error.details, error.context);
  }
  return new ApiError("", "unreachable", status);
}
