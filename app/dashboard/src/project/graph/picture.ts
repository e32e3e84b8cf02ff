/** The server's SVG of the task graph, adapted to the page: sanitized, with links, and kept up to date. */
import { prefix } from "../../api/prefix";
import type { Phase, Project, Task } from "../../api/client";
import { span } from "../../format";
import { signs } from "../../parts/signs";
import { statusNames, texts } from "../../texts";

const NAMESPACE = "http://www.w3.org/2000/svg";
/** The allowed elements; all others are dropped, including styles, so the page sets the colors. */
const ELEMENTS = new Set(["svg", "g", "rect", "circle", "path", "text", "tspan", "title"]);
const ATTRIBUTES = new Set("class d x y width height rx r cx cy transform viewBox data-task data-phase".split(" "));
export const statuses: Task["status"][] = [
  "pending",
  "waiting",
  "running",
  "completed",
  "failed",
  "cancelled",
  "skipped",
];

export interface Picture {
  svg: SVGSVGElement;
  width: number;
  height: number;
  /** Whether the graph shows phases as boxes, without their tasks. */
  folded: boolean;
  /** Show the current state of the project; `at` is the current time, for running tasks. */
  update: (project: Project, at: number) => void;
}

/** Build a graph from the server's SVG; null if it is not an SVG. */
export function pictureOf(source: string, projectId: string): Picture | null {
  // Remove styles before parsing: the page's security policy would report each of them.
  const bare = source.replace(/<style[\s>][^]*?<\/style>/g, "");
  const parsed = new DOMParser().parseFromString(bare, "image/svg+xml").documentElement;
  if (parsed.localName !== "svg" || parsed.namespaceURI !== NAMESPACE) return null;
  const svg = cleaned(parsed) as SVGSVGElement;
  svg.querySelector(":scope > title")?.remove();
  svg.querySelector(":scope > rect.page")?.remove();
  const tasks = new Map<string, Shape>();
  const boxes = new Map<string, Shape>();
  const frames = new Map<string, Element>();
  for (const found of svg.querySelectorAll("g[data-task]")) {
    const id = found.getAttribute("data-task") ?? "";
    tasks.set(id, shapeOf(found, `${prefix}/projects/${projectId}?task=${encodeURIComponent(id)}`));
  }
  for (const found of svg.querySelectorAll("g[data-phase]")) {
    const id = found.getAttribute("data-phase") ?? "";
    boxes.set(id, shapeOf(found, `${prefix}/projects/${projectId}/graph?phase=${encodeURIComponent(id)}`));
  }
  for (const found of svg.querySelectorAll("rect[data-phase]"))
    frames.set(found.getAttribute("data-phase") ?? "", found);
  const [, , width = 0, height = 0] = (svg.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const update = (project: Project, at: number) => {
    for (const task of project.tasks) draw(tasks.get(task.id), taskCaption(task, at));
    for (const phase of project.phases) {
      draw(boxes.get(phase.id), phaseCaption(phase));
      const frame = frames.get(phase.id);
      if (frame && frame.getAttribute("class") !== `phase ${phase.status}`)
        frame.setAttribute("class", `phase ${phase.status}`);
    }
  };
  return { svg, width, height, folded: boxes.size > 0, update };
}

function cleaned(from: Element): Element {
  const made = document.createElementNS(NAMESPACE, from.localName);
  for (const { name, value } of from.attributes) if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) made.append(child.textContent ?? "");
    else if (child instanceof Element && ELEMENTS.has(child.localName)) made.append(cleaned(child));
  }
  return made;
}

/** The parts of a task or phase in the graph that change. */
interface Shape {
  link: Element;
  group: Element;
  sign: Element | null;
  note: Element | null;
  title: Element | null;
  /** The title as shown in the graph, which may be cut. */
  name: string;
  shown: string;
}

interface Caption {
  status: Task["status"];
  /** The full title. The graph may shorten it. */
  title: string;
  note: string;
  /** The note in words, for screen readers. */
  spoken: string;
}

function shapeOf(group: Element, address: string): Shape {
  const link = document.createElementNS(NAMESPACE, "a");
  link.setAttribute("href", address);
  group.before(link);
  link.append(group);
  const find = (what: string) => group.querySelector(what);
  // Texts that are visually separate must be separate for screen readers, too.
  for (const text of group.querySelectorAll("text")) text.after(" ");
  const name = group.querySelector("text:not(.sign, .note)")?.textContent ?? "";
  return { link, group, sign: find(".sign"), note: find(".note"), title: find("title"), name, shown: "" };
}

function draw(shape: Shape | undefined, caption: Caption): void {
  const key = `${caption.status}\n${caption.title}\n${caption.note}`;
  if (!shape || shape.shown === key) return;
  shape.shown = key;
  shape.group.classList.remove(...statuses);
  shape.group.classList.add(caption.status);
  if (shape.sign) shape.sign.textContent = signs[caption.status];
  if (shape.note) shape.note.textContent = caption.note;
  if (shape.title) shape.title.textContent = [caption.title, caption.spoken].filter(Boolean).join(": ");
  // The accessible name starts with the visible text, so that voice control works; the full title follows.
  const whole = caption.title === shape.name ? "" : caption.title;
  shape.link.setAttribute(
    "aria-label",
    [`${shape.name} ${caption.note}`, caption.spoken, whole].filter(Boolean).join(", "),
  );
}

function taskCaption(task: Task, at: number): Caption {
  const running = task.started_at && (task.status === "running" || task.status === "waiting");
  const took = running ? Math.max(0, at - Date.parse(task.started_at ?? "")) : task.duration_ms;
  const parts = [String(task.action.type ?? ""), statusNames[task.status], took === null ? "" : span(took)];
  return {
    status: task.status,
    title: task.title,
    note: parts.filter(Boolean).join(" · "),
    spoken: "",
  };
}

function phaseCaption(phase: Phase): Caption {
  const counts = statuses.map((status) => ({ status, number: phase.task_counts[status] ?? 0 }));
  const some = counts.filter(({ number }) => number);
  const order = ["failed", "running", "waiting", "cancelled", "pending", "completed"] as const;
  const spoken = some.map(({ status, number }) => `${number} ${statusNames[status].toLowerCase()}`).join(", ");
  const total = texts.graph.taskCount(phase.task_counts.total ?? 0);
  return {
    status: order.find((status) => phase.task_counts[status]) ?? "skipped",
    title: phase.name,
    spoken,
    note: `${total}: ${some.map(({ status, number }) => `${signs[status]} ${number}`).join("  ")}`,
  };
}
