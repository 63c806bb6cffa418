"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const BATCH = 100; // rows drawn at a time, as far as one scrolls
const texts = new Map(), waiting = new Map();
let state = { benchmark: "", method: "", first: 0, second: 0, by: "correct", find: "", column: -1, sign: 1, order: [], drawn: 0 };

const make = (tag, text, name) => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  return node;
};
const budget = (point) => point.thinking_budget === -1 ? "no cap" : String(point.thinking_budget);
const title = (point) => `${point.model}, ${point.method}, ${point.thinking_budget === -1 ? "without a cap" : `budget ${budget(point)}`} (${point.accuracy.toFixed(3)})`;
const numbers = (test) => data.points.map((each, number) => number).filter((number) => test(data.points[number]));
const size = (number) => data.points[number].thinking_budget === -1 ? Infinity : data.points[number].thinking_budget;
const bySize = (a, b) => size(a) - size(b);
// By model, then from small to large budgets.
const shown = () => numbers((point) => point.benchmark === state.benchmark && point.method === state.method)
  .sort((a, b) => data.points[a].model.localeCompare(data.points[b].model) || bySize(a, b));

// Called by the scripts in the folder of answers.
function show(number, answers) {
  texts.set(number, answers);
  waiting.get(number)?.forEach((done) => done());
  waiting.delete(number);
}

function answersOf(number) {
  if (texts.has(number)) return Promise.resolve(texts.get(number));
  return new Promise((resolve, reject) => {
    const done = () => resolve(texts.get(number));
    if (waiting.has(number)) return waiting.get(number).push(done);
    waiting.set(number, [done]);
    const script = document.createElement("script");
    script.src = `${data.folder}/${number}.js`;
    script.onerror = () => { waiting.delete(number); reject(new Error(script.src)); };
    document.head.append(script);
  });
}

function value(row) {
  if (state.column < 0) return row;
  return data.points[state.column][state.by][row] ?? -1;
}

function sort() {
  const wanted = state.find.toLowerCase();
  const names = data.problems[state.benchmark];
  state.order = names.map((name, row) => row).filter((row) => names[row].toLowerCase().includes(wanted));
  // Problems with the same value stay in the order of their names.
  state.order.sort((a, b) => state.sign * (value(a) - value(b)) || a - b);
}

function sortBy(column) {
  state.sign = state.column === column ? -state.sign : 1;
  state.column = column;
  draw();
}

function heading(name, column) {
  const head = make("th", "");
  const arrow = state.column === column ? (state.sign > 0 ? " \u25b2" : " \u25bc") : "";
  const button = make("button", name + arrow);
  if (arrow) head.classList.add("sorted");
  if (column >= 0 && column === state.first) head.classList.add("first");
  if (column >= 0 && column === state.second) head.classList.add("second");
  button.addEventListener("click", () => sortBy(column));
  head.append(button);
  return head;
}

function drawHead(columns) {
  const models = make("tr", ""), budgets = make("tr", "");
  models.append(make("th", "budget"));
  budgets.append(heading("problem", -1));
  for (const model of new Set(columns.map((number) => data.points[number].model))) {
    const own = columns.filter((number) => data.points[number].model === model);
    const head = make("th", model, "model");
    head.colSpan = own.length;
    models.append(head);
    for (const number of own) budgets.append(heading(budget(data.points[number]), number));
  }
  at("head").replaceChildren(models, budgets);
}

function drawCell(number, row) {
  const point = data.points[number], share = point.correct[row];
  const cell = make("td", share === null ? "" : String(share), "cell");
  if (share === null) return cell;
  // From red to green, pale enough to read on; the number says the same.
  cell.style.background = `hsl(${120 * share} 60% 93%)`;
  cell.append(make("small", Math.round(point[state.by === "generated" ? "generated" : "thinking"][row]).toLocaleString("en")));
  cell.addEventListener("click", (event) => {
    event.stopPropagation();
    choosePair(number, number === state.second ? state.first : state.second);
    open(cell.parentElement, row);
  });
  return cell;
}

function drawMore() {
  const columns = shown(), names = data.problems[state.benchmark];
  const lines = state.order.slice(state.drawn, state.drawn + BATCH).map((row) => {
    const line = make("tr", "", "problem");
    const name = make("td", names[row], "problem");
    name.title = names[row];
    line.append(name, ...columns.map((number) => drawCell(number, row)));
    name.addEventListener("click", () => line.nextSibling?.className === "detail" ? line.nextSibling.remove() : open(line, row));
    return line;
  });
  state.drawn += lines.length;
  at("problems").append(...lines);
  return lines;
}

