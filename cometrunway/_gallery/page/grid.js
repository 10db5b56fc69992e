// The grid. Only the rows in sight (and a few around them) exist, so a million shots cost what fifty cost.

const AROUND = 0.5; // of a screen, above and below what is in sight
const AHEAD = 100; // shots further on that are loaded too
const TALLEST = 4_000_000; // pixels: browsers do not place exactly what lies much further down
const FAR = 4; // screens: a longer way at once is no scrolling, but a jump

// Where the page was scrolled to. A list that is too tall is as tall as can be, and slides along under what is in sight:
// a jump leads to the same share of it, scrolling moves it pixel by pixel.
class Slide {
  constructor() {
    this.offset = 0; // how much further down the list the reader is than the page
    this.before = 0;
  }

  fit(whole, view) {
    this.whole = whole;
    this.shown = Math.min(whole, TALLEST);
    this.view = view;
    if (whole === this.shown) this.offset = 0;
  }

  // Returns the place in the list where the page's own place is `top`; moves the page before it comes to its end.
  follow(top, moveTo) {
    if (this.whole === this.shown) return top;
    const far = FAR * this.view;
    if (Math.abs(top - this.before) > far) {
      const share = Math.min(1, Math.max(0, top / (this.shown - this.view)));
      this.offset = share * (this.whole - this.view) - Math.min(Math.max(top, 0), this.shown - this.view);
    }
    const place = top + this.offset;
    const fitting = this.topOf(place);
    const isAtEnd = top < far || top > this.shown - this.view - far;
    if (isAtEnd && Math.abs(fitting - top) > 1) {
      this.offset = place - fitting;
      moveTo(fitting);
      this.before = fitting;
    } else this.before = top;
    return place;
  }

  // Where the page must be for a place in the list: the list's ends are the page's ends.
  topOf(place) {
    const quarter = this.shown / 4;
    if (this.whole === this.shown || place < quarter) return place;
    if (place > this.whole - quarter) return place - this.whole + this.shown;
    return this.shown / 2;
  }

  go(place) {
    const top = this.topOf(place);
    this.offset = place - top;
    this.before = top;
    return top;
  }
}

class Grid {
  constructor(element) {
    this.element = element;
    this.numbers = [];
    this.cards = new Map();
    this.current = 0;
    this.columns = 1;
    this.slide = new Slide();
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(element);
    addEventListener("resize", () => this.soon());
    element.addEventListener("focusin", (event) => this.setCurrent(this.indexOf(event.target.closest("li"))));
  }

  show(numbers) {
    const kept = this.numbers[this.current];
    this.numbers = numbers;
    this.current = numbers[this.current] === kept ? this.current : Math.max(0, numbers.indexOf(kept));
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
    this.pitch = this.height + gap;
    const rows = Math.ceil(this.numbers.length / this.columns);
    this.slide.fit(Math.max(0, rows * this.pitch - gap), innerHeight);
    this.element.style.height = `${this.slide.shown}px`;
  }

  // Where only the head is out of sight, at most.
  toTop() {
    const top = byId("head").offsetHeight;
    if (scrollY <= top && this.slide.offset === 0) return;
    this.slide.go(0);
    scrollTo({ top: Math.min(scrollY, top), behavior: "instant" });
    this.slide.before = scrollY - this.start;
  }

  get start() {
    return this.element.getBoundingClientRect().top + scrollY;
  }

  draw() {
    this.measure();
    const { start, pitch } = this;
    const top = this.slide.follow(scrollY - start, (to) => scrollTo({ top: to + start, behavior: "instant" }));
    const around = innerHeight * AROUND;
    const first = Math.max(0, Math.floor((top - around) / pitch)) * this.columns;
    const last = Math.min(this.numbers.length, Math.ceil((top + innerHeight + around) / pitch) * this.columns);
    const inSight = Math.max(0, Math.ceil(top / pitch)) * this.columns;
    const indices = this.indices(first, last);
    const soon = [last + AHEAD, first - AHEAD].filter((index) => index in this.numbers); // where scrolling leads to
    batch.want("grid", [...indices, ...soon].map((index) => this.numbers[index]));
    this.fill(indices, inSight);
  }

  indices(first, last) {
    const found = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
    const holdsFocus = this.element.contains(document.activeElement);
    if (holdsFocus && this.current < first) found.unshift(this.current);
    if (holdsFocus && this.current >= last && this.current < this.numbers.length) found.push(this.current);
    return found;
  }

  fill(indices, inSight) {
    const wanted = new Set(indices.map((index) => this.numbers[index]));
    for (const [n, card] of this.cards) if (!wanted.has(n)) this.remove(n, card);
    // the one shot at which Tab stops: the current one, or where that is far away the first in sight
    const stop = indices.includes(this.current) ? this.current : (indices.find((index) => index >= inSight) ?? indices[0]);
    let place = this.element.firstChild;
    for (const index of indices) {
      const { element, link } = this.card(index);
      link.tabIndex = index === stop ? 0 : -1;
      if (element === place) place = place.nextSibling;
      else this.element.insertBefore(element, place); // in the order of reading, for who listens to the page
    }
  }

  card(index) {
    const n = this.numbers[index];
    const shot = batch.shot(n);
    const card = this.cards.get(n) ?? new Card(shot);
    if (card.shot !== shot && !(card.shot.isLoading && shot.isLoading)) card.update(shot);
    this.cards.set(n, card);
    const { element } = card;
    element.style.width = `${this.width}px`;
    element.style.height = `${this.height}px`;
    const [column, row] = [index % this.columns, Math.floor(index / this.columns)];
    element.style.transform = `translate(${column * (this.width + this.gap)}px, ${row * this.pitch - this.slide.offset}px)`;
    element.dataset.index = index;
    element.setAttribute("aria-setsize", this.numbers.length);
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
    return this.cards.get(this.numbers[this.current]);
  }

  setCurrent(index) {
    for (const card of this.cards.values()) card.link.tabIndex = -1;
    this.current = index;
    if (this.currentCard) this.currentCard.link.tabIndex = 0;
  }

  focus(index) {
    if (!this.numbers.length) return;
    this.setCurrent(Math.min(Math.max(index, 0), this.numbers.length - 1));
    this.reveal();
    this.draw();
    this.currentCard?.link.focus({ preventScroll: true });
  }

  focusShot(n) {
    const index = this.numbers.indexOf(n);
    if (index >= 0) this.focus(index);
  }

  reveal() {
    this.measure();
    const { start, slide } = this;
    const place = scrollY - start + slide.offset; // of the upper edge of what is in sight
    const top = Math.floor(this.current / this.columns) * this.pitch;
    const covered = byId("controls").offsetHeight + this.gap;
    const below = top + this.pitch - innerHeight;
    if (top - covered < place) scrollTo({ top: start + slide.go(top - covered), behavior: "instant" });
    else if (below > place) scrollTo({ top: start + slide.go(below), behavior: "instant" });
  }
}

const grid = new Grid(byId("grid"));
