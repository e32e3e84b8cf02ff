/** What a plan may do once it is approved, counted from its tasks. */
import type { Phase, Task } from "../../api/client";
import { programName, programs } from "./programs.ts";

export interface Counted {
  name: string;
  count: number;
}

export interface Powers {
  /** Tasks with a command, and the programs that their commands name. */
  commands: number;
  programs: Counted[];
  /** Hosts of requests, with their methods; null for a host that is known only at run time. */
  hosts: { host: string | null; methods: string[]; count: number }[];
  /** Agents that run tasks, by id; `asked` is the number of those tasks that a model handles. */
  agents: { id: string; count: number; asked: number }[];
  secrets: string[];
  /** Folders outside the workspace that tasks may read, or also write. */
  reads: Counted[];
  writes: Counted[];
  /** Limits that tasks set themselves, each with the keys of those tasks. */
  limits: { limits: Record<string, number>; keys: string[] }[];
  decisions: number;
  /** The number of decisions that a model answers first. */
  modelDecisions: number;
  manual: number;
  gates: string[];
  /** The number of tasks about which a person is asked if they fail or lose their worker. */
  asks: number;
  waits: number;
  /** Types of action that this page does not know. */
  others: Counted[];
}

type PlannedTask = Pick<
  Task,
  "key" | "action" | "agent_id" | "inputs" | "on_crash" | "after_failure" | "reads" | "writes" | "limits"
>;
type PlannedPhase = Pick<Phase, "name" | "requires_approval"> & { tasks: PlannedTask[] };

const SECRET = /\$\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;
const UNATTENDED = new Set(["manual", "decision", "wait", "milestone"]);

/** Count what `phases` may do; `agent` runs the tasks that name none. */
export function powersOf(phases: PlannedPhase[], agent: string, asksAfterFailure: boolean): Powers {
  const tasks = phases.flatMap((phase) => phase.tasks);
  const of = (type: string) => tasks.filter((task) => task.action.type === type);
  const shell = of("shell");
  const worked = tasks.filter((task) => !UNATTENDED.has(String(task.action.type)));
  const known = new Set<string>([...UNATTENDED, "shell", "http", "agent"]);
  return {
    commands: shell.length,
    programs: counted(shell.flatMap((task) => [...new Set(programsOf(task.action))])),
    hosts: hostsOf(of("http")),
    agents: agentsOf(worked, agent),
    secrets: secretsOf(tasks),
    reads: counted(tasks.flatMap((task) => task.reads)),
    writes: counted(tasks.flatMap((task) => task.writes)),
    limits: limitsOf(tasks),
    decisions: of("decision").length,
    modelDecisions: of("decision").filter((task) => task.action.by === "model").length,
    manual: of("manual").length,
    gates: phases.filter((phase) => phase.requires_approval).map((phase) => phase.name),
    asks: worked.filter((task) => (task.after_failure ?? (asksAfterFailure ? "ask" : "fail")) === "ask").length,
    waits: of("wait").length,
    others: counted(tasks.map((task) => String(task.action.type)).filter((type) => !known.has(type))),
  };
}

function programsOf(action: Task["action"]): string[] {
  if (Array.isArray(action.argv)) return [programName(String(action.argv[0]))];
  return typeof action.command === "string" ? programs(action.command) : [];
}

function hostsOf(tasks: PlannedTask[]): Powers["hosts"] {
  const found = new Map<string | null, { methods: Set<string>; count: number }>();
  for (const { action } of tasks) {
    const host = hostOf(String(action.url ?? ""));
    const entry = found.get(host) ?? { methods: new Set(), count: 0 };
    entry.methods.add(String(action.method ?? "GET"));
    entry.count += 1;
    found.set(host, entry);
  }
  return [...found].map(([host, { methods, count }]) => ({ host, methods: [...methods], count }));
}

/** How a plan names the address of the Signoff server that runs it. */
export const OWN = "${{ signoff.url }}";

/** The host of an address; null if it contains a reference that is resolved only at run time. */
function hostOf(address: string): string | null {
  if (/^\$\{\{\s*signoff\.url\s*\}\}(?:[/?#]|$)/.test(address)) return OWN;
  const authority = /^https?:\/\/([^/?#]*)/i.exec(address)?.[1];
  return authority && !authority.includes("${{") ? authority : null;
}

function agentsOf(tasks: PlannedTask[], standard: string): Powers["agents"] {
  const found = new Map<string, { count: number; asked: number }>();
  for (const task of tasks) {
    const id = task.agent_id ?? standard;
    const entry = found.get(id) ?? { count: 0, asked: 0 };
    entry.count += 1;
    if (task.action.type === "agent") entry.asked += 1;
    found.set(id, entry);
  }
  return [...found].map(([id, counts]) => ({ id, ...counts }));
}

function limitsOf(tasks: PlannedTask[]): Powers["limits"] {
  const found = new Map<string, Powers["limits"][number]>();
  for (const { key, limits } of tasks) {
    if (!Object.keys(limits).length) continue;
    const text = JSON.stringify(Object.entries(limits).sort());
    const entry = found.get(text) ?? { limits: limits as Record<string, number>, keys: [] };
    entry.keys.push(key);
    found.set(text, entry);
  }
  return [...found.values()];
}

function secretsOf(tasks: PlannedTask[]): string[] {
  const texts = tasks.map((task) => JSON.stringify([task.action, task.inputs]));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(SECRET)].map((match) => match[1]!)))].sort();
}

function counted(names: string[]): Counted[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** The names of the outputs of a manual task that later tasks refer to, so that a person knows what to enter. */
export function expectedOutputs(key: string, tasks: Pick<Task, "action" | "inputs">[]): string[] {
  const reference = new RegExp(`\\$\\{\\{\\s*tasks\\.${key}\\.outputs\\.([A-Za-z_][A-Za-z0-9_-]*)`, "g");
  const texts = tasks.map((task) => JSON.stringify([task.action, task.inputs]));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(reference)].map((match) => match[1]!)))];
}
