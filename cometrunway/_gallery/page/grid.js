// The grid. Only the rows in sight (and a few around them) exist, so ten thousand shots cost what fifty cost.

const AROUND = 0.5; // of a screen, above and below what is in sight

class Grid {
  constructor(element) {
    this.element = element;
    this.shots = [];
    this.cards = new Map();
    this.current = 0;
    this.columns = 1;
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(element);
    addEventListener("resize", () => this.soon());
    element.addEventListener("focusin", (event) => this.setCurrent(this.indexOf(event.target.closest("li"))));
  }

  show(shots) {
    const kept = this.shots[this.current]?.n;
    this.shots = shots;
    this.current = Math.max(0, shots.findIndex((shot) => shot.n === kept));
    this.draw();
  }

  soon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  measure() {
    const style = getComputedStyle(this.element);
    const [least, gap, told] = ["--least", "--gap", "--told"].map((name) => parseFloat(style.getPropertyValue(name)));
    const width = this.element.clientWidth;
    this.columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
    this.width = (width - gap * (this.columns - 1)) / this.columns;
    this.height = Math.round((this.width * 9) / 16) + told;
    this.gap = gap;
  }

  draw() {
    this.measure();
    const pitch = this.height + this.gap;
    const rows = Math.ceil(this.shots.length / this.columns);
    this.element.style.height = `${Math.max(0, rows * pitch - this.gap)}px`;
    const top = -this.element.getBoundingClientRect().top;
    const around = innerHeight * AROUND;
    const first = Math.max(0, Math.floor((top - around) / pitch)) * this.columns;
    const last = Math.min(this.shots.length, Math.ceil((top + innerHeight + around) / pitch) * this.columns);
    const inSight = Math.max(0, Math.ceil(top / pitch)) * this.columns;
    this.fill(this.indices(first, last), inSight, pitch);
  }

  indices(first, last) {
    const found = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
    const holdsFocus = this.element.contains(document.activeElement);
    if (holdsFocus && this.current < first) found.unshift(this.current);
    if (holdsFocus && this.current >= last && this.current < this.shots.length) found.push(this.current);
    return found;
  }

  fill(indices, inSight, pitch) {
    const wanted = new Set(indices.map((index) => this.shots[index].n));
    for (const [n, card] of this.cards) if (!wanted.has(n)) this.remove(n, card);
    // the one shot at which Tab stops: the current one, or where that is far away the first in sight
    const stop = indices.includes(this.current) ? this.current : (indices.find((index) => index >= inSight) ?? indices[0]);
    let place = this.element.firstChild;
    for (const index of indices) {
      const { element, link } = this.card(index, pitch);
      link.tabIndex = index === stop ? 0 : -1;
      if (element === place) place = place.nextSibling;
      else this.element.insertBefore(element, place); // in the order of reading, for who listens to the page
    }
  }

  card(index, pitch) {
    const shot = this.shots[index];
    const card = this.cards.get(shot.n) ?? new Card(shot);
    if (card.shot !== shot) card.update(shot);
    this.cards.set(shot.n, card);
    const { element } = card;
    element.style.width = `${this.width}px`;
    element.style.height = `${this.height}px`;
    const [column, row] = [index % this.columns, Math.floor(index / this.columns)];
    element.style.transform = `translate(${column * (this.width + this.gap)}px, ${row * pitch}px)`;
    element.dataset.index = index;
    element.setAttribute("aria-setsize", this.shots.length);
    element.setAttribute("aria-posinset", index + 1);
    return card;
  }

  remove(n, card) {
    card.drop();
    card.element.remove();
    this.cards.delete(n);
  }

  refresh() {
    for (const card of this.cards.values()) card.say();
  }

  indexOf(element) {
    return Number(element.dataset.index);
  }

  get currentCard() {
    return this.cards.get(this.shots[this.current]?.n);
  }

  setCurrent(index) {
    for (const card of this.cards.values()) card.link.tabIndex = -1;
    this.current = index;
    if (this.currentCard) this.currentCard.link.tabIndex = 0;
  }

  focus(index) {
    if (!this.shots.length) return;
    this.setCurrent(Math.min(Math.max(index, 0), this.shots.length - 1));
    this.reveal();
    this.draw();
    this.currentCard?.link.focus({ preventScroll: true });
  }

  focusShot(shot) {
    const index = this.shots.findIndex((other) => other.n === shot.n);
    if (index >= 0) this.focus(index);
  }

  reveal() {
    const start = this.element.getBoundingClientRect().top + scrollY;
    const top = start + Math.floor(this.current / this.columns) * (this.height + this.gap);
    const covered = byId("controls").offsetHeight + this.gap;
    if (top - covered < scrollY) scrollTo({ top: top - covered });
    else if (top + this.height + this.gap > scrollY + innerHeight) scrollTo({ top: top + this.height + this.gap - innerHeight });
  }
}

const grid = new Grid(byId("grid"));
