/** A new project. */

export const create = {
  title: "New project",
  name: "Name",
  nameHint: "Left empty, it is the title that the description begins with.",
  description: "Description",
  placeholder: "# Title\n\nWhat it is for.\n\n## Prepare\n\n- Fetch the data: `make data`\n- [ ] Look at it",
  editorHint:
    "Markdown: ## begins a phase, - a task, 1. a task that waits for the one before it. Tab indents; press Escape, then Tab, to leave the field.",
  insert: "Insert",
  pieces: { phase: "Phase", task: "Task", command: "Command", manual: "Manual step", decision: "Decision" },
  examples: "Start from",
  replaced: "The example has taken the place of your text.",
  restored: "What you had typed is still here.",
  startOver: "Start over",
  emptyDescription: "Write what is to be done, or create the project only.",
  notPlannable: (first: string) =>
    `No plan can be made of this yet: ${first} Correct what stands beside it, or create the project only.`,
  planner: "Who makes the plan",
  planners: { automatic: "As the text is", outline: "What is written", model: "A model" },
  plannerHints: {
    automatic: (model: string) =>
      `Tasks that are spelt out are taken as they are; plain words are planned by ${model}.`,
    outline: () => "No model is asked; plain words become one task for each step.",
    model: (model: string) =>
      `${model} plans, also where tasks are spelt out. It is told your text and the names of your files.`,
  },
  proseWithoutModel:
    "These are plain words. No model is set up here to plan them, so each step becomes a task; spell tasks out as a list to have them as you want.",
  outline: "The plan it makes",
  byModel: (model: string) =>
    `${model} makes the plan once the project is there. You read it before anything runs, unless it is approved by itself.`,
  nothingYet: "Begin to write, and the plan shows here.",
  makes: (phases: number, tasks: number) =>
    `${phases === 1 ? "1 phase" : `${phases} phases`}, ${tasks === 1 ? "1 task" : `${tasks} tasks`}`,
  problems: (number: number) => (number === 1 ? "1 problem" : `${number} problems`),
  line: (line: number, column: number) => `Line ${line}, column ${column}`,
  dangers: (number: number) =>
    number === 1
      ? "1 command is dangerous: it is marked below."
      : `${number} commands are dangerous: they are marked below.`,
  orders: { sequential: "one after the other", parallel: "all at once", dag: "as they depend on each other" },
  needsApproval: "starts after an approval",
  moreTasks: (number: number) => `and ${number} more`,
  actions: {
    shell: "Command",
    http: "Request",
    agent: "Model",
    manual: "Person",
    decision: "Decision",
    wait: "Wait",
    milestone: "Milestone",
  },
  severities: { critical: "Dangerous", high: "Serious", medium: "To look at", low: "Note" },
  after: (keys: string[]) => `after ${keys.join(", ")}`,
  by: (agent: string) => `by ${agent}`,
  files: "Files to upload",
  filesHint: "Choose them, or drop them here. They are sent into the project's folder before its plan is made.",
  fileStates: { sent: "Sent", failed: "Not sent" },
  sending: (name: string) => `Sending ${name}`,
  removeFile: (name: string) => `Take ${name} away`,
  filesMissing: "The project was made, but not all of its files arrived; its plan is not made yet.",
  sendAgain: "Send them again",
  goOnWithout: "Go on without them",
  toProject: "To the project",
  settings: "How it is carried out",
  strategy: "Strategy",
  decisionMode: "Decisions",
  decisionModes: { agent: "A model first, then a person", human: "Always a person" },
  decisionHints: {
    agent:
      "Where a model is set up it is asked first; where none is, or it is not sure, the default is taken or a person decides.",
    human: "A person answers every decision, and says what is to be done about a failed task.",
  },
  autoPhases: "Phases start by themselves",
  autoPhasesHint: "Otherwise each phase after the first waits for an approval of its own.",
  autoPlan: "Approve the plan by itself",
  autoPlanHint: "The run starts as soon as a plan is made.",
  autoPlanWarning:
    "Nobody reads the plan before its commands run. Take this only for plans whose every command you know.",
  more: "More settings",
  path: "Folder",
  pathHint:
    "A folder on the server to work in, for instance a repository. Left empty, the project gets one of its own.",
  agent: "Agent",
  agentHint: "Who carries out tasks that name nobody.",
  defaultAgent: "The default agent",
  archetype: "Expert",
  archetypeHint: "Whose way of working a model takes on when it plans.",
  noArchetype: "None",
  maxTokens: "Most tokens",
  maxCost: "Most US dollars",
  budgetHint: "What models may spend on this project. Left empty, the server's limit counts.",
  createAndPlan: "Create and make the plan",
  createAndStart: "Create, plan and start",
  createOnly: "Create only",
  creating: "The project is being made…",
  finishing: "Files are being sent, and the plan is made…",
  noPlan: (why: string) => `The project was made, but no plan: ${why}`,
  made: (name: string) => `“${name}” was made.`,
};
