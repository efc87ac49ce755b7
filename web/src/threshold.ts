/** What another threshold would have said. */

import type { Peak } from "./shapes";

export interface Counted {
  n: number;
  aDay: number;
  /** Alarms that would not be, or would be besides, at another threshold than the one that decided. */
  gone: Peak[];
  come: Peak[];
}

/** Count the peaks at or above a level. */
export function counted(peaks: Peak[], days: number, level: number, decided: number | null): Counted {
  const now = decided ?? Infinity;
  const above = peaks.filter((peak) => peak[2] >= level);
  return {
    n: above.length,
    aDay: above.length / Math.max(days, 1e-9),
    gone: peaks.filter((peak) => peak[2] >= now && peak[2] < level),
    come: above.filter((peak) => peak[2] < now),
  };
}

/** Points of the falling line of alarms a day against the level, one for each step of it. */
export function curve(peaks: Peak[], days: number): [level: number, aDay: number][] {
  const levels = peaks.map((peak) => peak[2]).sort((a, b) => a - b);
  return levels.map((level, k) => [level, (levels.length - k) / Math.max(days, 1e-9)]);
}
