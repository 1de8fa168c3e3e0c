// What a rater may do, and what was done. This is the one place where that is decided; no page and no sound here.

const TIMED = ["play", "pause", "seek"];
const PLAYING = [...TIMED, "heard"];
const LEAVING = ["next", "stop"];
const WITHOUT_PAGE = ["agree", "stop", "resume"];

// How far a rater has come, by the events that were kept.
class Course {
  constructor(test, place) {
    this.sliders = test.scale.choices.length === 0;
    this.values = test.scale.choices.map((choice) => choice.value);
    this.pages = test.places[place];
    this.count = 0; // events
    this.done = 0; // pages
    this.stopped = false;
    this.turn();
  }

  turn() {
    this.heard = new Set();
    this.answers = new Map();
  }

  get page() {
    return this.pages[this.done] ?? null;
  }

  get stage() {
    if (!this.page) return "done";
    return this.stopped ? "stopped" : "page";
  }

  question(stimulus) {
    const name = stimulus ?? "answer";
    return this.page.questions.find((question) => question.name === name);
  }

  mayAnswer(question) {
    return question.needs.every((stimulus) => this.heard.has(stimulus));
  }

  mayLeave() {
    return this.page.questions.every((question) => this.answers.has(question.name));
  }

  allows(kind, stimulus, value) {
    if (kind === "resume") return this.stage === "stopped";
    if (this.stage !== "page") return false;
    if (kind === "stop") return true;
    if (kind === "next") return this.mayLeave();
    if (PLAYING.includes(kind)) {
      const there = this.page.clips.some((clip) => clip.stimulus === stimulus);
      return there && (kind !== "seek" || this.heard.has(stimulus));
    }
    const question = this.question(stimulus);
    if (!question || !this.mayAnswer(question) || (kind === "slide" && !this.sliders)) return false;
    return this.sliders ? value >= 0 && value <= 100 : this.values.includes(value);
  }

  // An event that was kept.
  take({ kind, stimulus, value }) {
    this.count += 1;
    if (kind === "heard") this.heard.add(stimulus);
    else if (kind === "answer") this.answers.set(stimulus ?? "answer", value);
    else if (kind === "stop" || kind === "resume") this.stopped = kind === "stop";
    else if (kind === "next") {
      this.done += 1;
      this.turn();
    }
  }
}

// Makes events and hands them to a host, in order, one batch at a time. Nothing counts before the host has kept it.
class Session {
  constructor(test, host, { rater, place, events }, changed) {
    Object.assign(this, { test, host, rater, place, changed });
    this.queue = []; // made, and not kept yet
    this.sending = false;
    this.trouble = null; // why the first of them could not be kept
    this.replay(events);
  }

  replay(events) {
    this.course = new Course(this.test, this.place);
    events.forEach((event) => this.course.take(event));
  }

  // Whether it may be done now; if so, it is on its way.
  say(kind, stimulus = null, value = null) {
    const left = this.queue.some((event) => LEAVING.includes(event.kind));
    if (left || !this.course.allows(kind, stimulus, value)) return false;
    const page = WITHOUT_PAGE.includes(kind) ? null : this.course.page.id;
    const seq = this.course.count + this.queue.length;
    this.queue.push({ seq, at: Date.now(), kind, page, stimulus, value });
    this.send();
    return true;
  }

  async send() {
    if (this.sending || this.trouble || !this.queue.length) return;
    this.sending = true;
    const batch = [...this.queue];
    try {
      await this.host.keep(this.rater, batch);
      this.queue.splice(0, batch.length);
      batch.forEach((event) => this.course.take(event));
    } catch (error) {
      this.trouble = error;
    }
    this.sending = false;
    this.changed();
    this.send();
  }

  // After trouble: go on from what was kept. What the host refuses would be refused again, and is dropped.
  async again() {
    if (this.sending || !this.trouble) return;
    this.sending = true;
    try {
      const { events } = await this.host.read(this.rater);
      this.queue = this.trouble.refused ? [] : this.queue.filter((event) => event.seq >= events.length);
      this.replay(events);
      this.trouble = null;
    } catch (error) {
      this.trouble = error;
    }
    this.sending = false;
    this.changed();
    this.send();
  }
}
