"use strict";

const KEY = "z1ray-api-key";
const byId = (id) => document.getElementById(id);
const panes = ["A", "B"].map((name) => new Pane(name));
const models = new Map();
let aborter = null;

/** Fetch the models and their windows; whether there are any to ask. */
async function loadModels() {
  try {
    const { data } = await (await ask("v1/models", key())).json();
    byId("notice").hidden = true;
    if ([...models.keys()].join() === data.map((card) => card.id).join()) return true;
    models.clear();
    for (const card of data) models.set(card.id, card.metadata.window);
    byId("model").replaceChildren(...[...models.keys()].map((name) => new Option(name)));
    showModel();
    return true;
  } catch (error) {
    showError(byId("notice"), error);
    return false;
  }
}

/** Offer what the chosen model has: its hints, its efforts, its default against a tighter budget. */
function showModel() {
  const settings = models.get(byId("model").value);
  byId("hint").replaceChildren(...Object.keys(settings.hints).map((name) => new Option(name)));
  byId("hint").value = settings.default_hint;
  const [tight, wide] = startingBudgets(settings);
  panes[0].configure(settings, tight);
  panes[1].configure(settings, wide);
  showHint();
}

function startingBudgets({ default_budget: wide, efforts, max_budget: most }) {
  const usual = wide === NO_CAP ? Math.max(1024, ...Object.values(efforts)) : wide;
  return [Math.floor((most === NO_CAP ? usual : Math.min(usual, most)) / 4), wide];
}

function showHint() {
  byId("hint-text").textContent = hintText().trim();
}

const key = () => byId("key").value.trim();

const hintText = () => models.get(byId("model").value).hints[byId("hint").value];

/** Stream the prompt under both budgets at once. */
async function send() {
  if (aborter || !byId("ask").reportValidity()) return;
  if (!models.size && !(await loadModels())) return;
  aborter = new AbortController();
  busy(true);
  await Promise.all(panes.map((pane) => stream(pane, aborter.signal)));
  aborter = null;
  busy(false);
}

async function stream(pane, signal) {
  const request = {
    model: byId("model").value,
    messages: [{ role: "user", content: byId("prompt").value }],
    hint: byId("hint").value,
    ...pane.fields(),
    temperature: 0,
    stream: true,
    return_token_ids: true,
  };
  pane.begin(hintText());
  drawAll();
  try {
    for await (const choice of choices(request, key(), signal)) {
      pane.add(choice);
      scheduleDraw();
    }
    drawAll();
    pane.end();
  } catch (error) {
    drawAll();
    pane.end(error);
  }
}

/** Both gauges share one scale, so that their bars compare. */
function drawAll() {
  const runs = panes.filter((pane) => pane.run);
  const scale = Math.max(...runs.map(({ run, settings }) => Math.max(run.tokens, run.budget + settings.answer_tokens)));
  for (const pane of runs) pane.draw(scale);
}

let drawing = false;
function scheduleDraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawAll();
  });
}

function busy(running) {
  byId("send").disabled = running;
  byId("stop").disabled = !running;
}

byId("key").value = sessionStorage.getItem(KEY) ?? "";
byId("key").addEventListener("change", () => {
  sessionStorage.setItem(KEY, key());
  loadModels();
});
byId("model").addEventListener("change", showModel);
byId("hint").addEventListener("change", showHint);
byId("stop").addEventListener("click", () => aborter?.abort());
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
});
byId("panes").append(...panes.map((pane) => pane.section));
loadModels();
