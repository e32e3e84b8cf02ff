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

/** A role as the form of a person has it, with its own labels. */
export interface Held {
  role: Grant["role"];
  held: boolean;
  labels: string;
}

/** Each role, whether somebody has it, and for which labels. A role without labels is for all projects, whatever else it has. */
export function heldBy(roles: Grant[]): Held[] {
  return ROLES.map((role) => {
    const own = roles.filter((grant) => grant.role === role);
    const everywhere = own.some((grant) => !grant.labels.length);
    const labels = everywhere ? "" : [...new Set(own.flatMap((grant) => grant.labels))].join(", ");
    return { role, held: own.length > 0, labels };
  });
}

/** The roles that such a form gives. */
export function grantsOf(held: Held[]): Grant[] {
  return held.filter((one) => one.held).flatMap((one) => grants([one.role], one.labels));
}
