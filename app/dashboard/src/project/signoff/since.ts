/** What is new in a plan for the person using this browser. */
import { ApiError, answer, api, type Plan, type Schemas } from "../../api/client";
import { texts } from "../../texts";
import type { PlanDiff } from "./compare";
import { seenBefore } from "./seen";

const says = texts.signoff.changes;

/**
 * The changes since the version last seen here, or else the last approved one; null if there is neither. A version that was
 * discarded does not count as seen: the next one is not based on it. A version that follows a request for changes is compared
 * with the version to which they were requested.
 */
export async function changesBefore(
  projectId: string,
  plan: Plan,
  requested: Schemas["Review"] | null,
): Promise<{ label: string; diff: PlanDiff | null } | null> {
  const params = { path: { project_id: projectId } };
  let seen = seenBefore(projectId, plan);
  try {
    const { plans } =
      plan.version > 1 ? await answer(api.GET("/api/projects/{project_id}/plans", { params })) : { plans: [] };
    if (plans.some(({ version, status }) => version === seen?.version && status === "discarded")) seen = null;
    let from = seen?.version;
    let label = seen ? says.sinceSeen(seen.version) : "";
    if (requested && requested.version < plan.version) {
      from = requested.version;
      label = says.sinceRequested(requested.version, requested.by);
    }
    if (from === undefined) {
      const approved = plans.find((entry) => entry.approved_at && entry.version < plan.version);
      from = approved?.version;
      if (approved) label = says.sinceApproved(approved.version, approved.approved_by ?? "?");
    }
    if (from === undefined) return null;
    const query = { from, to: plan.version };
    const path = "/api/projects/{project_id}/plan/diff";
    const diff = await answer(api.GET(path, { params: { ...params, query } }));
    return { label, diff };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A draft that its author edited further is not stored.
    return seen && error.status === 404 ? { label: says.lost(seen.version), diff: null } : null;
  }
}
