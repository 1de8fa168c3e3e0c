// A microphone: a button, a level meter, a clock. What is recorded goes to the kernel while it is spoken.
const CAPTURE = `
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = new Float32Array(4096);
    this.count = 0;
    this.open = true;
    this.port.onmessage = () => {
      this.flush();
      this.open = false;
      this.port.postMessage(null);
    };
  }
  flush() {
    if (this.count) this.port.postMessage(this.held.slice(0, this.count));
    this.count = 0;
  }
  process(inputs) {
    const block = inputs[0][0];
    if (block && this.open) {
      if (this.count + block.length > this.held.length) this.flush();
      this.held.set(block, this.count);
      this.count += block.length;
    }
    return this.open;
  }
}
registerProcessor("gsv-capture", Capture);`;

// Processing for telephone calls would change the voice.
const WISHES = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const decibels = (value) => 20 * Math.log10(Math.max(value, 1e-5));

// One recording at a time: opens the microphone, and calls back with blocks of samples.
class Microphone {
  async open(onBlock, onLost) {
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: WISHES });
    this.stream.getAudioTracks()[0].addEventListener("ended", onLost);
    this.context = new AudioContext();
    const address = URL.createObjectURL(new Blob([CAPTURE], { type: "text/javascript" }));
    await this.context.audioWorklet.addModule(address);
    URL.revokeObjectURL(address);
    this.node = new AudioWorkletNode(this.context, "gsv-capture", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    this.closed = new Promise((resolve) => {
      this.node.port.onmessage = ({ data }) => (data ? onBlock(data) : resolve());
    });
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    await this.context.resume();
    return this.context.sampleRate;
  }

  // Ends when the last block has been handed out.
  async close() {
    if (this.node && this.context.state === "running") {
      this.node.port.postMessage("stop");
      await this.closed;
    }
    this.stream?.getTracks().forEach((track) => track.stop());
    await this.context?.close();
  }
}

function render({ model, el }) {
  el.classList.add("gsv-record");
  const button = element("button", "jupyter-button gsv-record-button", model.get("label"));
  const meter = element("div", "gsv-record-meter");
  const bar = meter.appendChild(element("div", "gsv-record-bar"));
  const clock = element("span", "gsv-record-clock", "0.0 s");
  const message = element("div", "gsv-record-message");
  meter.setAttribute("role", "meter");
  meter.setAttribute("aria-label", "level of the microphone (dBFS)");
  meter.setAttribute("aria-valuemin", "-60");
  meter.setAttribute("aria-valuemax", "0");
  message.setAttribute("role", "status");
  const line = element("div", "gsv-record-line");
  line.append(button, meter, clock);
  el.append(line, message);

  let microphone = null; // while it is open
  let sender = null;
  let waiting = []; // blocks of the next piece
  let samples = 0;
  let rate = 0;
  let busy = false; // between two states
  let note = "";

  const show = (state, text) => {
    el.dataset.state = state;
    button.textContent = state === "recording" ? "Stop" : model.get("label");
    button.disabled = state === "asking" || state === "sending";
    message.textContent = text;
  };

  const showLevel = (block) => {
    let peak = 0;
    for (const value of block) peak = Math.max(peak, Math.abs(value));
    const level = Math.round(decibels(peak));
    bar.style.width = `${Math.max(0, Math.min(100, ((level + 60) / 60) * 100))}%`;
    bar.dataset.loud = level > -3 ? "too loud" : level < -40 ? "quiet" : "good";
    meter.setAttribute("aria-valuenow", String(level));
    clock.textContent = `${(samples / rate).toFixed(1)} s`;
  };

  const send = () => {
    const piece = new Float32Array(waiting.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of waiting) {
      piece.set(block, at);
      at += block.length;
    }
    waiting = [];
    if (piece.length) sender.piece(piece.buffer);
  };

  const onBlock = (block) => {
    const left = Math.max(0, Math.round(model.get("seconds") * rate) - samples);
    if (!sender || !left) return;
    waiting.push(block.length > left ? block.slice(0, left) : block);
    samples += Math.min(block.length, left);
    showLevel(block);
    if (waiting.reduce((sum, held) => sum + held.length, 0) >= rate) send();
    if (block.length >= left) {
      note = `Stopped after ${model.get("seconds")} s, the longest recording that is taken. `;
      stop();
    }
  };

  const onLost = () => {
    note = "The microphone was switched off. ";
    stop();
  };

  async function start() {
    show("asking", "Allow the microphone in your browser.");
    note = "";
    samples = 0;
    waiting = [];
    try {
      if (!window.isSecureContext || !navigator.mediaDevices) {
        throw new DOMException(window.location.origin, "InsecureContext");
      }
      microphone = new Microphone();
      // Blocks that come before the sender is there are the click of the button.
      rate = await microphone.open(onBlock, onLost);
      sender = new Sender(model, { rate, sentence: model.get("sentence") });
      show("recording", "Recording. Speak now.");
    } catch (error) {
      await microphone?.close();
      microphone = null;
      await refuse(error);
    }
  }

  async function refuse(error) {
    show("sending", "");
    try {
      await (sender ?? new Sender(model, {})).problem(error.name, error.message);
      show("idle", "");
    } catch (silent) {
      show("idle", silent.message);
    }
    sender = null;
  }

  async function stop() {
    if (!microphone || busy) return;
    busy = true;
    show("sending", `${note}Handing over …`);
    try {
      await microphone.close();
      send();
      await sender.end();
      show("idle", `${note}Recorded ${(samples / rate).toFixed(1)} s.`);
    } catch (error) {
      show("idle", error.message);
    }
    microphone = null;
    sender = null;
    busy = false;
    bar.style.width = "0";
  }

  button.addEventListener("click", () => (microphone ? stop() : start()));
  show("idle", "");
  return () => microphone?.close();
}

export default { render };