function draw() {
  sort();
  drawHead(shown());
  state.drawn = 0;
  at("problems").replaceChildren();
  at("wide").scrollTop = 0;
  drawMore();
  at("unit").textContent = state.by === "generated" ? "generated tokens" : "thinking tokens";
  at("count").textContent = `${state.order.length.toLocaleString("en")} of ${data.problems[state.benchmark].length.toLocaleString("en")} problems.`;
}

function drawAnswer(answer) {
  const verdict = answer.correct === true ? "correct" : answer.correct === false ? "wrong" : "not graded";
  const facts = [answer.verdict && answer.verdict !== "passed" ? answer.verdict : "", answer.sandbox ? `sandbox ${answer.sandbox}` : "",
    `${answer.thinking.toLocaleString("en")} thinking tokens, ended by ${answer.thinking_finish}`,
    `${answer.generated.toLocaleString("en")} generated, ended by ${answer.finish}`].filter(Boolean);
  return [make("strong", verdict, verdict === "not graded" ? "" : verdict), make("span", ` ${facts.join("; ")}`, "quiet"),
    make("h3", "extracted answer"), make("pre", answer.answer === null ? "(no answer found)" : answer.answer, "extracted"),
    make("h3", "whole text"), make("pre", answer.text, "text")];
}

async function open(line, row) {
  if (line.nextSibling?.className === "detail") line.nextSibling.remove();
  const name = data.problems[state.benchmark][row];
  const pair = make("div", "", "pair"), cell = make("td", "", "detail"), below = make("tr", "", "detail");
  cell.colSpan = shown().length + 1;
  pair.style.width = `${at("wide").clientWidth}px`;
  cell.append(pair);
  below.append(cell);
  line.after(below);
  history.replaceState(null, "", `#${new URLSearchParams({ point: state.first, with: state.second, problem: name })}`);
  pair.append(...await Promise.all([state.first, state.second].map(async (number) => {
    const half = make("div", "");
    half.append(make("h2", title(data.points[number])));
    try {
      for (const answer of (await answersOf(number))[name] ?? []) half.append(...drawAnswer(answer));
    } catch (missing) {
      half.append(make("p", `The answers are not there: ${missing.message} belongs beside this page.`, "wrong"));
    }
    return half;
  })));
}

// Of the same model and method: a second budget, the largest that is not the first.
function other(first) {
  const like = data.points[first];
  const own = numbers((point) => ["model", "benchmark", "method"].every((name) => point[name] === like[name]))
    .filter((number) => number !== first).sort(bySize);
  return own.length ? own[own.length - 1] : first;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => {
    const option = make("option", text);
    option.value = value;
    return option;
  }));
  select.value = chosen;
}

function choosePair(first, second) {
  state.first = first;
  state.second = second;
  const same = numbers((point) => point.benchmark === state.benchmark).map((number) => [number, title(data.points[number])]);
  fill(at("first"), same, first);
  fill(at("second"), same, second);
  drawHead(shown());
}

function choosePoint(first, second) {
  const { benchmark, method } = data.points[first];
  Object.assign(state, { benchmark, method, column: -1, sign: 1 });
  fill(at("benchmark"), Object.keys(data.problems).map((name) => [name, name]), benchmark);
  const methods = new Set(numbers((point) => point.benchmark === benchmark).map((number) => data.points[number].method));
  fill(at("method"), [...methods].map((name) => [name, name]), method);
  choosePair(first, data.points[second]?.benchmark === benchmark ? second : other(first));
  draw();
}

// A link names a point, perhaps another beside it and a problem; without a problem the first one opens.
function follow() {
  const words = new URLSearchParams(location.hash.slice(1));
  const point = Number(words.get("point") ?? -1), linked = point in data.points;
  at("find").value = state.find = "";
  choosePoint(linked ? point : 0, Number(words.get("with") ?? -1));
  if (!linked) return;
  const row = Math.max(0, data.problems[state.benchmark].indexOf(words.get("problem")));
  while (state.drawn <= row) drawMore();
  open(at("problems").children[row], row);
  if (words.has("problem")) at("problems").children[row].scrollIntoView({ block: "center" });
}

at("benchmark").addEventListener("change", (event) => choosePoint(numbers((point) => point.benchmark === event.target.value)[0], -1));
at("method").addEventListener("change", (event) =>
  choosePoint(numbers((point) => point.benchmark === state.benchmark && point.method === event.target.value)[0], -1));
at("by").addEventListener("change", (event) => { state.by = event.target.value; draw(); });
at("find").addEventListener("input", (event) => { state.find = event.target.value; draw(); });
for (const name of ["first", "second"]) {
  at(name).addEventListener("change", () => { choosePair(Number(at("first").value), Number(at("second").value)); draw(); });
}
at("wide").addEventListener("scroll", () => {
  if (at("wide").scrollTop + 2 * at("wide").clientHeight > at("wide").scrollHeight) drawMore();
});
window.addEventListener("hashchange", follow);
follow();
