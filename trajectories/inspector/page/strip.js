// The strip on top: a bar a step, as wide as it took long and as high as it cost tokens; a click goes there.

class Strip {
  /** `go(place)` is called with the place of a step in the trajectory. */
  constructor(trajectory, go) {
    this.trajectory = trajectory;
    this.current = 0;
    this.matches = new Set();
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.element = h("div", { class: "strip", role: "slider", tabindex: 0, "aria-label": "Steps by time and tokens", "aria-valuemin": 0, title: "" }, this.canvas, this.tip);
    this.element.addEventListener("click", (event) => go(this._at(event)));
    this.element.addEventListener("pointermove", (event) => this._hover(event));
    this.element.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.element.addEventListener("keydown", (event) => {
      const to = { ArrowRight: this.current + 1, ArrowLeft: this.current - 1, Home: 0, End: trajectory.steps.length - 1, PageUp: this.current - 10, PageDown: this.current + 10 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      go(Math.max(0, Math.min(to, trajectory.steps.length - 1)));
    });
    this.draw = oncePerFrame(() => this._draw());
    this._resized = new ResizeObserver(this.draw);
    this._resized.observe(this.element);
  }

  close() {
    this._resized.disconnect();
  }

  select(place) {
    const step = this.trajectory.steps[place];
    this.current = place;
    this.element.setAttribute("aria-valuenow", String(step.number));
    this.element.setAttribute("aria-valuetext", step.number ? `Step ${step.number}: ${plain(step.title).slice(0, 80)}` : "Start");
    this.draw();
  }

  /** Left edges of the bars, in pixels, and the right edge of the last. A bar has some width however short its step. */
  _edges(width) {
    const steps = this.trajectory.steps.slice(1);
    const least = Math.min(4, (width / Math.max(1, steps.length)) * 0.6);
    const total = steps.reduce((sum, step) => sum + step.duration, 0) || 1;
    const free = Math.max(0, width - least * steps.length);
    const edges = [0];
    for (const step of steps) edges.push(edges.at(-1) + least + (free * step.duration) / total);
    return edges;
  }

  _draw() {
    const { canvas, element, trajectory } = this;
    const [width, height] = [element.clientWidth, element.clientHeight];
    const scale = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const draw = canvas.getContext("2d");
    draw.scale(scale, scale);
    const colours = this._colours();
    const edges = (this.edges = this._edges(width));
    const steps = trajectory.steps.slice(1);
    const room = height - 8;
    const most = Math.max(1, ...steps.map((step) => step.tokens.cached + step.tokens.prompt + step.tokens.completion));
    element.setAttribute("aria-valuemax", String(trajectory.last.number));
    steps.forEach((step, place) => {
      const left = edges[place];
      const gap = edges[place + 1] - left > 3 ? 1 : 0;
      const wide = Math.max(0.5, edges[place + 1] - left - gap);
      let bottom = height - 5;
      const bar = (share, colour) => {
        const high = (room * share) / most;
        draw.fillStyle = colour;
        draw.fillRect(left, bottom - high, wide, high);
        bottom -= high;
      };
      if (place + 1 === this.current) {
        draw.fillStyle = colours.here;
        draw.fillRect(left - 1, 0, Math.max(3, wide + 2), height);
      }
      bar(step.tokens.cached, colours.cached);
      bar(step.tokens.prompt, colours.prompt);
      bar(step.tokens.completion, colours.completion);
      const mark = this.matches.has(place + 1) ? "found" : step.mark || (step.patch !== null ? "patch" : "");
      if (mark) {
        draw.fillStyle = colours[mark];
        draw.fillRect(left, height - 4, Math.max(1.5, wide), 4);
      }
    });
  }

  /** The colours of the theme; a style's functions are resolved only on a real property. */
  _colours() {
    const probe = h("span", { hidden: true });
    this.element.append(probe);
    const names = { cached: "bar-cached", prompt: "bar-prompt", completion: "bar-completion", here: "bar-here", failed: "bad", refused: "warn", corrected: "warn", patch: "good", found: "found" };
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
    this.tip.replaceChildren(h("b", {}, `${step.number} `), plain(step.title).slice(0, 70), h("br"), `${seconds(step.duration)} · ${count(tokens.cached + tokens.prompt)} tokens read${tokens.cached ? ` (${count(tokens.cached)} cached)` : ""} · ${count(tokens.completion)} written`);
    this.tip.hidden = false;
    const box = this.element.getBoundingClientRect();
    const left = Math.min(Math.max(0, event.clientX - box.left - this.tip.offsetWidth / 2), box.width - this.tip.offsetWidth);
    this.tip.style.left = `${left}px`;
  }
}
