import { describe, expect, it } from "vitest";
import { type Interval, merge } from "../src/intervals";

const of = (start: number, end: number): Interval => ({ start, end });

describe("merge", () => {
  it("has nothing to do", () => {
    expect(merge([])).toEqual([]);
  });

  it("joins what touches", () => {
    expect(merge([of(3, 5), of(1, 3)])).toEqual([of(1, 5)]);
  });

  it("leaves gaps", () => {
    expect(merge([of(1, 2), of(4, 5)])).toEqual([of(1, 2), of(4, 5)]);
  });

  it("keeps what encloses", () => {
    expect(merge([of(1, 9), of(2, 3)])).toEqual([of(1, 9)]);
  });

  it.todo("takes open ends");
});
