/** The theme: light, dark, or the same as the system. The choice is stored in this browser. */
export type Theme = "system" | "light" | "dark";

const KEY = "signoff.theme";
let chosen = $state<Theme>(stored());
apply(stored());

export const theme = {
  get value(): Theme {
    return chosen;
  },
};

export function setTheme(value: Theme): void {
  chosen = value;
  apply(value);
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // Without storage, the choice lasts until the page is closed.
  }
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

function apply(value: Theme): void {
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
