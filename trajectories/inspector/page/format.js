// Figures and values as people read them.

const count = (value) => Math.round(value).toLocaleString("en");

const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

function short(value) {
  if (value < 1000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e4 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)}M`;
}

function seconds(value) {
  if (value < 0.0995) return value > 0 ? `${Math.max(1, Math.round(value * 1000))} ms` : "0 s";
  if (value < 59.95) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

const money = (value) => (value === null || value === undefined ? "" : `$${value.toFixed(value < 0.1 ? 4 : 2)}`);

const moment = (value) => (value ? new Date(value * 1000).toISOString().slice(0, 16).replace("T", " ") : "");

const words = (code) => code.replaceAll(/[_-]/g, " ");

// Values from a file: of the expected type, or as if they were absent.
const text = (value) => (typeof value === "string" ? value : "");
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const table = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const list = (value) => (Array.isArray(value) ? value : []);

/** How an outcome is coloured. */
function tone(outcome) {
  if (outcome === "resolved") return "good";
  if (["submitted", ""].includes(outcome)) return "plain";
  if (["unfinished", "interrupted", "model_error", "sandbox_lost"].includes(outcome)) return "warn";
  return outcome.endsWith("limit") || outcome === "empty_patch" ? "warn" : "bad";
}

const badge = (outcome, attributes = {}) =>
  outcome ? h("span", { class: `badge ${tone(outcome)}`, ...attributes }, words(outcome)) : null;

/** A call on one line: its name and its short arguments. */
function shortCall(call) {
  const said = Object.values(table(call.arguments)).filter((value) => ![null, false, "", undefined].includes(value));
  return [text(call.name), ...said.map((value) => brief(value))].join(" ");
}

function brief(value) {
  const written = typeof value === "string" ? value : JSON.stringify(value);
  const lines = written.trim().split("\n", 7).length;
  if (lines > 5) return `(${count(written.trim().split("\n").length)} lines)`;
  const first = written.trim().split("\n", 1)[0];
  return first.length > 80 ? `${first.slice(0, 79)}…` : first;
}
