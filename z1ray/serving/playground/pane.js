"use strict";

const PARTS = ["thinking", "hint", "answer"];

/** One budget, the run under it, and how both are shown. */
class Pane {
  constructor(name) {
    const section = document.querySelector("#pane").content.firstElementChild.cloneNode(true);
    const find = (selector) => section.querySelector(selector);
    this.name = name;
    this.section = section;
    this.efforts = find(".efforts");
    this.slider = find("[type=range]");
    this.number = find("[type=number]");
    this.uncapped = find("[type=checkbox]");
    this.gauge = find(".gauge");
    this.status = find(".status");
    this.error = find(".error");
    this.output = find(".text");
    this.find = find;
    this.run = null;
    section.dataset.pane = name;
    section.setAttribute("aria-label", `Budget ${name}`);
    this.output.setAttribute("aria-label", `Text under budget ${name}`);
    find("[data-name]").textContent = name;
    this.slider.addEventListener("input", () => this.choose(this.slider.valueAsNumber));
    this.number.addEventListener("input", () => this.choose(this.number.valueAsNumber, this.number));
    this.uncapped.addEventListener("change", () => this.choose(this.uncapped.checked ? NO_CAP : this.slider.valueAsNumber));
    this.say("Nothing sent yet");
  }

  /** Offer a model's efforts and range, starting at a budget. */
  configure(settings, budget) {
    this.settings = settings;
    const most = Math.max(settings.default_budget, ...Object.values(settings.efforts));
    this.slider.max = settings.max_budget === NO_CAP ? most : settings.max_budget;
    this.uncapped.disabled = settings.max_budget !== NO_CAP;
    this.uncapped.parentElement.title = this.uncapped.disabled ? `the most is ${settings.max_budget} tokens` : "";
    const named = Object.entries(settings.efforts).sort(([, a], [, b]) => a - b);
    this.efforts.replaceChildren(...named.map(([effort, tokens]) => this.effortButton(effort, tokens)));
    this.choose(budget);
  }

  effortButton(effort, tokens) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = effort;
    button.title = `${tokens} tokens`;
    button.dataset.effort = effort;
    button.addEventListener("click", () => this.choose(tokens, null, effort));
    return button;
  }

  /** Show a budget on every control but the one it was typed into; NaN is the model's default. */
  choose(budget, typed = null, effort = null) {
    this.effort = effort;
    this.budget = Number.isNaN(budget) ? null : budget;
    const shown = this.budget ?? this.settings.default_budget;
    if (!typed) this.number.value = shown;
    this.number.placeholder = this.settings.default_budget;
    this.uncapped.checked = shown === NO_CAP;
    this.slider.disabled = shown === NO_CAP;
    if (shown !== NO_CAP) this.slider.value = shown;
    for (const button of this.efforts.children) button.setAttribute("aria-pressed", button.dataset.effort === effort);
  }

  /** The request's fields for this pane's choice: an effort by its name, a budget by its number. */
  fields() {
    if (this.effort) return { reasoning_effort: this.effort };
    return this.budget === null ? {} : { thinking_budget: this.budget };
  }

  /** Begin a run under a hint. */
  begin(hint) {
    this.run = new Run(this.budget ?? this.settings.default_budget, hint);
    this.began = performance.now();
    this.find("[data-clock]").textContent = "–";
    this.error.hidden = true;
    this.output.setAttribute("aria-busy", "true");
    this.say("Waiting for the first token…");
  }

  /** Take in one choice of a chunk. */
  add(choice) {
    this.run.add(choice);
    const { hint, answer } = this.run.parts();
    this.say(answer ? "Answering…" : hint ? "Handed the hint…" : "Thinking…");
    this.find("[data-clock]").textContent = `${((performance.now() - this.began) / 1000).toFixed(1)} s`;
  }

  /** End it: done, stopped, or with an error. */
  end(error = null) {
    this.output.removeAttribute("aria-busy");
    if (!error) this.say(outcome(this.run));
    else if (error.name === "AbortError") this.say("Stopped");
    else {
      this.say("");
      showError(this.error, error);
    }
  }

  /** Show the run so far, its gauge `scale` tokens long. */
  draw(scale) {
    // A reader who has scrolled up stays where they are.
    const following = this.output.scrollHeight - this.output.scrollTop - this.output.clientHeight < 40;
    this.drawParts(scale);
    this.drawBudget(scale);
    if (following) this.output.scrollTop = this.output.scrollHeight;
  }

  drawParts(scale) {
    const [parts, counts] = [this.run.parts(), this.run.counts()];
    for (const part of PARTS) {
      const span = this.find(`[data-part=${part}]`);
      extend(span, parts[part]);
      span.parentElement.hidden = !parts[part];
      this.find(`[data-count=${part}]`).textContent = counts[part];
      this.find(`[data-bar=${part}]`).style.width = `${(100 * counts[part]) / scale}%`;
    }
    const whole = this.run.thinking && !this.run.thinking.cut;
    this.find(".part.thinking").dataset.label = whole ? "Thinking and answer in one" : "Thinking";
    this.gauge.setAttribute("aria-valuenow", counts.thinking);
    this.gauge.setAttribute("aria-valuetext", PARTS.map((part) => `${counts[part]} ${part}`).join(", "));
  }

  drawBudget(scale) {
    const { budget } = this.run;
    this.find("[data-of]").textContent = budget === NO_CAP ? " no cap" : ` of ${budget}`;
    this.find(".mark").style.left = `${(100 * budget) / scale}%`;
    this.find(".mark").hidden = budget < 0;
    this.gauge.setAttribute("aria-valuemax", budget === NO_CAP ? scale : budget);
  }

  say(status) {
    if (this.status.textContent !== status) this.status.textContent = status;
  }
}

/** Append what is new, so that a reader's selection and place survive the stream. */
function extend(element, text) {
  const node = element.firstChild ?? element.appendChild(document.createTextNode(""));
  if (text === node.data) return;
  if (text.startsWith(node.data)) node.appendData(text.slice(node.length));
  else node.data = text;
}

/** How a finished run ended, in a sentence. */
function outcome({ thinking, finish }) {
  const limit = finish === "length" ? " and stopped at the token limit" : "";
  if (thinking.cut) return `Cut at ${thinking.thinking_tokens} tokens, answered in ${thinking.answer_tokens}${limit}`;
  if (limit) return "Not cut: it ran into the token limit while thinking";
  return "Not cut: it ended by itself";
}

/** Fill a place for errors; the server's words are text, never markup. */
function showError(place, error) {
  const title = document.createElement("strong");
  title.textContent = error.title ?? "The page failed";
  const field = error.param ? ` (${error.param})` : "";
  place.replaceChildren(title, document.createTextNode(field), document.createElement("br"), error.message);
  place.hidden = false;
}
