/** Texts of the command palette and of the keyboard shortcuts. */

export const keys = {
  title: "Keyboard shortcuts",
  button: "Shortcuts",
  single: "Use shortcuts of a single key",
  singleHint: "This browser remembers your choice. The command palette always works.",
  then: "then",
  list: [
    [["Ctrl K", "⌘ K"], "Open the command palette"],
    [["?"], "Show this list"],
    [["/"], "Go to the search or filter of the view"],
    [["g", "p"], "Go to the projects"],
    [["g", "i"], "Go to what waits for you"],
    [["g", "o"], "Go to the overview"],
    [["g", "n"], "Go to the next thing that waits for you"],
    [["n"], "New project"],
    [["["], "Previous tab of the project"],
    [["]"], "Next tab of the project"],
    [["Esc"], "Close a dialog or the panel of a task"],
  ] as [string[], string][],
  or: "or",
  palette: {
    title: "Command palette",
    label: "Go to a project, a task or an action",
    placeholder: "Project, task or action…",
    none: "Nothing matches.",
    results: (count: number) => (count === 1 ? "1 result" : `${count} results`),
    kinds: { action: "Action", view: "View", task: "Task", project: "Project" },
    theme: (name: string) => `Theme: ${name}`,
    copyLink: "Copy the link to this page",
  },
};
