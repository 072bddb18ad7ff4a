// The patch as it grew: a slider over its states, and the one that belongs to the step in view.

class PatchPanel {
  /** `go(number)` goes to a step. */
  constructor(trajectory, go) {
    this.trajectory = trajectory;
    this.place = -1;
    this.follows = true;
    this._go = go;
    this.range = h("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "State of the patch",
      on: { input: () => this.show(Number(this.range.value), true) },
    });
    this.where = h("div", { class: "where" });
    this.content = h("div", { class: "files" });
    this.element = h(
      "aside",
      { class: "panel", id: "patch", "aria-label": "The patch as it grew" },
      h("div", { class: "panel-head" }, h("h2", { class: "label" }, "Patch"), this.where, this.range),
      this.content,
    );
    this.show(-1);
  }

  /** Show the patch as it was at a step, unless the reader moved the slider by hand. */
  follow(number) {
    if (this.follows) this.show(this.trajectory.patchAt(number));
  }

  /** A step as a reader calls it: in the course of a strategy it is a part, such as a trial. */
  _named(number) {
    if (!number) return "the start";
    return `${this.trajectory.isCourse ? "part" : "step"} ${number}`;
  }

  /** Show a state; -1 for the one before the first change. By hand, the panel stays there until it is told to follow. */
  show(place, byHand = false) {
    const { patches } = this.trajectory;
    if (byHand) this.follows = false;
    this.range.max = String(Math.max(0, patches.length - 1));
    this.range.hidden = patches.length < 2;
    this.element.parentElement?.classList.toggle("no-patch", !patches.length);
    if (place === this.place && patches.length === this._seen && !byHand) return;
    const changed = place !== this.place || patches.length !== this._seen;
    this.place = place;
    this._seen = patches.length;
    const state = patches[place];
    this.range.value = String(Math.max(0, place));
    this.range.setAttribute("aria-valuetext", state ? `after ${this._named(state.step)}` : "no patch yet");
    this.where.replaceChildren(...this._where(state, place));
    if (!changed) return;
    const nodes = state ? diffNodes(state.files, place > 0 ? patches[place - 1].files : null) : [this._none()];
    this.content.replaceChildren(
      ...(nodes.length ? nodes : [h("p", { class: "empty" }, "The patch is empty here: what was done was undone.")]),
    );
  }

  _none() {
    const { patches } = this.trajectory;
    const first = patches.length
      ? button("", () => this._go(patches[0].step), { class: "as-link" }, this._named(patches[0].step))
      : "the end";
    return h("p", { class: "empty" }, "No patch is recorded before ", first, ".");
  }

  _where(state, place) {
    if (!state) return [];
    const follow = button("Follow the steps", () => ((this.follows = true), this.onfollow?.()), { class: "as-link" });
    return [
      h(
        "span",
        {},
        `${place + 1} of ${this.trajectory.patches.length}, after `,
        button("", () => this._go(state.step), { class: "as-link" }, this._named(state.step)),
      ),
      " ",
      sizeNodes(diffSize(state.files)) ?? "",
      this.follows ? "" : follow,
    ];
  }
}
