// What is seen: consent, one page after the other, the end. A host keeps the events and gives the sounds:
//
//   open() -> [{rater, pages, done, finished}]   begin(at, place) -> {rater, place, events}   read(rater) -> the same
//   keep(rater, events)   clip(stimulus) -> address   forget(rater)   saved(rater) -> {name, text}, or null

let panels = 0;

class Panel {
  constructor(root, test, host, place = "") {
    Object.assign(this, { root, test, host, place });
    this.texts = test.texts;
    this.number = (panels += 1);
    this.addresses = new Map(); // stimulus -> promise of an address
    this.session = null;
    this.entering = false;
    this.players = [];
    this.rows = [];
    this.choices = [];
    root.classList.add("gsv-listening");
    root.addEventListener("keydown", (event) => pressed(this, event));
    root.addEventListener("keyup", (event) => pressed(this, event));
  }

  async start(note = "") {
    this.clear();
    this.session = null;
    let raters = [];
    let problem = "";
    try {
      raters = await this.host.open();
    } catch (error) {
      problem = error.message;
    }
    this.show("welcome", ...this.welcome(raters, note, problem));
  }

  clear() {
    this.players.forEach((player) => player.close());
    this.players = [];
    this.rows = [];
    this.choices = [];
  }

  show(stage, ...parts) {
    this.root.dataset.stage = stage;
    this.root.replaceChildren(...parts);
    if (stage !== "welcome") this.root.querySelector("h2").focus();
  }

  heading(text) {
    return part("h2", { tabindex: -1, id: `gsv-listening-${this.number}` }, text);
  }

  alert(text) {
    return part("p", { class: "gsv-listening-trouble", role: "alert" }, text);
  }

  // The first page.

  welcome(raters, note, problem) {
    const { texts, test } = this;
    const said = ["consent", "synthetic", "right_to_stop", "no_name", "advice", "tones"].map((name) => texts[name]);
    const agree = part("input", { type: "checkbox" });
    const place = part("input", { type: "number", min: 1, max: test.places.length, step: 1 });
    place.value = this.place;
    const begin = button(texts.begin, "gsv-listening-main", () => this.begin(place));
    begin.disabled = true;
    agree.addEventListener("change", () => { begin.disabled = !agree.checked || Boolean(problem); });
    const form = [part("p", {}, part("label", {}, agree, ` ${texts.agree}`))];
    if (test.places.length > 1) {
      const asked = filled(texts.place, { places: test.places.length });
      form.push(part("p", {}, part("label", {}, `${asked} `, place)));
    }
    return [
      this.heading(texts.title),
      ...(note ? [part("p", { role: "status" }, note)] : []),
      ...(problem ? [this.alert(problem)] : []),
      ...said.filter(Boolean).map((text) => part("p", {}, text)),
      ...form,
      part("p", {}, begin),
      ...raters.filter((rater) => !rater.finished).map((rater) => this.unfinished(rater)),
      ...raters.filter((rater) => rater.finished).map((rater) => this.finished(rater)),
    ];
  }

  unfinished({ rater, pages, done }) {
    const text = filled(this.texts.unfinished, { rater, pages, page: done + 1 });
    return part("p", {}, button(text, "gsv-listening-go-on", () => this.enter(() => this.host.read(rater))));
  }

  finished({ rater }) {
    const line = part("p", {}, `${filled(this.texts.finished, { rater })} `);
    if (this.host.saves) line.append(button(this.texts.save, "gsv-listening-save", () => this.save(rater)));
    return line;
  }

  begin(place) {
    if (!place.reportValidity()) return;
    this.enter(() => this.host.begin(Date.now(), place.value ? Number(place.value) - 1 : null));
  }

  async enter(asked) {
    if (this.entering) return; // a second click
    this.entering = true;
    try {
      this.session = new Session(this.test, this.host, await asked(), () => this.changed());
    } catch (error) {
      this.root.append(this.alert(error.message));
      return;
    } finally {
      this.entering = false;
    }
    this.session.say("resume");
    this.turn();
  }

  // A page.

