// One trajectory: its steps as cards, of which only those near the view have content.

const NEAR = "900px 0px"; // how far outside the view cards have content

class TrajectoryView {
  constructor(attempt, source, family) {
    Object.assign(this, { attempt, source, family });
    this.trajectory = new Trajectory();
    this.read = 0;
    this.current = 0;
    this.list = h("ol", { class: "steps", "aria-label": "Steps" });
    this.strip = new Strip(this.trajectory, (place) => this.go(place));
    this.search = new Search(this);
    this.patch = new PatchPanel(this.trajectory, (number) => this.go(this.trajectory.indexOf(number)));
    this.patch.onfollow = () => this.patch.follow(this.steps[this.current].number);
    this.where = h("span", { class: "where-now" });
    this.heading = h("div", { class: "about" });
    this.tree = h("div");
    this.toggle = button("Patch", () => this.showPatch(null), {
      class: "patch-toggle",
      "aria-expanded": "false",
      "aria-controls": "patch",
    });
    this.bar = h(
      "div",
      { class: "bar" },
      this.strip.element,
      h(
        "div",
        { class: "bar-tools" },
        this.where,
        this.search.element,
        button("Fold all", () => this.foldAll(), { class: "fold-all" }),
        this.toggle,
      ),
    );
    this.element = h(
      "div",
      { class: "trajectory" },
      this.heading,
      this.tree,
      this.bar,
      h("div", { class: "columns" }, this.list, this.patch.element),
    );
    this._near = new IntersectionObserver((entries) => this._moved(entries), { rootMargin: NEAR });
    this._scrolled = oncePerFrame(() => this._follow());
    addEventListener("scroll", this._scrolled, { passive: true });
    this.update(attempt, family);
  }

  get steps() {
    return this.trajectory.steps;
  }

  close() {
    removeEventListener("scroll", this._scrolled);
    clearTimeout(this._writing);
    this._near.disconnect();
    this.strip.close();
    this.search.close();
  }

  /** What the list knows of the attempt now. */
  update(attempt, family) {
    Object.assign(this, { attempt, family });
    this.heading.replaceChildren(...aboutNodes(attempt));
    const relatives = familyOf(attempt, family);
    this.tree.replaceChildren(
      relatives
        ? h(
            "details",
            { class: "relatives", open: relatives.length < 6 },
            h("summary", {}, `Forks: ${plural(relatives.length, "attempt")} share steps`),
            forkChart(relatives, attempt),
          )
        : "",
    );
  }

  /** Read the events that are not read yet; tells whether there were any. */
  async load() {
    const changed = new Set();
    for await (const { events, next, anew } of this.source.events(this.attempt, this.read)) {
      if (anew) return "anew";
      for (const event of events) changed.add(this.trajectory.add(event));
      this.read = next;
    }
    if (!changed.size) return "";
    changed.delete(null);
    this._addCards();
    for (const step of changed) this.redraw(this.steps.indexOf(step));
    this.strip.redraw();
    this.patch.follow(this.steps[this.current].number);
    return "more";
  }

  _addCards() {
    const cards = [];
    for (let place = this.list.childElementCount; place < this.steps.length; place++) {
      const step = this.steps[place];
      const card = h("li", { class: "card", data: { place } });
      card.style.minHeight = `${estimate(step)}px`;
      cards.push(card);
    }
    this.list.append(...cards);
    cards.forEach((card) => this._near.observe(card));
  }

  // --- Cards that come and go -----------------------------------------------------------------------------------

  card(place) {
    return this.list.children[place];
  }

  /** Places of the cards that have content. */
  filled() {
    return [...this.list.querySelectorAll(":scope > .card.filled")].map((card) => Number(card.dataset.place));
  }

  fill(place) {
    const card = this.card(place);
    if (!card || card.classList.contains("filled")) return;
    card.append(
      h(
        "article",
        { "aria-label": place ? `Step ${this.steps[place].number}` : "Start", tabindex: -1 },
        stepContent(this.steps[place], this),
      ),
    );
    card.classList.add("filled");
    card.style.minHeight = "";
  }

  redraw(place) {
    const card = this.card(place);
    if (!card?.classList.contains("filled")) return;
    const focused = card.contains(document.activeElement);
    card.firstElementChild.replaceChildren(...stepContent(this.steps[place], this));
    if (focused) card.firstElementChild.focus({ preventScroll: true });
    this.search.mark();
  }

