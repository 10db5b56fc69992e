// The shots, as far as the page was given them: all of a small batch; of a large one those that are looked at.

const KEPT = 60; // pages of shots that are kept, at least

// A value of each shot, by its number.
class Column {
  constructor(total) {
    this.values = new Array(total);
    this.known = 0;
  }

  set(n, value) {
    if (this.values[n] === undefined) this.known += 1;
    this.values[n] = value;
  }

  forget(n) {
    if (this.values[n] !== undefined) this.known -= 1;
    this.values[n] = undefined;
  }

  holes(total, size) {
    const found = [];
    if (this.known === total) return found;
    for (let block = 0; block * size < total; block += 1) {
      const end = Math.min(total, (block + 1) * size);
      for (let n = block * size; n < end; n += 1) {
        if (this.values[n] !== undefined) continue;
        found.push(block);
        break;
      }
    }
    return found;
  }
}

class Batch {
  constructor(data) {
    this.title = data.title;
    this.data = data.data ?? null;
    this.version = data.version;
    this.shots = new Map(); // whole shots; of a large batch the pages that were looked at last
    this.rows = new Column(data.total); // what shots are filtered and sorted by; null for one that has gone
    this.texts = new Column(data.total); // what a search looks through
    this.changedAt = new Map(); // of a live page: the version at which a shot was last told anew
    this.forgottenAt = new Map(); // and at which a page of them was last told to have changed
    this.pages = new Set(); // in the order in which they were last needed
    this.wanted = new Map(); // who needs which pages now
    this.columns = []; // what is needed of all shots now
    this.isIncomplete = false;
    this.arrived = () => {};
    this.take(data);
  }

  get isLive() {
    return this.version !== undefined;
  }

  // How many shots there are: without those that have gone.
  get counted() {
    return Object.values(this.counts.status).reduce((sum, count) => sum + count, 0);
  }

  take(state) {
    const { isWritten, problem = null, version, total, counts, known, isRead = true } = state;
    Object.assign(this, { isWritten, problem, version, total, counts, known, isRead });
    for (const page of state.pages ?? []) this.forget(page);
    for (const shot of state.shots) {
      if (this.isLive) this.changedAt.set(shot.n, version);
      this.set(shot);
    }
  }

  set(shot) {
    const { n } = shot;
    if (shot.gone) this.shots.delete(n);
    else this.shots.set(n, shot);
    this.rows.set(n, shot.gone ? null : rowOf(shot));
    this.texts.set(n, shot.gone ? "" : textOf(shot));
  }

  // So much has changed that it is not told shot by shot.
  forget(page) {
    const { page: size } = this.data;
    this.pages.delete(page);
    this.forgottenAt.set(page, this.version);
    for (let n = page * size; n < (page + 1) * size; n += 1) {
      this.shots.delete(n);
      this.rows.forget(n);
      this.texts.forget(n);
    }
  }

  // Say which shots somebody needs whole, and no longer which before.
  want(who, numbers) {
    if (!this.data) return;
    const pages = new Set(numbers.map((n) => Math.floor(n / this.data.page)));
    for (const page of pages) {
      if (this.pages.delete(page)) this.pages.add(page);
    }
    this.wanted.set(who, [...pages].filter((page) => numbers.some((n) => Math.floor(n / this.data.page) === page && this.lacks(n))));
    this.load();
  }

  lacks(n) {
    return !this.shots.has(n) && this.rows.values[n] !== null;
  }

  // Ask for what is needed of all shots. Returns the share that is there.
  share(columns) {
    this.columns = columns;
    this.load();
    if (!this.data || !columns.length) return 1;
    const known = columns.reduce((sum, name) => sum + this[name].known, 0);
    return this.total ? known / (this.total * columns.length) : 1;
  }

  load() {
    if (!this.data) return;
    const { block } = this.data;
    for (const pages of this.wanted.values()) for (const page of pages) this.request("shots", page);
    for (const name of this.columns) for (const number of this[name].holes(this.total, block)) if (!this.request(name, number)) return;
  }

  request(kind, number) {
    const taken = (content, version) => {
      this.isIncomplete = false;
      this.receive(kind, number, content, version);
      this.load();
      this.arrived(kind);
    };
    const lost = () => {
      this.isIncomplete = true;
      setTimeout(() => this.load(), AGAIN);
      this.arrived(kind);
    };
    return scripts.load(this.data.url, `${kind}-${number}`, taken, lost);
  }

  receive(kind, number, content, version) {
    const isNew = (n) => version === null || !(this.changedAt.get(n) > version || this.forgottenAt.get(Math.floor(n / this.data.page)) > version);
    const start = number * this.data.block;
    if (kind === "shots") {
      for (const shot of content) if (isNew(shot.n)) this.set(shot);
      this.keep(number);
    } else if (kind === "texts") {
      content.forEach((text, at) => isNew(start + at) && this.texts.set(start + at, text.toLowerCase()));
    } else {
      const { kinds, kind: places, key: keys, created, seconds } = content;
      keys.forEach((key, at) => {
        const n = start + at;
        if (!isNew(n)) return;
        const [status, route, model] = kinds[places[at]] ?? [];
        this.rows.set(n, key === null ? null : { n, key, status, route, model, created: created[at], seconds: seconds[at] });
      });
    }
  }

  keep(page) {
    this.wanted.forEach((pages, who) => this.wanted.set(who, pages.filter((other) => other !== page)));
    this.pages.delete(page);
    this.pages.add(page);
    const [oldest] = this.pages;
    if (this.pages.size <= KEPT) return;
    this.pages.delete(oldest);
    for (let n = oldest * this.data.page; n < (oldest + 1) * this.data.page; n += 1) this.shots.delete(n);
  }

  // A shot, or what stands in its place until it is loaded.
  shot(n) {
    return this.shots.get(n) ?? { n, key: null, prompt: null, seconds: null, seed: null, created: null, status: "loading", files: [], ...this.rows.values[n], isLoading: true };
  }

  numberOf(key) {
    return this.rows.values.find((row) => row?.key === key)?.n ?? null;
  }
}

function rowOf({ n, key, status, route, model, created, seconds }) {
  return { n, key, status, route, model, created, seconds: typeof seconds === "number" ? seconds : null };
}

// What a search looks through; of a large batch it is made with the page (`Card.text`).
function textOf(shot) {
  const names = shot.files.map((file) => file.name);
  const said = [shot.key, shot.prompt, shot.id, shot.model, shot.route, routeOf(shot), shot.seed, shot.reason, ...names];
  return said.filter((text) => text !== null).join("\n").toLowerCase();
}

const batch = new Batch(JSON.parse(byId("data").textContent));
