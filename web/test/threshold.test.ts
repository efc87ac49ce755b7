import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, number, tick, when } from "../src/format";
import type { Peak } from "../src/shapes";
import { counted, curve } from "../src/threshold";

const PEAKS: Peak[] = [9, 6, 6, 4, 3].map((level, k) => ["pump", k, level, null, null]);

test("a higher threshold lets alarms go, a lower one lets them come", () => {
  const same = counted(PEAKS, 10, 4, 4);
  assert.deepEqual([same.n, same.aDay, same.gone.length, same.come.length], [4, 0.4, 0, 0]);
  const higher = counted(PEAKS, 10, 6.5, 4);
  assert.deepEqual([higher.n, higher.gone.map((peak) => peak[2]), higher.come.length], [1, [6, 6, 4], 0]);
  const lower = counted(PEAKS, 10, 3, 4);
  assert.deepEqual([lower.n, lower.gone.length, lower.come.map((peak) => peak[2])], [5, 0, [3]]);
});

test("the line of alarms a day says at each level what is counted there", () => {
  for (const [level, aDay] of curve(PEAKS, 10).filter(([level], k, all) => all[k - 1]?.[0] !== level)) {
    assert.equal(aDay, counted(PEAKS, 10, level, null).aDay);
  }
});

test("numbers and times are written for people", () => {
  assert.deepEqual([number(1234567), number(0.000123456), number(null), number("x"), number(2.5)], ["1,234,567", "0.00012346", "–", "x", "2.5"]);
  assert.equal(when(1790000000), "2026-09-21 14:13:20 UTC");
  assert.deepEqual([ago(90, 100), ago(100, 100), ago(160, 100), ago(0, 200_000)], ["10 s ago", "just now", "in 1 min", "2 d ago"]);
  assert.deepEqual([tick(1790000000, 600), tick(1790035200, 7200), tick(1790000000, 86400), tick(1790000000.5, 0.5)], ["14:13", "09-22", "09-21", "14:13:20.50"]);
  assert.equal(when(1e20), "at no time");
});
