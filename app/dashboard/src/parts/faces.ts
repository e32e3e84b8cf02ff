/** The circles that stand for people: initials, and a color that stays the same wherever a person appears. */

/** Fills for white initials. All have a contrast of at least 4.5 to 1, in the light and in the dark theme. */
export const FILLS = [
  "#4338ca",
  "#92400e",
  "#166534",
  "#b91c1c",
  "#7e22ce",
  "#1d4ed8",
  "#0f766e",
  "#9d174d",
  "#515a68",
  "#3f6212",
] as const;

/** The fill for a person: from their id, because names change; from the name of those who have none. */
export function fillOf(seed: string): string {
  let hash = 0;
  for (const character of seed) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  return FILLS[hash % FILLS.length]!;
}

/** One or two letters: `Ada Lovelace` is AL, `dana@example.org` is D. */
export function initialsOf(name: string): string {
  const words = name
    .replace(/@.*/s, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  const first = (word: string | undefined) => [...(word ?? "")][0] ?? "";
  const letters = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "");
  return letters.toUpperCase() || "?";
}
