/** Roles and their labels, as text and as forms have them. */
import type { Schemas } from "../api/client";

type Grant = Schemas["RoleGrant"];
export const ROLES: Grant["role"][] = ["viewer", "author", "approver", "operator", "admin"];

/** Such as `author, approver (payments)`. */
export function rolesInWords(roles: Grant[]): string {
  return roles.map(({ role, labels }) => (labels.length ? `${role} (${labels.join(", ")})` : role)).join(", ");
}

/** The roles that a form gives. The role `admin` is never bound to labels. */
export function grants(roles: Grant["role"][], labels: string): Grant[] {
  const named = labels
    .split(",")
    .map((label) => label.trim())
    .filter(Boolean);
  return roles.map((role) => ({ role, labels: role === "admin" ? [] : named }));
}
