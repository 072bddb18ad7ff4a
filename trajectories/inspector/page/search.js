// Search within a trajectory: the model's text says which steps have a match, the page's ranges say where.

/** Ranges of a word in an element, over the borders of its spans. */
function rangesIn(element, word) {
  const ranges = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let block = null;
  let nodes = [];
  let whole = "";
  const flush = () => {
    const haystack = whole.toLowerCase();
    for (let at = haystack.indexOf(word); at >= 0; at = haystack.indexOf(word, at + word.length))
      ranges.push(rangeOf(nodes, at, at + word.length));
    nodes = [];
    whole = "";
  };
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const its = node.parentElement.closest("pre, p, summary, dd, dt, .does, .title, .line, button");
    if (its !== block) flush();
    block = its;
    nodes.push({ node, from: whole.length });
    whole += node.data;
  }
  flush();
  return ranges;
}

function rangeOf(nodes, from, to) {
  const at = (offset) => nodes.findLast((entry) => entry.from <= offset);
  const [first, last] = [at(from), at(to - 1)];
  const range = document.createRange();
  range.setStart(first.node, Math.min(from - first.from, first.node.length));
  range.setEnd(last.node, Math.min(to - last.from, last.node.length));
  return range;
}

const canHighlight = "highlights" in CSS;

class Search {
  /** `view` gives steps, card(place), reveal(place, open) and element. */
  constructor(view) {
    this.view = view;
    this.word = "";
    this.places = []; // of steps with a match
    this.place = -1;
    this.match = 0;
    this.input = h("input", {
      type: "search",
      placeholder: "Search these steps",
      "aria-label": "Search in this trajectory",
      spellcheck: "false",
      on: { input: () => this._look(), keydown: (event) => this._key(event) },
    });
    this.found = h("span", { class: "found", role: "status" });
    this.element = h(
      "div",
      { class: "search" },
      this.input,
      this.found,
      button("↑", () => this.next(-1), { "aria-label": "Previous match", title: "Previous match (N)" }),
      button("↓", () => this.next(1), { "aria-label": "Next match", title: "Next match (n)" }),
    );
  }

  close() {
    if (canHighlight) CSS.highlights.clear();
  }

  /** Go to the next match, or with -1 to the one before. */
  next(direction) {
    if (!this.places.length) return;
    const here = this._ranges(this.place);
    if (this.place >= 0 && here[this.match + direction]) this.match += direction;
    else {
      const current = this.place >= 0 ? this.place : this.view.current - 1;
      const after =
        direction > 0 ? this.places.find((place) => place > current) : this.places.findLast((place) => place < current);
      this.place = after ?? (direction > 0 ? this.places[0] : this.places.at(-1));
      this.view.reveal(this.place, true);
      this.match = direction > 0 ? 0 : Math.max(0, this._ranges(this.place).length - 1);
    }
    this._show();
    const range = this._ranges(this.place)[this.match];
    if (range) this.view.scrollTo(range.getBoundingClientRect());
  }

  /** Mark what is found in the cards that are on the page now; called whenever one was filled. */
  mark() {
    if (!canHighlight) return;
    CSS.highlights.clear();
    if (!this.word) return;
    const cards = this.view.filled().filter((place) => this.places.includes(place));
    CSS.highlights.set("found", new Highlight(...cards.flatMap((place) => this._ranges(place))));
    const here = this._ranges(this.place)[this.match];
    if (here) CSS.highlights.set("found-here", new Highlight(here));
  }

  _ranges(place) {
    const card = place >= 0 ? this.view.card(place) : null;
    return card && this.word ? rangesIn(card, this.word) : [];
  }

  _look() {
    this.word = this.input.value.toLowerCase();
    const { steps } = this.view;
    this.places =
      this.word.length > 1 ? [...steps.keys()].filter((place) => searchable(steps[place]).includes(this.word)) : [];
    if (this.word.length < 2) this.word = "";
    this.place = -1;
    this.match = 0;
    this._show();
  }

  _show() {
    const at = this.places.indexOf(this.place);
    const where = at >= 0 ? `${at + 1} of ${plural(this.places.length, "step")}` : plural(this.places.length, "step");
    this.found.textContent = this.word ? (this.places.length ? where : "nothing found") : "";
    this.view.foundIn(new Set(this.places));
    this.mark();
  }

  _key(event) {
    if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.input.blur();
    else return;
    event.preventDefault();
  }
}
