/** The binary answer of a view: buckets or raw points of some columns, little-endian. */

export interface Column {
  /** Values of a line: one for each entry of `times`; NaN is missing. */
  line: Float64Array;
  low: Float64Array | null;
  high: Float64Array | null;
}

export interface Viewport {
  raw: boolean;
  from: number;
  to: number;
  step: number;
  /** Raw: of each point; buckets: four of each, for its first, least, highest and last value. */
  times: Float64Array;
  columns: Column[];
  /** Of each point or bucket: its time, its highest score, how many anomalies it has. */
  marks: Float64Array;
  scores: Float32Array;
  anomalies: Uint32Array;
}

const HEAD_BYTES = 40;
const IS_RAW = 1;
const HAS_BAND = 2;
const PARTS = 4;
/** Of a bucket, where its first, least, highest and last value lie in the answer. */
const ORDER = [2, 0, 1, 3];

/** Read an answer. Throws a RangeError where it is none or ends too early. */
export function decode(buffer: ArrayBuffer): Viewport {
  const view = new DataView(buffer);
  if (view.getUint32(0, false) !== 0x414d5631) throw new RangeError("this is no viewport");
  const nColumns = view.getUint32(4, true);
  const n = view.getUint32(8, true);
  const flags = view.getUint32(12, true);
  const raw = (flags & IS_RAW) !== 0;
  const from = view.getFloat64(16, true);
  const step = view.getFloat64(32, true);
  let at = HEAD_BYTES;
  const floats = (): Float32Array => {
    const part = new Float32Array(buffer.slice(at, at + 4 * n));
    if (part.length < n) throw new RangeError("the viewport ends too early");
    at += 4 * n;
    return part;
  };
  const marks = new Float64Array(n);
  for (let k = 0; k < n; k++) marks[k] = raw ? view.getFloat64(at + 8 * k, true) : from + (k + 0.5) * step;
  if (raw) at += 8 * n;
  const columns: Column[] = [];
  for (let c = 0; c < nColumns; c++) {
    const base = view.getFloat64(at, true);
    at += 8;
    const parts = raw ? [floats()] : [floats(), floats(), floats(), floats()];
    const line = raw ? lifted(parts[0]!, base, 1) : woven(parts, base);
    const repeat = raw ? 1 : PARTS;
    const banded = (flags & HAS_BAND) !== 0;
    const low = banded ? lifted(floats(), base, repeat) : null;
    const high = banded ? lifted(floats(), base, repeat) : null;
    columns.push({ line, low, high });
  }
  const scores = floats();
  const anomalies = new Uint32Array(buffer.slice(at, at + 4 * n));
  if (anomalies.length < n) throw new RangeError("the viewport ends too early");
  return { raw, from, to: view.getFloat64(24, true), step, times: raw ? marks : within(from, step, n), columns, marks, scores, anomalies };
}

/** Four times within each bucket. */
function within(from: number, step: number, n: number): Float64Array {
  const times = new Float64Array(PARTS * n);
  for (let k = 0; k < times.length; k++) times[k] = from + ((k + 0.5) / PARTS) * step;
  return times;
}

function woven(parts: Float32Array[], base: number): Float64Array {
  const n = parts[0]!.length;
  const line = new Float64Array(PARTS * n);
  for (let p = 0; p < PARTS; p++) {
    const part = parts[ORDER[p]!]!;
    for (let k = 0; k < n; k++) line[PARTS * k + p] = base + part[k]!;
  }
  return line;
}

function lifted(part: Float32Array, base: number, repeat: number): Float64Array {
  const values = new Float64Array(part.length * repeat);
  for (let k = 0; k < values.length; k++) values[k] = base + part[Math.floor(k / repeat)]!;
  return values;
}
