// Hands one sound over to the kernel in numbered pieces; see incoming.py for the messages.
const PIECE = 1 << 19; // bytes
const PATIENCE = 20000; // ms
const SILENT = "The kernel does not answer. If it was restarted, run the setup cell and this cell again.";

class Sender {
  constructor(model, about) {
    this.model = model;
    this.take = Math.random().toString(36).slice(2);
    this.pieces = 0;
    this.bytes = 0;
    this.say("start", about);
  }

  say(kind, more, buffers) {
    try {
      this.model.send({ kind, take: this.take, ...more }, undefined, buffers);
    } catch {
      throw new Error(SILENT); // the line to the kernel is closed
    }
  }

  piece(buffer) {
    this.say("piece", { number: this.pieces }, [buffer]);
    this.pieces += 1;
    this.bytes += buffer.byteLength;
  }

  // Both wait for the kernel's answer, and throw where none comes.
  end() {
    return this.answered("end", { pieces: this.pieces, bytes: this.bytes });
  }

  problem(name, detail) {
    return this.answered("problem", { name, detail });
  }

  answered(kind, more) {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.model.off("msg:custom", heard);
      };
      const heard = (content) => {
        if (content.kind !== "answered" || content.take !== this.take) return;
        done();
        resolve();
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(SILENT));
      }, PATIENCE);
      this.model.on("msg:custom", heard);
      try {
        this.say(kind, more);
      } catch (error) {
        done();
        reject(error);
      }
    });
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text ?? "";
  return made;
}
