/** The built-in templates: documents of the folder `gallery`, which run without changes. */
export interface Example {
  id: string;
  name: string;
  about: string;
  description: string;
}

const documents = import.meta.glob<string>("./gallery/*.md", { query: "?raw", import: "default", eager: true });

export const examples: Example[] = Object.entries(documents)
  .map(([path, description]) => ({
    id: path.slice("./gallery/".length, -".md".length),
    name: /^# (.+)$/m.exec(description)?.[1] ?? "",
    // The paragraph below the title.
    about: /^# .+\n\n(.+)$/m.exec(description)?.[1] ?? "",
    description,
  }))
  .sort((one, other) => one.name.localeCompare(other.name));
