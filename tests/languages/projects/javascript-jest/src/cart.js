"use strict";

/** What is in a shopping cart, by name, with prices in cents. */
class Cart {
  constructor() {
    this.lines = new Map();
  }

  add(name, price, count = 1) {
    if (count < 1) {
      throw new RangeError(`cannot add ${count} of ${name}`);
    }
    this.lines.set(name, { price, count });
  }

  total() {
    let sum = 0;
    for (const { price, count } of this.lines.values()) {
      sum += price * count;
    }
    return sum;
  }
}

module.exports = { Cart };
