"use strict";

/** What went wrong with a request: a title for anyone, the server's own words, and the field it names. */
class RequestError extends Error {
  constructor(title, message = "", param = "") {
    super(message);
    Object.assign(this, { title, param });
  }
}

/** Ask the endpoint this page came from; throws RequestError for anything but success. */
async function ask(path, key, options = {}) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    // Relative to the page, so that a route prefix in front of the app does no harm.
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("The endpoint cannot be reached", error.message);
  }
  if (!response.ok) throw await refusal(response, key);
  return response;
}

async function refusal(response, key) {
  const text = await response.text();
  let error = {};
  try {
    const body = JSON.parse(text);
    error = body.error ?? { message: body.detail };
  } catch {
    error = { message: text };
  }
  const wait = response.headers.get("Retry-After");
  const titles = {
    400: "The request was refused",
    401: key ? "The API key was not accepted" : "This endpoint asks for an API key",
    429: wait ? `The endpoint is full; try again in ${wait} s` : "The endpoint is full; try again soon",
  };
  const title = titles[response.status] ?? `The endpoint answered with HTTP ${response.status}`;
  return new RequestError(title, asText(error.message), error.param);
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value ?? ""));

/** The data of each server-sent event of a body, wherever the network split it. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (pending + value).split(/\r?\n\r?\n/);
    pending = whole.pop();
    for (const event of whole) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (lines.length) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}

/** The first choice of each chunk of a streamed chat; throws RequestError if the stream breaks. */
async function* choices(request, key, signal) {
  const response = await ask("v1/chat/completions", key, { method: "POST", body: JSON.stringify(request), signal });
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new RequestError("The stream broke off", asText(chunk.error.message), chunk.error.param);
      if (chunk.choices?.length) yield chunk.choices[0];
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof RequestError) throw error;
    throw new RequestError("The stream broke off", error.message);
  }
  throw new RequestError("The stream broke off", "It ended before the run did.");
}
