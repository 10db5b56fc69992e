// Which shots are shown, in which order, and which one large: kept in the address, so that it can be shared.

const inOrder = (a, b) => a.n - b.n;
const byText = (a, b) => a.localeCompare(b, "en", { numeric: true });
const rank = Object.fromEntries(["failed", "in_doubt", "refused", "submitting", "owed", "succeeded", "file"].map((s, i) => [s, i]));

const SORTS = {
  order: { label: "Order", compare: inOrder },
  newest: { label: "Newest", compare: (a, b) => (b.created ?? Infinity) - (a.created ?? Infinity) || b.n - a.n, by: "created" },
  key: { label: "Key", compare: (a, b) => byText(a.key, b.key) },
  status: { label: "Status", compare: (a, b) => rank[a.status] - rank[b.status] || inOrder(a, b) },
  longest: { label: "Longest", compare: (a, b) => (b.seconds ?? 0) - (a.seconds ?? 0) || inOrder(a, b), by: "seconds" },
};

const haystacks = new WeakMap();

function haystack(shot) {
  if (!haystacks.has(shot)) {
    const names = shot.files.map((file) => file.name);
    const said = [shot.key, shot.prompt, shot.id, shot.model, shot.route, routeOf(shot), shot.seed, shot.reason, ...names];
    haystacks.set(shot, said.filter((text) => text !== null).join("\n").toLowerCase());
  }
  return haystacks.get(shot);
}

class Query {
  constructor() {
    this.read();
  }

  read() {
    const fields = new URLSearchParams(location.hash.slice(1));
    this.text = fields.get("q") ?? "";
    const known = (choices, name, fallback) => (Object.hasOwn(choices, fields.get(name) ?? "") ? fields.get(name) : fallback);
    this.status = known(STATUSES, "status", "all");
    this.sort = known(SORTS, "sort", "order");
    this.opened = fields.get("shot");
  }

  get isFiltering() {
    return this.text.trim() !== "" || this.status !== "all";
  }

  address(opened = this.opened) {
    const fields = new URLSearchParams();
    if (this.text) fields.set("q", this.text);
    if (this.status !== "all") fields.set("status", this.status);
    if (this.sort !== "order") fields.set("sort", this.sort);
    if (opened !== null) fields.set("shot", opened);
    return `#${fields}`;
  }

  keep() {
    history.replaceState(history.state, "", this.address());
  }

  result(shots) {
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    return [...shots]
      .filter((shot) => this.status === "all" || shot.status === this.status)
      .filter((shot) => words.every((word) => haystack(shot).includes(word)))
      .sort(SORTS[this.sort].compare);
  }
}

const query = new Query();
