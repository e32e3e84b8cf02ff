/** Texts of the Graph tab. */
import { plural } from "./words.ts";

export const graph = {
  noPlan: "There is no plan yet, so there is nothing to draw.",
  allPhases: "All phases",
  folded: (tasks: number) => `With ${plural(tasks, "task")}, only the phases are shown. Open a phase, or:`,
  showAll: (tasks: number) => `Show all ${plural(tasks, "task")}`,
  large: "This is a large graph: drawing it may take a while.",
  phasesOnly: "Show phases only",
  critical: "Critical path",
  download: "Download:",
  legend: "Statuses",
  alternative: "The same tasks as a list, in full:",
  picture: "Task graph",
  area: "Task graph: scroll with the arrow keys, zoom with + and -, fit all with 0",
  zoom: "Zoom",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit all",
  fitWidth: "Fit width",
  full: "Full screen",
  leaveFull: "Exit full screen",
  skip: "Skip the graph",
  taskCount: (tasks: number) => plural(tasks, "task"),
};
