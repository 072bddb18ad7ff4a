// The strip on top: a bar a step, as wide as it took long and as high as it cost tokens; a click goes there.

class Strip {
  /** `go(place)` is called with the place of a step in the trajectory. */
  constructor(trajectory, go) {
    this.trajectory = trajectory;
    this.current = 0;
    this.matches = new Set();
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.element = h(
      "div",
      {
        class: "strip",
        role: "slider",
        tabindex: 0,
        "aria-label": "Steps by time and tokens",
        "aria-valuemin": 0,
        title: "",
      },
      this.canvas,
      this.tip,
    );
    this.element.addEventListener("click", (event) => go(this._at(event)));
    this.element.addEventListener("pointermove", (event) => this._hover(event));
    this.element.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.element.addEventListener("keydown", (event) => {
      const to = {
        ArrowRight: this.current + 1,
        ArrowLeft: this.current - 1,
        Home: 0,
        End: trajectory.steps.length - 1,
        PageUp: this.current - 10,
        PageDown: this.current + 10,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      go(Math.max(0, Math.min(to, trajectory.steps.length - 1)));
    });
    this.draw = oncePerFrame(() => this._draw());
    this._resized = new ResizeObserver(() => this.redraw());
    this._resized.observe(this.element);
  }

  close() {
    this._resized.disconnect();
  }

  /** Paint all of it anew: other steps, matches, colours or another width. */
  redraw() {
    this.bars = null;
    this.draw();
  }

  select(place) {
    const step = this.trajectory.steps[place];
    this.current = place;
    this.element.setAttribute("aria-valuenow", String(step.number));
    this.element.setAttribute(
      "aria-valuetext",
      step.number ? `Step ${step.number}: ${plain(step.title).slice(0, 80)}` : "Start",
    );
    this.draw();
  }

  /** Left edges of the bars, in pixels, and the right edge of the last. A bar has some width however short its step. */
  _edges(width) {
    const steps = this.trajectory.steps.slice(1);
    const known = ["duration", "elapsed"].find((name) => steps.some((step) => step[name] > 0));
    const lasts = (step) => (known ? step[known] : 1);
    const total = steps.reduce((sum, step) => sum + lasts(step), 0);
    const least = Math.min(4, (width / Math.max(1, steps.length)) * 0.6);
    const free = Math.max(0, width - least * steps.length);
    const edges = [0];
    for (const step of steps) edges.push(edges.at(-1) + least + (free * lasts(step)) / total);
    return edges;
  }

  /** The bars are painted once; of every move, only the mark of where the reader is. */
  _draw() {
    const { canvas, element } = this;
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (!width) return;
    this.bars ??= this._paint(width, height);
    Object.assign(canvas, { width: this.bars.width, height: this.bars.height });
    const draw = canvas.getContext("2d");
    const scale = canvas.width / width;
    if (this.current) {
      const [left, right] = this.edges.slice(this.current - 1, this.current + 1);
      draw.fillStyle = this.bars.here;
      draw.fillRect((left - 1) * scale, 0, Math.max(3, right - left + 1) * scale, canvas.height);
    }
    draw.drawImage(this.bars, 0, 0);
  }

  _paint(width, height) {
    const scale = window.devicePixelRatio || 1;
    const bars = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
    const draw = bars.getContext("2d");
    draw.scale(scale, scale);
    const colours = this._colours();
    bars.here = colours.here;
    const edges = (this.edges = this._edges(width));
    const steps = this.trajectory.steps.slice(1);
    const most = Math.max(...steps.map(({ tokens }) => tokens.cached + tokens.prompt + tokens.completion), 0);
    this.element.setAttribute("aria-valuemax", String(this.trajectory.last.number));
    steps.forEach((step, place) => {
      const left = edges[place];
      const gap = edges[place + 1] - left > 3 ? 1 : 0;
      const wide = Math.max(0.5, edges[place + 1] - left - gap);
      let bottom = height - 5;
      for (const part of ["cached", "prompt", "completion"]) {
        // Where no step says its tokens, all are as high.
        const share = most ? step.tokens[part] / most : part === "cached" ? 0.4 : 0;
        const high = (height - 8) * share;
        draw.fillStyle = colours[part];
        draw.fillRect(left, bottom - high, wide, high);
        bottom -= high;
      }
      const mark = this.matches.has(place + 1) ? "found" : step.mark || (step.patch !== null ? "patch" : "");
      if (!mark) return;
      draw.fillStyle = colours[mark];
      draw.fillRect(left, height - 4, Math.max(1.5, wide), 4);
    });
    return bars;
  }

  /** The colours of the theme; a style's functions are resolved only on a real property. */
  _colours() {
    const probe = h("span", { hidden: true });
    this.element.append(probe);
    const names = {
      cached: "bar-cached",
      prompt: "bar-prompt",
      completion: "bar-completion",
      here: "bar-here",
      failed: "bad",
      refused: "warn",
      corrected: "warn",
      patch: "good",
      found: "found",
    };
    const read = Object.entries(names).map(([name, property]) => {
      probe.style.color = `var(--${property})`;
      return [name, getComputedStyle(probe).color];
    });
    probe.remove();
    return Object.fromEntries(read);
  }

  _at(event) {
    const x = event.clientX - this.element.getBoundingClientRect().left;
    const place = (this.edges ?? [0]).findIndex((edge) => edge > x);
    return place < 0 ? this.trajectory.steps.length - 1 : Math.max(1, place);
  }

  _hover(event) {
    const step = this.trajectory.steps[this._at(event)];
    if (!step?.number) return;
    const tokens = step.tokens;
    this.tip.replaceChildren(
      h("b", {}, `${step.number} `),
      plain(step.title).slice(0, 70),
      h("br"),
      `${seconds(step.duration)} · ${count(tokens.cached + tokens.prompt)} tokens read${tokens.cached ? ` (${count(tokens.cached)} cached)` : ""} · ${count(tokens.completion)} written`,
    );
    this.tip.hidden = false;
    const box = this.element.getBoundingClientRect();
    const left = Math.min(
      Math.max(0, event.clientX - box.left - this.tip.offsetWidth / 2),
      box.width - this.tip.offsetWidth,
    );
    this.tip.style.left = `${left}px`;
  }
}
