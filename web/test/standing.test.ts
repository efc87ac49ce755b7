import assert from "node:assert/strict";
import { test } from "node:test";

import { Standing } from "../src/standing";

const items = (...ids: string[]) => ids.map((id) => ({ id }));
const ids = (standing: Standing<{ id: string }>) => standing.items.map((item) => item.id).join("");

test("what is chosen stays chosen when the order changes", () => {
  const standing = new Standing<{ id: string }>(10);
  standing.take(items("a", "b", "c"), 0);
  standing.move(1);
  standing.take(items("c", "b", "a", "d"), 0);
  assert.equal(standing.current?.id, "b");
  assert.equal(standing.following?.id, "a");
  standing.take(items("x", "y"), 0);
  assert.equal(standing.current?.id, "x");
});

test("what is judged goes, and the next is chosen; at the end the last", () => {
  const standing = new Standing<{ id: string }>(10);
  standing.take(items("a", "b", "c"), 0);
  standing.move(1);
  assert.equal(standing.remove("b"), 1);
  assert.equal(standing.current?.id, "c");
  standing.remove("a");
  assert.equal(standing.current?.id, "c");
  standing.remove("c");
  assert.equal(standing.current, null);
});

test("what is put back stands where it stood", () => {
  const standing = new Standing<{ id: string }>(3);
  standing.take(items("a", "b", "c"), 0);
  standing.remove("a");
  standing.insert({ id: "a" }, 0);
  assert.equal(ids(standing), "abc");
  assert.equal(standing.current?.id, "b");
  standing.insert({ id: "d" }, 0);
  assert.equal(ids(standing), "dab");
});

test("further pages are joined without repeats, up to the bound", () => {
  const standing = new Standing<{ id: string }>(4);
  standing.take(items("a", "b"), 0);
  standing.take(items("b", "c", "d", "e"), 2);
  assert.equal(ids(standing), "abcd");
  assert.equal(standing.items.length, 4);
});

test("the newer of one that stands takes its place", () => {
  const standing = new Standing<{ id: string; n?: number }>(4);
  standing.take(items("a"), 0);
  assert.equal(standing.renew({ id: "a", n: 2 }), true);
  assert.equal(standing.items[0]?.n, 2);
  assert.equal(standing.renew({ id: "b" }), false);
});
