/** The plan in a few sentences, for somebody who signs it without reading commands. */
import type { Schemas } from "../../api/client";
import { count, dollars } from "../../format.ts";
import { texts } from "../../texts/index.ts";
import { OWN, powersOf } from "./powers.ts";

type Gate = Pick<Schemas["Gate"], "approvals" | "id">;
type Planned = { phases: (Parameters<typeof powersOf>[0][number] & { tasks: ShortTask[] })[] };
type ShortTask = Parameters<typeof powersOf>[0][number]["tasks"][number] & {
  title: string;
  expected_files: string[];
};
interface Budget {
  max_tokens: number | null;
  max_cost_usd: number | null;
}

export interface Short {
  does: string;
  touches: string;
  costs: string;
  signs: string;
}

const NAMED = 4;
const words = texts.signoff.short;

/** What happens, what it touches, what it costs, and whom it needs. */
export function inShort(plan: Planned, budget: Budget, gate: Gate | undefined): Short {
  const powers = powersOf(plan.phases, "", false);
  const tasks = plan.phases.flatMap((phase) => phase.tasks);
  const files = [...new Set(tasks.flatMap((task) => task.expected_files))];
  const { ownHost, unknownHost } = texts.signoff.powers;
  const hosts = powers.hosts.map(({ host }) => (host === OWN ? ownHost : host ? words.quoted(host) : unknownHost));
  const touches = [
    powers.commands && words.commands(powers.commands),
    hosts.length && words.requests(listed(hosts)),
    powers.secrets.length && words.secrets(powers.secrets.length, named(powers.secrets)),
    powers.reads.length && words.reads(named(powers.reads.map(({ name }) => name))),
    powers.writes.length && words.writes(named(powers.writes.map(({ name }) => name))),
    files.length && words.files(named(files)),
    powers.others.length && words.others(named(powers.others.map(({ name }) => name))),
  ].filter((text) => typeof text === "string");
  const people = [
    powers.gates.length && texts.signoff.powers.gates(powers.gates),
    powers.decisions && texts.signoff.powers.decisions(powers.decisions),
    powers.manual && texts.signoff.powers.manual(powers.manual),
  ].filter((text) => typeof text === "string");
  return {
    does: words.does(plan.phases.length, tasks.length, named(tasks.map(({ title }) => title))),
    touches: touches.length ? words.touches(touches) : words.nothing,
    costs: costsOf(powers, budget),
    signs: [signersOf(gate), people.length ? words.later(people) : ""].filter(Boolean).join(" "),
  };
}

function named(names: string[]): string {
  return listed(names.map(words.quoted));
}

function listed(names: string[]): string {
  const shown = names.slice(0, NAMED);
  return names.length > NAMED ? words.andMore(shown, names.length - NAMED) : words.and(shown);
}

function costsOf(powers: ReturnType<typeof powersOf>, { max_tokens, max_cost_usd }: Budget): string {
  const asked = powers.agents.reduce((sum, agent) => sum + agent.asked, 0) + powers.modelDecisions;
  if (!asked) return words.free;
  const limits = [
    max_cost_usd !== null && dollars(max_cost_usd),
    max_tokens !== null && texts.signoff.powers.tokens(count(max_tokens)),
  ].filter((text) => typeof text === "string");
  return limits.length ? words.limited(asked, limits) : words.unlimited(asked);
}

function signersOf(gate: Gate | undefined): string {
  if (!gate?.id) return words.oneApproval;
  const { given, needed, missing } = gate.approvals;
  return words.approvals(given, needed, missing ?? []);
}
