// Voice and pictures. A file goes to the server as it is; what comes back is either said, like typed text, or asked.

const $ = (id) => document.getElementById(id);
const SECONDS = 58; // of a recording; the server takes a minute
const BYTES = 12_000_000; // that the server takes; more is not sent, only so much that it says so
let recorder = null;

// `say(text)`: go on with it as if typed. `ask(message)`: show what the bot asks. `show(text)`: what the user did.
// `note(text)`: what the page itself has to tell. `talk()`: the conversation's id; files are answered in its language.
export function listen({ say, ask, show, note, talk }) {
  const send = async (file) => {
    status(kindOf(file) === "audio" ? "Listening to what you said…" : "Looking at the file…");
    try {
      const body = file.slice(0, BYTES + 1);
      const reply = await fetch(`/chat/media?conversation=${talk()}`, { method: "POST", body });
      const found = await reply.json();
      if (found.say) say(found.say);
      else ask(found.ask);
    } catch {
      note("Not sent: no connection. Please try again.");
    } finally {
      status("");
    }
  };
  $("picture").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // the same file may be chosen again
    if (!file) return;
    show({ image: "📷 A picture", audio: "🎤 A recording" }[kindOf(file)] ?? `📎 ${file.name}`);
    send(file);
  });
  if (!navigator.mediaDevices || !window.MediaRecorder) return; // not without HTTPS
  $("speak").hidden = false;
  $("speak").addEventListener("click", () => (recorder ? recorder.stop() : record(send, note)));
}

const kindOf = (file) => file.type.split("/")[0];

async function record(send, note) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    note("The microphone is not allowed: please allow it in your browser, or type.");
    return;
  }
  const parts = [];
  recorder = new MediaRecorder(stream);
  const timer = setTimeout(() => recorder?.stop(), SECONDS * 1000);
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.onstop = () => {
    const type = recorder.mimeType;
    clearTimeout(timer);
    stream.getTracks().forEach((track) => track.stop());
    recorder = null;
    pressed(false);
    send(new Blob(parts, { type }));
  };
  recorder.start();
  pressed(true);
}

function pressed(on) {
  $("speak").setAttribute("aria-pressed", on);
  status(on ? "Speak now. Press the microphone again when you are done." : "");
}

function status(text) {
  $("status").textContent = text;
  $("status").hidden = !text;
}
