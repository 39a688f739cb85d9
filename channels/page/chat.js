// The page of the web chat. What the user says is kept in `outgoing` until its answer is complete and is posted again
// after every interruption; the server handles each message once. Everything said is inserted as text, never as HTML.

import { listen } from "./media.js";

const $ = (id) => document.getElementById(id);
const [log, input] = [$("log"), $("text")];
const LIMIT = 1000;
const PROMISE = 5000; // milliseconds until there is an answer, an apology, or the banner
const WORDS = {
  like: (title) => `👍 ${title}`,
  dislike: (title) => `👎 ${title}`,
  seen: (title) => `I've seen ${title}`,
  more: (title) => `More like ${title}`,
  why: (title) => `Why ${title}?`,
  forget: () => "Forget that about me",
};
const RATINGS = ["like", "dislike", "seen", "forget"];
const OPPOSITE = { like: "dislike", dislike: "like" };

const user = localStorage.getItem("user") || remember("user", randomId(24)); // the same in all conversations
let conversation = localStorage.getItem("conversation") || startConversation();
let outgoing = JSON.parse(localStorage.getItem("outgoing") || "[]");
let source = null; // the stream of events
let after = 0; // position in it
let failures = 0; // in a row, of anything that needs the network
let timer = 0;
let delivering = false;
let following = true; // whether the page moves along with what is said
const drawn = new Set(); // ids of the user's messages on the page
const titles = new Map(); // item id -> title

function randomId(bytes) {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...values)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function remember(key, value) {
  localStorage.setItem(key, value);
  return value;
}

function startConversation() {
  return remember("conversation", randomId(24));
}

function keepOutgoing() {
  localStorage.setItem("outgoing", JSON.stringify(outgoing, (key, value) => (key === "sent" ? undefined : value)));
  if (!outgoing.length) $("typing").hidden = true;
}

// --- the network -----------------------------------------------------------------------------------------------------

const backOff = () => Math.min(500 * 2 ** failures, 15000) * (0.75 + Math.random() / 2);

function again(task) {
  failures += 1;
  $("offline").hidden = failures < 2;
  clearTimeout(timer);
  timer = setTimeout(task, backOff());
}

function fine() {
  failures = 0;
  $("offline").hidden = true;
}

// Draw the conversation as the server remembers it, follow it from there, and deliver what is still unanswered.
async function load() {
  source?.close();
  const name = conversation;
  try {
    const reply = await fetch(`/chat/history?conversation=${name}`, { cache: "no-store" });
    if (!reply.ok) throw new Error(reply.status);
    const past = await reply.json();
    if (name !== conversation) return;
    fine();
    after = past.after;
    redraw(past.messages);
    connect();
    deliver();
  } catch {
    again(load);
  }
}

function connect() {
  source?.close();
  source = new EventSource(`/chat/stream?conversation=${conversation}&after=${after}`);
  const on = (name, react) => source.addEventListener(name, (event) => react(take(event)));
  on("message", (message) => draw(message, true));
  on("typing", (typing) => ($("typing").hidden = !typing.on && !outgoing.length));
  on("done", settled);
  source.addEventListener("reset", load);
  source.onopen = fine;
  source.onerror = () => {
    source.close(); // the browser would come back at a fixed pace
    again(connect);
  };
}

function take(event) {
  after = Number(event.lastEventId);
  return JSON.parse(event.data);
}

// A click that came to nothing may be made again.
function settled(done) {
  const message = outgoing.find((other) => other.message_id === done.message_id);
  if (message?.button && !done.answered) press(message.button, false);
  answered(done.message_id);
}

function answered(messageId) {
  outgoing = outgoing.filter((message) => message.message_id !== messageId);
  if (!outgoing.length && !failures) $("offline").hidden = true;
  keepOutgoing();
}