  turn() {
    const { course } = this.session;
    this.clear();
    this.shown = `${course.stage} ${course.done}`;
    if (course.stage === "page") this.show("page", ...this.page(course));
    else if (course.stage === "stopped") this.show("stopped", ...this.stopped());
    else this.show("done", ...this.done());
    this.refresh();
    if (course.stage === "page") this.load(course);
  }

  changed() {
    const { course } = this.session;
    if (this.shown !== `${course.stage} ${course.done}`) this.turn();
    else this.refresh();
  }

  page(course) {
    const { texts, session } = this;
    const { page } = course;
    const numbers = { page: course.done + 1, pages: course.pages.length };
    const progress = filled(texts.progress, numbers);
    const bar = part("progress", { max: numbers.pages, value: course.done, "aria-label": progress });
    const stop = button(texts.stop, "gsv-listening-stop", () => this.stop());
    this.current = null;
    this.players = page.clips.map((clip) => new Player(session, clip, (player) => this.begun(player)));
    this.rows = course.sliders ? this.sliders(page) : [];
    this.choices = course.sliders ? [] : this.buttons();
    const named = `gsv-listening-${this.number}`;
    const answers = part("div", { role: "group", "aria-labelledby": named, class: "gsv-listening-choices" });
    answers.append(...this.choices);
    this.next = button(texts.next, "gsv-listening-main", () => this.leave());
    this.status = part("p", { role: "status", class: "gsv-listening-status" });
    this.trouble = part("div", { class: "gsv-listening-troubles" });
    const count = course.sliders ? this.rows.length : this.choices.length;
    const keys = filled(course.sliders ? texts.keys_sliders : texts.keys_choices, { count });
    return [
      part("div", { class: "gsv-listening-progress" }, bar, part("span", {}, progress), stop),
      this.heading(texts.question),
      part("div", { class: "gsv-listening-clips" }, ...this.players.map((player) => player.element)),
      ...(course.sliders ? [] : [answers]),
      this.status,
      part("p", {}, this.next),
      this.trouble,
      part("p", { class: "gsv-listening-keys" }, keys),
    ];
  }

  buttons() {
    return this.test.scale.choices.map(({ value, label }, index) => {
      const made = button("", "gsv-listening-choice", () => this.session.say("answer", null, value));
      made.append(part("b", {}, String(index + 1)), ` ${label}`);
      return made;
    });
  }

  // One row for each clip that is rated; the mentioned reference has none.
  sliders(page) {
    const { texts, session } = this;
    return page.questions.map(({ name, label }) => {
      const player = this.players.find((one) => one.stimulus === name);
      const slider = part("input", {
        type: "range", class: "gsv-listening-slider", min: 0, max: 100, step: 1, value: 50,
        "aria-label": filled(texts.rating, { label }),
      });
      const kept = session.course.answers.get(name);
      if (kept !== undefined) slider.value = kept;
      const output = part("output", { class: "gsv-listening-value" }, "–");
      slider.addEventListener("input", () => session.say("slide", name, Number(slider.value)));
      slider.addEventListener("change", () => session.say("answer", name, Number(slider.value)));
      const scale = part("div", { class: "gsv-listening-bands", "aria-hidden": "true" });
      scale.append(...this.test.scale.bands.map((band) => part("span", {}, band)));
      player.element.append(part("div", { class: "gsv-listening-rating" }, slider, scale), output);
      return { name, player, slider, output };
    });
  }

  async load(course) {
    const page = course.page;
    const wanted = [page, course.pages[course.done + 1]].filter(Boolean);
    const kept = new Set(wanted.flatMap((one) => one.clips.map((clip) => clip.stimulus)));
    for (const [stimulus, address] of this.addresses) {
      if (kept.has(stimulus)) continue;
      this.addresses.delete(stimulus);
      address.then((url) => url.startsWith("blob:") && URL.revokeObjectURL(url), () => {});
    }
    const { players } = this;
    for (const player of players) {
      try {
        const address = await this.address(player.stimulus);
        if (this.players !== players) return; // the page was left
        player.load(address);
      } catch (error) {
        player.problem = filled(this.texts.no_clip, { why: error.message });
        player.refresh();
      }
    }
    // The next page's, while this one is listened to.
    for (const stimulus of kept) await this.address(stimulus).catch(() => {});
  }

