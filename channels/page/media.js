// Voice and pictures. A file goes to the server as it is; what comes back is either said, like typed text, or asked.

const $ = (id) => document.getElementById(id);
const SECONDS = 58; // of a recording; the server takes a minute
let recorder = null;

// `say(text)`: go on with it as if typed. `ask(message)`: show what the bot asks. `show(text)`: what the user did.
export function listen({ say, ask, show }) {
  const send = async (file) => {
    status(file.type.startsWith("image/") ? "Reading the picture…" : "Listening to what you said…");
    try {
      const reply = await fetch("/chat/media", { method: "POST", body: file });
      const found = await reply.json();
      if (found.say) say(found.say);
      else ask(found.ask ?? { text: `Sorry: ${found.error}` });
    } catch {
      ask({ text: "Sorry, that could not be sent. Please try again." });
    } finally {
      status("");
    }
  };
  $("picture").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // the same file may be chosen again
    if (!file) return;
    show(file.type.startsWith("image/") ? "📷 A picture" : "🎤 A recording");
    send(file);
  });
  if (!navigator.mediaDevices || !window.MediaRecorder) return; // not without HTTPS
  $("speak").hidden = false;
  $("speak").addEventListener("click", () => (recorder ? recorder.stop() : record(send, ask)));
}

async function record(send, ask) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    ask({ text: "I can't hear you: please allow the microphone in your browser, or type." });
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