function say(said) {
  const message = { user, conversation, message_id: randomId(12), ...said };
  outgoing.push(message);
  keepOutgoing();
  draw({ from: "user", ...message }, true);
  $("typing").hidden = false;
  setTimeout(() => ($("offline").hidden &&= !outgoing.includes(message)), PROMISE);
  deliver();
}

async function deliver() {
  if (delivering) return;
  delivering = true;
  let next;
  while ((next = outgoing.find((message) => !message.sent))) await post(next);
  delivering = false;
}

// One attempt. A refusal is final; anything else is tried again with the same message id.
async function post(message) {
  try {
    const { sent, ...body } = message;
    const reply = await fetch("/chat/messages", { method: "POST", body: JSON.stringify(body) });
    const result = await reply.json();
    if (reply.status === 400 || reply.status === 413) return refused(message, result.error);
    if (!reply.ok) throw new Error(result.error);
    message.sent = true;
    if (result.done) answered(message.message_id);
  } catch {
    failures += 1;
    $("offline").hidden = failures < 2;
    await new Promise((resolve) => setTimeout(resolve, backOff()));
  }
}

function refused(message, error) {
  answered(message.message_id);
  append("note", `Not sent. ${error}`);
  if (message.button) press(message.button, false);
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function redraw(messages) {
  $("said").setAttribute("aria-live", "off"); // what was read before is not read out again
  log.replaceChildren();
  drawn.clear();
  for (const message of messages) draw(message, false);
  outgoing = outgoing.filter((message) => !drawn.has(message.message_id));
  for (const message of outgoing) {
    message.sent = false;
    draw({ from: "user", ...message }, false);
  }
  keepOutgoing();
  $("typing").hidden = !outgoing.length;
  $("welcome").hidden = log.childElementCount > 0;
  scrollTo({ top: document.body.scrollHeight, behavior: "instant" });
  requestAnimationFrame(() => $("said").setAttribute("aria-live", "polite"));
}

function draw(message, live) {
  $("welcome").hidden = true;
  if (message.from === "user") drawUser(message);
  else drawBot(message);
  if (live && following) showEnd();
}

function drawUser({ message_id, text, button }) {
  if (drawn.has(message_id)) return;
  drawn.add(message_id);
  following = !RATINGS.includes(button?.kind); // whoever rates a list wants to stay where they are
  for (const chips of log.querySelectorAll(".chips")) chips.remove();
  if (button) press(button, true);
  append("user", button ? WORDS[button.kind](titles.get(button.item_id) ?? "this one") : text);
}

function drawBot({ text, buttons, custom }) {
  const form = { list: cards, memory: lines, file: ({ name }) => download(name, text) }[custom?.kind];
  const element = append("bot", form ? custom.intro : text);
  if (form) element.append(form(custom));
  if (buttons) element.append(chips(buttons));
}

function append(who, text) {
  const element = make("li", who);
  if (text) element.append(make("p", "text", text));
  log.append(element);
  return element;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function cards(list) {
  const element = make("ol", "cards");
  element.append(...list.items.map((item) => card(item, list.impression_id)));
  return element;
}

function card(item, impressionId) {
  const element = $("card").content.cloneNode(true).firstElementChild;
  const fill = (name, text) => (element.querySelector(name).textContent = text);
  const heading = item.year ? `${item.title} (${item.year})` : item.title;
  titles.set(item.item_id, item.title);
  fill(".rank", item.rank);
  fill(".title", item.title);
  fill(".year", item.year ?? "");
  fill(".reason", item.reason ?? "");
  element.querySelector(".about").append(
    ...(item.tags ?? []).map((tag) => make("span", "tag", tag)),
    ...(item.facts ?? []).map((fact) => make("span", "fact", fact)),
  );
  if (item.rating != null) rate(element.querySelector(".rating"), item.rating);
  element.querySelector(".actions").setAttribute("aria-label", heading);
  for (const button of element.querySelectorAll("button")) {
    Object.assign(button.dataset, { item: item.item_id, impression: impressionId });
    button.setAttribute("aria-label", `${button.dataset.label} ${heading}`);
  }
  return element;
}

// What the bot remembers; each line has a button that forgets it.
function lines(memory) {
  const element = make("ol", "lines");
  for (const { ref, text } of memory.lines) {
    const line = make("li", "line");
    const button = make("button", "quiet", "Forget");
    Object.assign(button, { type: "button" });
    Object.assign(button.dataset, { kind: "forget", item: ref, impression: "profile" });
    button.setAttribute("aria-pressed", false);
    button.setAttribute("aria-label", `Forget: ${text}`);
    line.append(make("span", "text", text), button);
    element.append(line);
  }
  return element;
}

function download(name, text) {
  const link = make("a", "file", `⬇ ${name}`);
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return link;
}

function rate(element, rating) {
  element.hidden = false;
  element.textContent = `★ ${rating}`;
  element.title = `Rated ${rating} of 100`;
  element.setAttribute("aria-label", element.title);
}

function chips(buttons) {
  const element = make("div", "chips");
  for (const { title, payload } of buttons) {
    const button = make("button", "", title);
    button.type = "button";
    button.dataset.say = payload;
    element.append(button);
  }
  return element;
}

function press({ kind, item_id, impression_id }, on) {
  for (const button of log.querySelectorAll("button[aria-pressed]")) {
    if (button.dataset.item !== item_id || button.dataset.impression !== impression_id) continue;
    if (button.dataset.kind === kind) button.setAttribute("aria-pressed", on);
    if (button.dataset.kind === OPPOSITE[kind] && on) button.setAttribute("aria-pressed", false);
  }
}

// Bring the end into view, but never past the start of what the user said last: a list is read from its top.
function showEnd() {
  const users = log.querySelectorAll(":scope > .user");
  (users[users.length - 1] ?? log.lastElementChild).scrollIntoView({ block: "start" });
}

// --- what the user does ----------------------------------------------------------------------------------------------

function typed() {
  $("send").disabled = !input.value.trim();
  $("limit").hidden = [...input.value].length <= LIMIT;
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`; // and its border
}

function send(event) {
  event?.preventDefault();
  const text = [...input.value.trim()].slice(0, LIMIT).join("");
  if (!text) return;
  input.value = "";
  typed();
  say({ text });
}

// Who clicks twice means it once.
function clicked({ target, detail }) {
  const button = target.closest("button");
  if (!button || detail > 1 || button.getAttribute("aria-pressed") === "true") return;
  if (button.dataset.say) {
    say({ text: button.dataset.say });
    input.focus(); // the chip is gone
  } else if (button.dataset.kind) {
    const { kind, item, impression } = button.dataset;
    say({ button: { kind, item_id: item, impression_id: impression } });
  }
}

function startAfresh() {
  outgoing = [];
  keepOutgoing();
  titles.clear();
  conversation = startConversation();
  redraw([]);
  load();
  input.focus();
}

$("composer").addEventListener("submit", send);
input.addEventListener("input", typed);
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  if (event.key === "Escape") {
    input.value = "";
    typed();
  }
});
document.querySelector("main").addEventListener("click", clicked);
$("new").addEventListener("click", () => (log.childElementCount ? $("sure").showModal() : input.focus()));
$("sure").addEventListener("close", () => {
  if ($("sure").returnValue) startAfresh();
  $("sure").returnValue = "";
});
for (const moved of ["wheel", "touchmove"]) addEventListener(moved, () => (following = false), { passive: true });
addEventListener("online", load);
// A hidden page gives its connection back (a browser has six for a host) and catches up when it is seen again.
document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : connect()));
listen({
  say: (text) => say({ text: [...text].slice(0, LIMIT).join("") }),
  ask: (message) => draw({ from: "bot", ...message }, true),
  show: (text) => append("user", text),
  note: (text) => append("note", text),
  talk: () => conversation,
});

typed();
load();
