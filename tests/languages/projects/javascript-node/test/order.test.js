import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../lib/query.js";

test("two at once", () => {
  assert.deepEqual(parse("a=1&a=2"), { a: "2" });
});
