/** The server's picture of the task graph, taken into the page: cleaned, with links, and kept up to date. */
import type { Phase, Project, Task } from "../../api/client";
import { span } from "../../format";
import { signs } from "../../parts/signs";
import { statusNames, texts } from "../../texts";

const NAMESPACE = "http://www.w3.org/2000/svg";
/** What a picture is made of; whatever else it holds is dropped, and so its colours are the page's own. */
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
  /** Phases stand as boxes, without their tasks. */
  folded: boolean;
  /** Have the picture show what the project says now; `at` is the time for what goes on. */
  update: (project: Project, at: number) => void;
}

/** Make a picture of what the server drew; null where it is none. */
export function pictureOf(source: string, projectId: string): Picture | null {
  // Styles go before they are parsed: the page's security policy would have each of them reported.
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
    tasks.set(id, shapeOf(found, `/projects/${projectId}?task=${encodeURIComponent(id)}`));
  }
  for (const found of svg.querySelectorAll("g[data-phase]")) {
    const id = found.getAttribute("data-phase") ?? "";
    boxes.set(id, shapeOf(found, `/projects/${projectId}/graph?phase=${encodeURIComponent(id)}`));
  }
  for (const found of svg.querySelectorAll("rect[data-phase]"))
    frames.set(found.getAttribute("data-phase") ?? "", found);
  const [, , width = 0, height = 0] = (svg.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const update = (project: Project, at: number) => {
    for (const task of project.tasks) draw(tasks.get(task.id), taskSaid(task, at));
    for (const phase of project.phases) {
      draw(boxes.get(phase.id), phaseSaid(phase));
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

/** What changes in the picture of a task or a phase. */
interface Shape {
  link: Element;
  group: Element;
  sign: Element | null;
  note: Element | null;
  title: Element | null;
  /** The title as the picture has it, perhaps cut. */
  name: string;
  shown: string;
}

interface Said {
  status: Task["status"];
  /** All of it, where the picture may have a part alone. */
  title: string;
  note: string;
  /** What the note's signs mean. */
  spoken: string;
}

function shapeOf(group: Element, address: string): Shape {
  const link = document.createElementNS(NAMESPACE, "a");
  link.setAttribute("href", address);
  group.before(link);
  link.append(group);
  const find = (what: string) => group.querySelector(what);
  // Words that stand apart are apart for those who have them read out, too.
  for (const text of group.querySelectorAll("text")) text.after(" ");
  const name = group.querySelector("text:not(.sign, .note)")?.textContent ?? "";
  return { link, group, sign: find(".sign"), note: find(".note"), title: find("title"), name, shown: "" };
}

function draw(shape: Shape | undefined, said: Said): void {
  const key = `${said.status}\n${said.title}\n${said.note}`;
  if (!shape || shape.shown === key) return;
  shape.shown = key;
  shape.group.classList.remove(...statuses);
  shape.group.classList.add(said.status);
  if (shape.sign) shape.sign.textContent = signs[said.status];
  if (shape.note) shape.note.textContent = said.note;
  if (shape.title) shape.title.textContent = [said.title, said.spoken].filter(Boolean).join(": ");
  // The name has what is seen, so that who speaks to the computer can say it; then all of the title.
  const whole = said.title === shape.name ? "" : said.title;
  shape.link.setAttribute("aria-label", [`${shape.name} ${said.note}`, said.spoken, whole].filter(Boolean).join(", "));
}

function taskSaid(task: Task, at: number): Said {
  const goesOn = task.started_at && (task.status === "running" || task.status === "waiting");
  const took = goesOn ? Math.max(0, at - Date.parse(task.started_at ?? "")) : task.duration_ms;
  const parts = [String(task.action.type ?? ""), statusNames[task.status], took === null ? "" : span(took)];
  return {
    status: task.status,
    title: task.title,
    note: parts.filter(Boolean).join(" · "),
    spoken: "",
  };
}

function phaseSaid(phase: Phase): Said {
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
