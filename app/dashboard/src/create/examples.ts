/** The built-in templates: documents that the server has as well, which run without changes. */
export interface Example {
  id: string;
  name: string;
  about: string;
  description: string;
}

const documents = import.meta.glob<string>("../../../planning/templates/*.md", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const examples: Example[] = Object.entries(documents)
  .map(([path, description]) => ({
    id: path.slice(path.lastIndexOf("/") + 1, -".md".length),
    name: /^# (.+)$/m.exec(description)?.[1] ?? "",
    // The paragraph below the title.
    about: /^# .+\n\n(.+)$/m.exec(description)?.[1] ?? "",
    description,
  }))
  .sort((one, other) => one.name.localeCompare(other.name));