  address(stimulus) {
    if (!this.addresses.has(stimulus)) {
      const asked = this.host.clip(stimulus);
      asked.catch(() => this.addresses.delete(stimulus));
      this.addresses.set(stimulus, asked);
    }
    return this.addresses.get(stimulus);
  }

  begun(player) {
    this.current = player;
    this.players.forEach((other) => other !== player && other.pause());
    this.row(player)?.slider.focus();
  }

  row(player) {
    const found = this.rows.find((row) => row.player === player);
    return found && !found.slider.disabled ? found : null;
  }

  // What is shown as taken was kept.
  refresh() {
    const { session, texts } = this;
    if (this.root.dataset.stage !== "page") return;
    const { course } = session;
    this.players.forEach((player) => player.refresh());
    const answered = course.answers.get("answer");
    this.choices.forEach((choice, index) => {
      const taken = answered !== undefined && answered === course.values[index];
      choice.setAttribute("aria-pressed", String(taken));
      choice.disabled = !course.mayAnswer(course.question(null));
    });
    for (const { name, player, slider, output } of this.rows) {
      const waited = slider.disabled;
      const value = course.answers.get(name);
      slider.disabled = !course.mayAnswer(course.question(name));
      slider.setAttribute("aria-valuetext", this.spoken(Number(slider.value)));
      output.textContent = value === undefined ? "–" : String(value);
      player.element.classList.toggle("gsv-listening-taken", value !== undefined);
      if (waited && !slider.disabled && player === this.current) slider.focus();
    }
    this.next.disabled = !course.mayLeave();
    const hears = course.page.questions.some((question) => !course.mayAnswer(question));
    this.status.textContent = course.mayLeave() ? texts.answered : hears ? texts.first_hear : texts.now_answer;
    this.showTrouble();
  }

  spoken(value) {
    const { bands } = this.test.scale;
    return `${value}, ${bands[Math.min(bands.length - 1, Math.floor((value * bands.length) / 100))]}`;
  }

  showTrouble() {
    const { trouble } = this.session;
    if (!trouble) this.trouble.replaceChildren();
    else if (!this.trouble.childElementCount || this.trouble.dataset.why !== trouble.message) {
      this.trouble.dataset.why = trouble.message;
      const why = filled(this.texts.not_kept, { why: trouble.message });
      const again = button(this.texts.again, "gsv-listening-again", () => this.session.again());
      this.trouble.replaceChildren(this.alert(why), again);
    }
  }

  leave() {
    if (!this.session.course.mayLeave()) return;
    this.players.forEach((player) => player.pause());
    this.session.say("next");
  }

  stop() {
    this.players.forEach((player) => player.pause());
    this.session.say("stop");
  }

  // The end.

  stopped() {
    const { texts } = this;
    return [
      this.heading(texts.stopped),
      part("p", {}, button(texts.go_on, "gsv-listening-main", () => this.session.say("resume"))),
      ...this.keeping(),
      part("p", {}, button(texts.delete, "gsv-listening-delete", () => this.forget())),
      part("p", {}, button(texts.another, "gsv-listening-another", () => this.start())),
    ];
  }

  done() {
    return [
      this.heading(this.texts.done),
      ...this.keeping(),
      part("p", {}, button(this.texts.another, "gsv-listening-another", () => this.start())),
    ];
  }

  keeping() {
    if (!this.host.saves) return [];
    const { rater } = this.session;
    const text = filled(this.texts.send, { file: this.host.fileName(rater) });
    return [part("p", {}, button(this.texts.save, "gsv-listening-save", () => this.save(rater)), ` ${text}`)];
  }

  async save(rater) {
    const { name, text } = await this.host.saved(rater);
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    part("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  async forget() {
    try {
      await this.host.forget(this.session.rater);
      await this.start(this.texts.deleted);
    } catch (error) {
      this.root.append(this.alert(error.message));
    }
  }

  close() {
    this.clear();
    this.addresses.forEach((address) => address.then((url) => URL.revokeObjectURL(url), () => {}));
  }
}
