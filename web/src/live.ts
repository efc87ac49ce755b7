/** What happens as it happens, by server-sent events; the line is taken up again where it breaks. */

import type { DataSet, Happening, QueueState, Source } from "./shapes";

interface Told {
  event: Happening;
  queue: QueueState;
  source: Source;
  set: DataSet;
  reload: Record<string, never>;
}

type Hear<K extends keyof Told> = (value: Told[K]) => void;

const LONGEST_WAIT = 30_000;

/** A line to the server. */
export class Live {
  private readonly hearers = new Map<string, Set<(value: never) => void>>();
  private line: EventSource | null = null;
  private wait = 1000;
  private wasLost = false;

  /** `shown` is told whether the line stands. */
  constructor(private readonly shown: (stands: boolean) => void) {
    this.open();
    addEventListener("pagehide", () => this.line?.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  /** Hear of one kind of thing; gives what ends it. */
  on<K extends keyof Told>(kind: K, hear: Hear<K>): () => void {
    const hearers = this.hearers.get(kind) ?? new Set();
    this.hearers.set(kind, hearers.add(hear as (value: never) => void));
    return () => hearers.delete(hear as (value: never) => void);
  }

  private open(): void {
    this.line?.close();
    const line = new EventSource("/api/live");
    this.line = line;
    line.onopen = () => {
      this.wait = 1000;
      this.shown(true);
      if (this.wasLost) this.tell("reload", {});
      this.wasLost = false;
    };
    line.onerror = () => {
      this.shown(false);
      this.wasLost = true;
      if (line.readyState !== EventSource.CLOSED) return;
      setTimeout(() => this.line === line && this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    };
    for (const kind of ["event", "queue", "source", "set", "reload"] as const) {
      line.addEventListener(kind, (message) => this.tell(kind, JSON.parse((message as MessageEvent).data)));
    }
  }

  private tell(kind: string, value: unknown): void {
    for (const hear of this.hearers.get(kind) ?? []) hear(value as never);
  }
}

/** Does something a little later, once, however often it is asked. */
export function soon(act: () => void, milliseconds: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      act();
    }, milliseconds);
  };
}
