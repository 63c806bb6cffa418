"use strict";

const NO_CAP = -1;

/**
 * One run under a window, followed chunk by chunk.
 *
 * While it streams, the number of tokens says whether the budget is spent and the
 * hint's text where the cut lies; the last chunk's `thinking` object then settles both.
 */
class Run {
  constructor(budget, hint) {
    this.budget = budget;
    this.hint = hint;
    this.text = "";
    this.tokens = 0;
    this.thinking = null;
    this.finish = null;
    this.spent = 0; // length of the text while the budget was not yet overrun
    this.cutAt = 0; // tokens before the hint, and up to its end, as far as it has come
    this.hintEnd = 0;
  }

  /** Take in one choice of a chunk. */
  add(choice) {
    this.text += choice.delta?.content ?? "";
    this.tokens += choice.token_ids?.length ?? 0;
    if (!this.overrun) this.spent = this.text.length;
    this.thinking = choice.thinking ?? this.thinking;
    this.finish = choice.finish_reason ?? this.finish;
    const [start, end] = this.span();
    if (start === end) this.cutAt = this.hintEnd = Math.max(this.tokens, this.budget);
    else if (end === this.text.length) this.hintEnd = this.tokens;
  }

  get overrun() {
    return this.budget !== NO_CAP && this.tokens > this.budget;
  }

  /** Where the hint starts and ends in the text; both its length while there is no hint. */
  span() {
    const { text, thinking } = this;
    if (thinking?.cut) return [utf16Offset(text, thinking.hint_start), utf16Offset(text, thinking.answer_start)];
    if (thinking || !this.overrun) return [text.length, text.length];
    return findHint(text, this.hint, this.spent);
  }

  /** The three parts of the text; together they are the text. */
  parts() {
    const [start, end] = this.span();
    return { thinking: this.text.slice(0, start), hint: this.text.slice(start, end), answer: this.text.slice(end) };
  }

  /** Token counts of the three parts: the server's own once the run has ended. */
  counts() {
    if (this.thinking) {
      const { thinking_tokens: thinking, hint_tokens: hint, answer_tokens: answer } = this.thinking;
      return { thinking, hint, answer };
    }
    const [start, end] = this.span();
    if (start === end) return { thinking: this.tokens, hint: 0, answer: 0 };
    return { thinking: this.cutAt, hint: this.hintEnd - this.cutAt, answer: this.tokens - this.hintEnd };
  }
}

/** The hint in a text from an offset on, or as much of it as the text ends with. */
function findHint(text, hint, from) {
  const whole = text.indexOf(hint, from);
  if (whole >= 0) return [whole, whole + hint.length];
  for (let length = Math.min(hint.length, text.length - from); length > 0; length--) {
    if (text.endsWith(hint.slice(0, length))) return [text.length - length, text.length];
  }
  return [text.length, text.length];
}

/** The API counts characters as Unicode code points, JavaScript strings as UTF-16 units. */
function utf16Offset(text, codePoints) {
  let offset = 0;
  for (let count = 0; count < codePoints; count++) offset += text.codePointAt(offset) > 0xffff ? 2 : 1;
  return offset;
}
