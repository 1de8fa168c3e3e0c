// The host of the page that runs from a file: events lie in the browser's own storage (IndexedDB), on the disk before
// they count, and leave it as a file that the rater saves.

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

class PageHost {
  constructor({ test, clips, format }) {
    Object.assign(this, { test, clips, format });
    this.saves = true;
    this.database = null;
  }

  async opened() {
    if (!this.database) {
      const asked = indexedDB.open(`gsv_lab listening ${this.test.sha256}`, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("raters", { keyPath: "rater" });
        asked.result.createObjectStore("events", { keyPath: ["rater", "seq"] });
      };
      this.database = await settled(asked);
    }
    return this.database;
  }

  async write(work) {
    const database = await this.opened();
    const change = database.transaction(["raters", "events"], "readwrite", { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      change.oncomplete = resolve;
      change.onabort = () => reject(change.error ?? new Error("it was stopped"));
    });
    work(change.objectStore("raters"), change.objectStore("events"));
    try {
      await done;
    } catch (error) {
      // Another window has kept events of this rater.
      throw Object.assign(new Error(error.message), { refused: error.name === "ConstraintError" });
    }
  }

  async eventsOf(rater) {
    const database = await this.opened();
    const range = IDBKeyRange.bound([rater, 0], [rater, Infinity]);
    const rows = await settled(database.transaction("events").objectStore("events").getAll(range));
    return rows.map(({ rater: _, ...event }) => event);
  }

  async raters() {
    const database = await this.opened();
    return settled(database.transaction("raters").objectStore("raters").getAll());
  }

  async open() {
    const found = [];
    for (const { rater, place } of await this.raters()) {
      const course = new Course(this.test, place);
      (await this.eventsOf(rater)).forEach((event) => course.take(event));
      found.push({ rater, pages: course.pages.length, done: course.done, finished: course.stage === "done" });
    }
    return found;
  }

  async begin(at, place) {
    const digits = crypto.getRandomValues(new Uint8Array(6));
    const rater = [...digits].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const taken = place ?? Math.floor(Math.random() * this.test.places.length);
    const agreed = { seq: 0, at, kind: "agree", page: null, stimulus: null, value: null };
    await this.write((raters, events) => {
      raters.add({ rater, place: taken });
      events.add({ rater, ...agreed });
    });
    return { rater, place: taken, events: [agreed] };
  }

  async read(rater) {
    const found = (await this.raters()).find((one) => one.rater === rater);
    return { rater, place: found.place, events: await this.eventsOf(rater) };
  }

  async keep(rater, batch) {
    await this.write((_, events) => batch.forEach((event) => events.add({ rater, ...event })));
  }

  async clip(stimulus) {
    return this.clips[stimulus];
  }

  async forget(rater) {
    await this.write((raters, events) => {
      raters.delete(rater);
      events.delete(IDBKeyRange.bound([rater, 0], [rater, Infinity]));
    });
  }

  fileName(rater) {
    return `results_${rater}.json`;
  }

  async saved(rater) {
    const content = { format: this.format, test: this.test.sha256, raters: [await this.read(rater)] };
    return { name: this.fileName(rater), text: JSON.stringify(content) };
  }
}

{
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = /^#place=(\d+)$/.exec(location.hash)?.[1] ?? "";
  new Panel(document.getElementById("panel"), data.test, new PageHost(data), place).start();
}
