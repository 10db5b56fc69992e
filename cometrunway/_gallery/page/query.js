// Which shots are shown, in which order, and which one large: kept in the address, so that it can be shared.

const collator = new Intl.Collator("en", { numeric: true });
const inOrder = (a, b) => a.n - b.n;
const rank = Object.fromEntries(["failed", "cancelled", "in_doubt", "refused", "submitting", "owed", "delivered", "file"].map((s, i) => [s, i]));

const SORTS = {
  order: { label: "Order" },
  newest: { label: "Newest", compare: (a, b) => (b.created ?? Infinity) - (a.created ?? Infinity) || b.n - a.n, by: "created" },
  key: { label: "Key", compare: (a, b) => collator.compare(a.key, b.key) || inOrder(a, b) },
  status: { label: "Status", compare: (a, b) => rank[a.status] - rank[b.status] || inOrder(a, b) },
  longest: { label: "Longest", compare: (a, b) => (b.seconds ?? 0) - (a.seconds ?? 0) || inOrder(a, b), by: "seconds" },
};

const FILTERS = ["status", "route", "model"];

class Query {
  constructor() {
    this.read();
  }

  read() {
    const fields = new URLSearchParams(location.hash.slice(1));
    this.text = fields.get("q") ?? "";
    for (const name of FILTERS) this[name] = fields.get(name) || "all";
    if (!Object.hasOwn(STATUSES, this.status)) this.status = "all";
    this.sort = Object.hasOwn(SORTS, fields.get("sort") ?? "") ? fields.get("sort") : "order";
    this.opened = fields.get("shot");
  }

  get words() {
    return this.text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  get isFiltering() {
    return this.words.length > 0 || FILTERS.some((name) => this[name] !== "all");
  }

  clear() {
    this.text = "";
    for (const name of FILTERS) this[name] = "all";
  }

  // What must be known of every shot to answer it.
  get columns() {
    if (this.words.length) return ["rows", "texts"];
    return this.isFiltering || this.sort !== "order" ? ["rows"] : [];
  }

  address(opened = this.opened) {
    const fields = new URLSearchParams();
    if (this.text) fields.set("q", this.text);
    for (const name of FILTERS) if (this[name] !== "all") fields.set(name, this[name]);
    if (this.sort !== "order") fields.set("sort", this.sort);
    if (opened !== null) fields.set("shot", opened);
    return `#${fields}`;
  }

  keep() {
    history.replaceState(history.state, "", this.address());
  }

  // Returns the shots' numbers. While not all are known, those of which it is known that they are meant.
  result({ rows, texts, total }) {
    const { words } = this;
    const filters = FILTERS.filter((name) => this[name] !== "all");
    const isAny = words.length === 0 && filters.length === 0 && this.sort === "order";
    const found = [];
    for (let n = 0; n < total; n += 1) {
      const row = rows.values[n];
      if (row === null || (row === undefined && !isAny)) continue;
      if (filters.every((name) => row[name] === this[name]) && words.every((word) => texts.values[n]?.includes(word))) found.push(n);
    }
    const { compare } = SORTS[this.sort];
    return compare ? found.sort((a, b) => compare(rows.values[a], rows.values[b])) : found;
  }
}

const query = new Query();
