// One clip on a page: a button, a position that can be moved once the clip was heard whole, and whether it was.

function part(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function button(text, className, act) {
  const made = part("button", { type: "button", class: className }, text);
  made.addEventListener("click", act);
  return made;
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

class Player {
  constructor(session, clip, begun) {
    this.session = session;
    this.texts = session.test.texts;
    this.stimulus = clip.stimulus;
    this.name = clip.label;
    this.begun = begun; // called when it begins, so that others fall silent
    this.seconds = session.test.stimuli[clip.stimulus].seconds;
    this.furthest = 0;
    this.skipped = false;
    this.ownPause = false;
    this.dragging = false;
    this.ready = false;
    this.problem = "";
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.build();
    this.listen();
  }

  build() {
    this.button = button("", "gsv-listening-play", () => this.toggle());
    this.position = part("input", {
      type: "range", class: "gsv-listening-position", min: 0, max: this.seconds, step: 0.01, value: 0,
      "aria-label": filled(this.texts.position, { label: this.name }),
    });
    this.mark = part("span", { class: "gsv-listening-heard" });
    this.element = part("div", { class: "gsv-listening-clip" }, this.button, this.position, this.mark);
  }

  listen() {
    const { audio, position } = this;
    audio.addEventListener("play", () => {
      if (audio.currentTime < 0.05) this.skipped = false;
      this.session.say("play", this.stimulus, this.time());
      this.begun(this);
      this.refresh();
    });
    audio.addEventListener("pause", () => {
      if (!this.ownPause && !audio.ended) this.session.say("pause", this.stimulus, this.time());
      this.ownPause = false;
      this.refresh();
    });
    audio.addEventListener("ended", () => {
      if (this.skipped) this.session.say("pause", this.stimulus, this.time());
      else this.session.say("heard", this.stimulus);
      this.refresh();
    });
    audio.addEventListener("timeupdate", () => {
      this.furthest = Math.max(this.furthest, audio.currentTime);
      if (!this.dragging) position.value = this.time();
    });
    audio.addEventListener("seeking", () => {
      // Keys of the system can move a sound, too.
      if (!this.heard && audio.currentTime > this.furthest + 0.5) audio.currentTime = this.furthest;
    });
    audio.addEventListener("canplaythrough", () => {
      this.ready = true;
      this.refresh();
    });
    audio.addEventListener("error", () => this.fail(audio.error?.message || "no sound"));
    position.addEventListener("input", () => { this.dragging = true; });
    position.addEventListener("change", () => {
      this.dragging = false;
      const to = Math.min(Number(position.value), this.seconds);
      if (!this.session.say("seek", this.stimulus, to)) return;
      this.skipped = true;
      audio.currentTime = to;
    });
  }

  get heard() {
    return this.session.course.heard.has(this.stimulus);
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  time() {
    return Math.round(1000 * Math.min(this.audio.currentTime, this.seconds)) / 1000;
  }

  load(address) {
    this.audio.src = address;
  }

  toggle() {
    if (this.playing) this.pause();
    else if (this.ready) this.audio.play().catch((error) => this.fail(error.message));
  }

  pause() {
    if (!this.playing) return;
    this.session.say("pause", this.stimulus, this.time());
    this.ownPause = true;
    this.audio.pause();
  }

  fail(why) {
    if (this.audio.getAttribute("src") === null) return; // it was let go
    this.problem = filled(this.texts.no_clip, { why });
    this.refresh();
  }

  refresh() {
    const { texts } = this;
    const word = this.playing ? texts.pause : texts.play;
    this.button.textContent = `${this.playing ? "❚❚" : "▶"} ${this.name}`;
    this.button.setAttribute("aria-label", `${word}: ${this.name}`);
    this.button.disabled = !this.ready;
    this.position.disabled = !this.heard;
    this.element.classList.toggle("gsv-listening-whole", this.heard);
    this.mark.textContent = this.problem || (this.heard ? `✓ ${texts.heard}` : this.ready ? "" : texts.loading);
  }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }
}
