/** Numbers and times as people read them. */

const two = (n: number) => String(n).padStart(2, "0");

/** "2026-11-22 14:05:09 UTC". */
export function when(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "at no time";
  return date.toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

/** "14:05:09" of today, "11-22 14:05" of another day, by UTC. */
export function shortly(seconds: number, now = Date.now() / 1000): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "at no time";
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  if (Math.floor(seconds / 86400) === Math.floor(now / 86400)) return `${time}:${two(date.getUTCSeconds())}`;
  return `${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${time}`;
}

/** A tick of an axis whose ticks are so many seconds apart: a day, or a time of the day; midnight is the day. */
export function tick(seconds: number, apart: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  if (apart >= 20 * 86400) return iso.slice(0, 7);
  if (seconds % 86400 === 0 || apart >= 86400) return iso.slice(5, 10);
  return apart < 60 ? iso.slice(11, apart < 1 ? 22 : 19) : iso.slice(11, 16);
}

/** "3 min"; of a length of time. */
export function lasting(seconds: number): string {
  if (seconds >= 86400) return `${Math.round(seconds / 86400)} d`;
  if (seconds >= 3600) return `${Math.round(seconds / 3600)} h`;
  if (seconds >= 60) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds)} s`;
}

/** "3 min ago", "in 2 h", "just now". */
export function ago(seconds: number | null | undefined, now = Date.now() / 1000): string {
  if (seconds === null || seconds === undefined) return "never";
  const gone = now - seconds;
  if (gone < 0) return `in ${lasting(-gone)}`;
  return gone < 5 ? "just now" : `${lasting(gone)} ago`;
}

/** Five digits of a number; whole numbers with their thousands; other things as text. */
export function number(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return typeof value === "object" ? JSON.stringify(value) : String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  return String(Number(value.toPrecision(5)));
}

/** "1 event", "2 events". */
export function count(n: number, word: string): string {
  return `${number(n)} ${word}${n === 1 ? "" : "s"}`;
}
