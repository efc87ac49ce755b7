import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../src/viewport";

/** An answer as the server writes it: two columns, the second without a value at its last place. */
function made(flags: number, n: number, from: number, step: number): ArrayBuffer {
  const bytes = new DataView(new ArrayBuffer(4096));
  let at = 0;
  const u32 = (value: number) => bytes.setUint32((at += 4) - 4, value, true);
  const f64 = (value: number) => bytes.setFloat64((at += 8) - 8, value, true);
  const f32 = (value: number) => bytes.setFloat32((at += 4) - 4, value, true);
  bytes.setUint32(0, 0x414d5631, false);
  at = 4;
  [2, n, flags].forEach(u32);
  [from, from + n * (step || 1), step].forEach(f64);
  if (flags & 1) for (let k = 0; k < n; k++) f64(from + k);
  const series = (flags & 1 ? 1 : 4) + (flags & 2 ? 2 : 0);
  for (let column = 0; column < 2; column++) {
    f64(1000 * column);
    for (let part = 0; part < series; part++) for (let k = 0; k < n; k++) f32(column && k === n - 1 ? NaN : 10 * part + k);
  }
  for (let k = 0; k < n; k++) f32(k / 2);
  for (let k = 0; k < n; k++) u32(k === 1 ? 3 : 0);
  return bytes.buffer.slice(0, at);
}

test("raw points keep their times, values and gaps, whatever their number", () => {
  for (const n of [1, 3, 4]) {
    const view = decode(made(1, n, 1.7e9, 0));
    assert.equal(view.raw, true);
    assert.deepEqual([...view.times], Array.from({ length: n }, (_, k) => 1.7e9 + k));
    assert.deepEqual([...view.columns[0]!.line], Array.from({ length: n }, (_, k) => k));
    assert.ok(Number.isNaN(view.columns[1]!.line[n - 1]));
    assert.equal(view.columns[0]!.low, null);
  }
});

test("a bucket becomes its first, least, highest and last value in their order", () => {
  const view = decode(made(0, 3, 100, 8));
  assert.equal(view.times.length, 12);
  assert.deepEqual([...view.times.slice(0, 5)], [101, 103, 105, 107, 109]);
  // The parts come as least, highest, first, last: 0, 10, 20, 30.
  assert.deepEqual([...view.columns[0]!.line.slice(4, 8)], [21, 1, 11, 31]);
  assert.deepEqual([...view.columns[1]!.line.slice(0, 4)], [1020, 1000, 1010, 1030]);
  assert.deepEqual([...view.marks], [104, 112, 120]);
  assert.deepEqual([...view.anomalies], [0, 3, 0]);
  assert.deepEqual([...view.scores], [0, 0.5, 1]);
});

test("the band stands beside each value", () => {
  const view = decode(made(2, 3, 0, 1));
  assert.deepEqual([...view.columns[0]!.low!.slice(3, 6)], [40, 41, 41]);
  assert.deepEqual([...view.columns[0]!.high!.slice(3, 6)], [50, 51, 51]);
  assert.equal(decode(made(3, 3, 0, 0)).columns[0]!.high!.length, 3);
});

test("what is no viewport, or ends too early, is refused", () => {
  assert.throws(() => decode(new ArrayBuffer(100)), RangeError);
  const whole = made(1, 4, 0, 0);
  for (const length of [39, 60, whole.byteLength - 1]) assert.throws(() => decode(whole.slice(0, length)), RangeError);
});