  _moved(entries) {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const place = Number(target.dataset.place);
      if (isIntersecting) this.fill(place);
      else if (target.classList.contains("filled") && !target.contains(document.activeElement)) {
        target.style.minHeight = `${boundingClientRect.height}px`;
        target.classList.remove("filled");
        target.replaceChildren();
      }
    }
    this.search.mark();
  }

  // --- Where the reader is --------------------------------------------------------------------------------------

  /** Go to the card at a place. */
  go(place, { focus = true } = {}) {
    const to = Math.max(0, Math.min(place, this.steps.length - 1));
    for (let near = to - 1; near <= to + 3; near++) this.fill(near);
    const card = this.card(to);
    if (!card) return;
    card.scrollIntoView({ block: "start", behavior: "instant" });
    if (focus) card.firstElementChild.focus({ preventScroll: true });
    this._select(to);
    this._held = to; // scrolling to it is no choice of another step
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (this._held === to) card.scrollIntoView({ block: "start", behavior: "instant" });
      }),
    );
  }

  /** Make a step's card and all of it visible, for a match in it. */
  reveal(place) {
    const step = this.steps[place];
    step.folded = false;
    step.items.forEach((item, at) =>
      ["observation", "command", "thought", "message", "text", "reasoning", "other", "asked", "told", "passed"].forEach((part) =>
        step.opened.add(`${part}-${at}`),
      ),
    );
    for (const item of step.items)
      if (item.kind === "call")
        for (const name of Object.keys(table(item.action?.call?.arguments)))
          step.opened.add(`argument-${step.items.indexOf(item)}-${name}`);
    step.opened.add("facts");
    this.go(place, { focus: false });
    this.redraw(place);
  }

  scrollTo(box) {
    this._held = null;
    const middle = innerHeight * 0.45;
    if (box.top < this._top() || box.bottom > innerHeight - 20)
      scrollBy({ top: box.top - middle, behavior: "instant" });
  }

  _top() {
    return this.bar.getBoundingClientRect().bottom;
  }

  _follow() {
    const top = this._top() + 40;
    if (this._held !== null && this._held !== undefined) {
      const box = this.card(this._held)?.getBoundingClientRect();
      if (box && box.top < innerHeight && box.bottom > top - 40) {
        // Near the end of the page a step may be chosen that cannot be scrolled to the top.
        if (Math.abs(box.top - top) < 80 || innerHeight + scrollY >= document.documentElement.scrollHeight - 2) return;
      }
      this._held = null;
    }
    let [low, high] = [0, this.steps.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.card(middle).getBoundingClientRect().top <= top) low = middle;
      else high = middle - 1;
    }
    if (low !== this.current) this._select(low);
  }

  _select(place) {
    this.card(this.current)?.classList.remove("current");
    this.current = place;
    this.card(place)?.classList.add("current");
    const { number } = this.steps[place];
    this.strip.select(place);
    this.patch.follow(number);
    this.where.textContent = number
      ? `${this.trajectory.isCourse ? "Part" : "Step"} ${number} of ${this.trajectory.last.number}`
      : "Start";
    clearTimeout(this._writing);
    this._writing = setTimeout(() => this._write(number), 150);
  }

  /** Say in the address which step is shown, unless the reader has asked for another place meanwhile. */
  _write(number) {
    const { id } = this.attempt;
    if (place().t === id) history.replaceState(null, "", placeHash({ t: id, s: number || undefined }));
  }

  // --- What a reader can do -------------------------------------------------------------------------------------

  fold(step) {
    step.folded = !step.folded;
    this.redraw(this.steps.indexOf(step));
  }

  foldAll() {
    const folded = !this.steps.every((step) => step.folded || step.number === 0);
    for (const [place, step] of this.steps.entries()) {
      if (step.number === 0) continue;
      step.folded = folded;
      const card = this.card(place);
      if (!card.classList.contains("filled")) card.style.minHeight = `${estimate(step)}px`;
      else this.redraw(place);
    }
    this.bar.querySelector(".fold-all").textContent = folded ? "Unfold all" : "Fold all";
    this.go(this.current);
  }

  foundIn(places) {
    this.strip.matches = places;
    this.strip.redraw();
  }

  /** Show a state of the patch; null opens or closes the panel where it is not beside the steps. */
  showPatch(place) {
    const open = place !== null || !this.element.classList.contains("patch-open");
    this.element.classList.toggle("patch-open", open);
    this.toggle.setAttribute("aria-expanded", String(open));
    if (place !== null) this.patch.show(place, true);
  }

  nested(attempt) {
    return nestedSteps(attempt, this);
  }

  /** What the keys do here; tells whether it was one of ours. */
  key(event) {
    const moves = { j: this.current + 1, k: this.current - 1, g: 0, G: this.steps.length - 1 };
    if (event.key in moves) this.go(moves[event.key]);
    else if (event.key === "/") this.search.input.focus();
    else if (event.key === "n") this.search.next(1);
    else if (event.key === "N") this.search.next(-1);
    else if (event.key === "o") this.fold(this.steps[this.current]);
    else if (event.key === "O") this.foldAll();
    else if (event.key === "p") this.showPatch(null);
    else if (event.key === "u") location.hash = this.attempt.part_of ? placeHash({ t: this.attempt.part_of }) : "";
    else return false;
    return true;
  }
}
