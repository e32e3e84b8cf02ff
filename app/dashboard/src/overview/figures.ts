/** Sums and texts of the overview's figures. */
import type { Schemas } from "../api/client";

type Figures = Pick<
  Schemas["WeekFigures"],
  "completed" | "failed" | "cancelled" | "tokens" | "cost_usd" | "unpriced_calls"
>;

const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** The figures of all weeks together; the rate is null if no run was completed or failed. */
export function sumOf(weeks: Figures[]): Figures & { rate: number | null } {
  const sum = (of: (week: Figures) => number) => weeks.reduce((total, week) => total + of(week), 0);
  const [completed, failed] = [sum((week) => week.completed), sum((week) => week.failed)];
  return {
    completed,
    failed,
    cancelled: sum((week) => week.cancelled),
    tokens: sum((week) => week.tokens),
    cost_usd: sum((week) => week.cost_usd),
    unpriced_calls: sum((week) => week.unpriced_calls),
    rate: completed + failed ? completed / (completed + failed) : null,
  };
}

/** How many runs have ended. */
export function totalOf({ completed, failed, cancelled }: Pick<Figures, "completed" | "failed" | "cancelled">): number {
  return completed + failed + cancelled;
}

/** A date such as `2026-11-23` as `23 Nov`. */
export function dayOf(date: string): string {
  return dayFormat.format(new Date(`${date}T00:00:00Z`));
}

/** Whether there is nothing to show: nothing runs or waits, and nothing has ended. */
export function isEmpty(overview: Schemas["Overview"]): boolean {
  return (
    !overview.running.length &&
    !overview.waiting.length &&
    !overview.templates.length &&
    !overview.slowest.length &&
    overview.weeks.every((week) => !totalOf(week) && !week.tokens)
  );
}
