// What is shown is said by the address: nothing for the list, #t=…&s=… for a step of a trajectory, #v=forks.

const source = openSource();
let view = null;

const KEYS = [
  ["j, k", "next, previous step or attempt"],
  ["g, G", "first, last"],
  ["/", "search, or filter"],
  ["n, N", "next, previous match"],
  ["o, O", "fold a step, all steps; open an attempt"],
  ["p", "show or hide the patch"],
  ["u", "back to the list"],
  ["t", "light, dark, or as the system says"],
  ["?", "this help"],
];

const place = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

async function show() {
  const { t, s, v, ...settings } = place();
  const attempt = source.attempts.find((known) => known.id === t);
  if (view instanceof TrajectoryView && attempt && view.attempt.id === attempt.id) {
    if (s !== undefined && view.steps[view.current].number !== Number(s)) view.go(view.trajectory.indexOf(Number(s)));
    return;
  }
  view?.close?.();
  view = null;
  if (attempt) await showTrajectory(attempt, Number(s) || 0);
  else if (v === "forks") put(forksView(source.attempts), "Forks");
  else {
    view = new ListView(source.attempts, settings, (changed) => history.replaceState(null, "", placeHash(changed)));
    put(t ? [h("p", { class: "empty" }, "There is no such attempt here."), view.element] : view.element, "Attempts");
  }
}

async function showTrajectory(attempt, number) {
  const mine = (view = new TrajectoryView(attempt, source, source.attempts));
  put(mine.element, plain(attempt.task) || attempt.id);
  await mine.load();
  if (view !== mine) return;
  const at = number ? mine.trajectory.indexOf(number) : 0;
  if (at > 0) mine.go(at);
  else mine._select(0);
  requestAnimationFrame(() => performance.mark("steps-shown"));
}

function put(nodes, title) {
  document.title = title;
  byId("main").replaceChildren(...[nodes].flat());
  scrollTo(0, 0);
  drawTop();
}

function drawTop() {
  const { t, v } = place();
  const forks = source.attempts.some((attempt) => attempt.parent);
  const tab = (name, to, here) => h("a", { href: to, "aria-current": here ? "page" : null }, name);
  byId("top").replaceChildren(
    h(
      "nav",
      { "aria-label": "Views" },
      tab("Attempts", "#", !t && v !== "forks"),
      forks ? tab("Forks", "#v=forks", v === "forks") : "",
    ),
    h(
      "div",
      { class: "top-tools" },
      source.live ? h("span", { class: "live", id: "live" }, "live") : "",
      button("", changeTheme, { class: "icon", title: "Light or dark (t)", "aria-label": "Colour theme" }, "◐"),
      button("", showHelp, { class: "icon", title: "Keys (?)", "aria-label": "Help" }, "?"),
    ),
  );
}

function changeTheme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const order = dark ? ["", "light", "dark"] : ["", "dark", "light"];
  const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % 3];
  setTheme(next);
  say(next ? `${next} theme` : "theme of the system");
  try {
    localStorage.setItem("patchwright-theme", next);
  } catch {
    // A page from a disk may have no storage; the theme then lasts as long as the page.
  }
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  view?.strip?.redraw();
}

function showHelp() {
  const dialog = byId("help");
  if (dialog.open) return dialog.close();
  dialog.replaceChildren(
    h("h2", { id: "help-title" }, "Keys"),
    h(
      "dl",
      {},
      KEYS.map(([keys, does]) =>
        h(
          "div",
          {},
          h(
            "dt",
            {},
            keys.split(", ").map((key) => h("kbd", {}, key)),
          ),
          h("dd", {}, does),
        ),
      ),
    ),
    h(
      "p",
      { class: "quiet-text" },
      "In the strip, a bar is a step: as wide as it took long, as high as it read and wrote tokens.",
    ),
    button("Close", () => dialog.close()),
  );
  return dialog.showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) {
    if (event.key === "Escape") event.target.blur?.();
    return;
  }
  const ours = { "?": showHelp, t: changeTheme }[event.key];
  if (ours) ours();
  else if (!view?.key?.(event)) return;
  event.preventDefault();
}

/** Ask for what is new, as long as anybody looks. */
async function keepUp() {
  try {
    if (!document.hidden) {
      await source.refresh();
      const now = view;
      if (now instanceof ListView) now.update(source.attempts);
      if (now instanceof TrajectoryView) await keepUpTrajectory(now);
    }
    byId("live")?.classList.remove("lost");
  } catch {
    byId("live")?.classList.add("lost");
  }
  setTimeout(keepUp, 1000);
}

async function keepUpTrajectory(now) {
  const attempt = source.attempts.find((known) => known.id === now.attempt.id);
  if (!attempt) return;
  // What the list knows changes without an event too: a verdict comes, or an end between two questions.
  const told = JSON.stringify(attempt) !== JSON.stringify(now.attempt) || source.attempts.length !== now.family.length;
  if (told) now.update(attempt, source.attempts);
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 40 && now.current > 0;
  const news = await now.load();
  if (news === "anew") {
    view = null;
    now.close();
    await show();
    return;
  }
  if (told) now.redraw(now.steps.length - 1);
  if (news) {
    if (atEnd) now.go(now.steps.length - 1);
    else now._select(now.current);
  }
}

async function begin() {
  try {
    setTheme(localStorage.getItem("patchwright-theme") ?? "");
  } catch {
    setTheme("");
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.strip?.redraw());
  addEventListener("hashchange", show);
  document.addEventListener("keydown", pressed);
  await source.refresh();
  // One attempt needs no list.
  const [only, ...others] = whole(source.attempts);
  if (only && !others.length && !location.hash && !source.live)
    history.replaceState(null, "", placeHash({ t: only.id }));
  await show();
  if (source.live) setTimeout(keepUp, 1000);
}

begin().catch((error) => {
  byId("main").replaceChildren(h("p", { class: "empty" }, `The attempts cannot be read: ${error.message}`));
});
