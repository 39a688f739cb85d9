// Starts npm's telegram-test-api on the port given. It leaves out some of what the Bot API always sends; that is
// added here, since python-telegram-bot rightly insists on it:
// `is_bot` of users, `chat_instance` and the message's date of a callback query, the secret token's header of a
// webhook, dates in seconds, objects as objects, `true` for what was done. It knows no sendChatAction and no setMyCommands, which the
// channel has to live with.
const axios = require("axios");
const { TelegramServer } = require("telegram-test-api/lib/telegramServer");

const format = TelegramServer.formatUpdate;
TelegramServer.formatUpdate = (update) => {
  const sent = format(update);
  if (sent.callback_query) {
    sent.callback_query.chat_instance = "1";
    sent.callback_query.message = { date: Math.floor(Date.now() / 1000), ...sent.callback_query.message };
  }
  return sent;
};

const server = new TelegramServer({ port: Number(process.argv[2]), host: "127.0.0.1", storeTimeout: 600 });
const calls = []; // of the bot, as [method, body]

const response = server.webServer.response;
const json = response.json;
response.json = function (body) {
  if (body.result === null) body.result = true;
  if (body.result && body.result.username) body.result.is_bot = true;
  if (body.result && body.result.date) body.result.date = Math.floor(body.result.date / 1000);
  const preview = body.result && body.result.link_preview_options;
  if (typeof preview === "string") body.result.link_preview_options = JSON.parse(preview);
  const idle = this.req.path.endsWith("/getUpdates") && Array.isArray(body.result) && !body.result.length;
  if (!idle) return json.call(this, body);
  setTimeout(() => json.call(this, body), 100); // long polling: nothing new takes a moment
  return this;
};
// It has no files either: those of the folder given are served by name, ahead of its own routes.
const folder = process.argv[3];
const layers = server.webServer._router.stack;
const known = layers.length;
server.webServer.all("/bot:token/getFile", (request, reply) => {
  const name = request.body.file_id ?? request.query.file_id;
  reply.json({ ok: true, result: { file_id: name, file_unique_id: name, file_path: name } });
});
server.webServer.use("/file", (request, reply) => reply.sendFile(request.path.split("/").pop(), { root: folder }));
server.webServer.all("/bot:token/sendDocument", async (request, reply) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const form = await new Response(Buffer.concat(parts), { headers: { "content-type": request.get("content-type") } }).formData();
  const { document, ...fields } = Object.fromEntries(form);
  const message = server.addBotMessage({ ...fields, text: await document.text(), name: document.name }, request.params.token);
  reply.json({ ok: true, result: message });
});
const first = layers.findIndex((layer) => layer.route);
layers.splice(first, 0, ...layers.splice(known));

const end = response.end;
response.end = function (...args) {
  const method = /^\/bot[^/]+\/(\w+)/.exec(this.req.path);
  if (method && method[1] !== "getUpdates") calls.push([method[1], this.req.body]);
  return end.apply(this, args);
};
axios.interceptors.request.use((request) => {
  const hook = Object.values(server.webhooks).find((webhook) => webhook.url === request.url);
  if (hook) request.headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret_token;
  return request;
});
server.start().then(() => console.log("ready"));
process.stdin.on("data", () => process.stdout.write(JSON.stringify(calls) + "\n"));
process.stdin.on("end", () => process.exit());
