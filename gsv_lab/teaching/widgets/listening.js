// The host of the panel in a notebook: the kernel keeps events and gives sounds; see desk.py for the messages.
const SILENT = "The kernel does not answer. If it was restarted, run this cell again and go on.";
const PATIENCE = 20000; // ms

class KernelHost {
  constructor(model) {
    this.model = model;
    this.saves = false;
    this.name = Math.random().toString(36).slice(2);
    this.asked = 0;
  }

  ask(kind, more = {}) {
    const ask = `${this.name}-${(this.asked += 1)}`;
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.model.off("msg:custom", heard);
      };
      const heard = (content, buffers) => {
        if (content.ask !== ask) return;
        done();
        if (content.problem === undefined) resolve({ ...content, buffers });
        else reject(Object.assign(new Error(content.problem), { refused: content.refused }));
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(SILENT));
      }, PATIENCE);
      this.model.on("msg:custom", heard);
      try {
        this.model.send({ kind, ask, ...more });
      } catch {
        done();
        reject(new Error(SILENT)); // the line to the kernel is closed
      }
    });
  }

  async open() {
    return (await this.ask("open")).raters;
  }

  begin(at, place) {
    return this.ask("begin", { at, place });
  }

  read(rater) {
    return this.ask("read", { rater });
  }

  async keep(rater, events) {
    await this.ask("keep", { rater, events });
  }

  async clip(stimulus) {
    const { media, buffers } = await this.ask("clip", { stimulus });
    return URL.createObjectURL(new Blob([buffers[0]], { type: media }));
  }

  async forget(rater) {
    await this.ask("forget", { rater });
  }
}

function render({ model, el }) {
  const panel = new Panel(el, model.get("test"), new KernelHost(model));
  // Plain keys are the panel's: the notebook would move on with an arrow, and edit the cell with Enter.
  el.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  panel.start();
  const gone = () => el.classList.add("gsv-listening-gone"); // the line to the kernel was closed
  model.on("comm_live_update", gone);
  return () => {
    model.off("comm_live_update", gone);
    panel.close();
  };
}

export default { render };
