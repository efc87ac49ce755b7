/** What the API answers. Times are seconds since 1970 UTC. */

export type Severity = "critical" | "error" | "warning" | "info";
export type Verdict = "anomaly" | "normal" | "not_now" | "unsure";

export interface Happening {
  id: string;
  source: string;
  entity: string | null;
  kind: string;
  severity: Severity;
  opened: number;
  updated: number;
  ended: number | null;
  score: number | null;
  p_value: number | null;
  n_alarms: number;
  reason: string;
  state: "pending" | "firing" | "resolved";
  acknowledged_by: string | null;
  acknowledged_at: number | null;
  values: Record<string, unknown>;
  usual: Record<string, string>;
  verdict: Verdict | null;
  place: number;
  why_here: string;
  question: string | null;
  hidden: string | null;
}

export interface Label {
  place: number | null;
  verdict: Verdict;
  author: string;
  at: number;
  source: string;
  entity: string | null;
  starts: number | null;
  ends: number | null;
  row_key: string | null;
  reason: string;
}

export interface QueueState {
  n_left: number;
  n_hidden: number;
  n_judged: number;
  learner: string;
}

export interface QueuePage extends QueueState {
  items: Happening[];
  n_total: number;
}

export interface Labelled {
  label: Label;
  next: Happening | null;
  queue: QueueState;
}

export interface Undone {
  undone: Label | null;
  next: Happening | null;
  queue: QueueState;
}

export interface EventView {
  event: Happening;
  similar: { event: Happening; why: string }[];
  labels: Label[];
  near: { id: string; kind: string; opened: number; reason: string }[];
  series: { set_id: string; columns: string[]; from: number; to: number } | null;
}

export type Mark = [opened: number, ended: number | null, severity: Severity, id: string, kind: string];

export interface Lane {
  source: string;
  entity: string | null;
  n_events: number;
  worst: Severity;
  marks: Mark[];
}

export interface Source {
  name: string;
  seen_at: number | null;
  state: "running" | "silent" | "stopped";
  n_messages: number;
  rate: number;
  lag: number | null;
  n_entities: number;
  n_open: number;
  readiness: number;
  judge: string;
  asked: string;
  reached: string | null;
  n_refused: number;
  notes: string[];
}

export interface OverviewView {
  from: number;
  to: number;
  now: number;
  lanes: Lane[];
  counts: { open: number; today: number; by_severity: Partial<Record<Severity, number>>; entities: number; to_judge: number };
  sources: Source[];
}

export interface SourcesView {
  items: Source[];
  dead_letters: { at: number; source: string; reason: string; body: string; size_bytes: number }[];
}

export type Peak = [entity: string | null, time: number, level: number, id: string | null, verdict: Verdict | null];

export interface Detector {
  source: string;
  judge: string;
  asked: string;
  reached: string | null;
  /** Null where rows have no time; times of peaks are then numbers of rows. */
  days: number | null;
  set_id?: string | null;
  threshold: number | null;
  peaks: Peak[];
  n_rows: number;
}

export interface Silence {
  id: string;
  source: string;
  entity: string;
  kind: string;
  author: string;
  reason: string;
  starts: number | null;
  ends: number | null;
  created: number;
  n_hidden: number;
  active: boolean;
}

export interface Version {
  number: number;
  created: number;
  state: "champion" | "challenger" | "retired";
  note: string;
  digest: string;
}

export interface Model {
  name: string;
  versions: Version[];
  trial: {
    challenger: number;
    since: number;
    n_labels: number;
    champion_auc: number | null;
    challenger_auc: number | null;
    decision: string;
  } | null;
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created: number;
  expires: number | null;
  used_at: number | null;
}

export interface DataSet {
  id: string;
  name: string;
  kind: "table" | "series" | "network" | "live";
  state: "waiting" | "working" | "ready" | "failed";
  progress: number;
  message: string;
  created: number;
  n_rows: number;
  n_anomalies: number;
  columns: { name: string; kind: "number" | "category" | "time" | "text" }[];
  time_column: string | null;
  entities: string[];
  from: number | null;
  to: number | null;
  has_report: boolean;
  error: { what: string; where: string | null; mend: string | null } | null;
  /** Under which source its rows and spans are labelled. */
  label_source: string;
  notes: string[];
}

export interface Row {
  row: number;
  time: number | null;
  entity: string | null;
  score: number | null;
  p_value: number | null;
  is_anomaly: boolean;
  values: Record<string, unknown>;
  reason: string;
  verdict: Verdict | null;
}

export interface Blame {
  column: string;
  share: number | null;
  value: unknown;
  usual: string;
  histogram: { edges: number[]; counts: number[] } | null;
  box: { low: number; q1: number; median: number; q3: number; high: number } | null;
  common: [string, number][] | null;
}

export interface RowView extends Row {
  blame: Blame[];
  scatter: { x: string; y: string; points: [number | null, number | null, boolean][]; here: [number | null, number | null] } | null;
  nearest: { row: number; distance: number; values: Record<string, unknown> }[];
}
