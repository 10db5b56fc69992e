// One shot, large, with all that is known of it.

const LONG = 240; // characters of a prompt that is set smaller

class Viewer {
  constructor(dialog) {
    this.dialog = dialog;
    this.stage = make("div", { class: "screen", role: "group", tabindex: "-1" });
    this.strip = make("div", { class: "strip", role: "group", "aria-label": "Files" });
    this.side = make("div", { class: "side" });
    this.awaited = null; // the number of a shot that is shown as soon as it is loaded
    this.place = make("span", { class: "place" });
    dialog.append(
      make(
        "div",
        { class: "bar" },
        this.place,
        this.button("previous", "Previous (←)", () => this.step(-1)),
        this.button("next", "Next (→)", () => this.step(1)),
        this.button("close", "Close (Esc)", () => this.close()),
      ),
      make("div", { class: "wall" }, this.stage, this.strip),
      this.side,
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    dialog.addEventListener("keydown", (event) => this.onKey(event));
    addEventListener("popstate", () => this.follow());
    addEventListener("hashchange", () => this.follow());
  }

  button(name, label, action) {
    const button = make("button", { type: "button", class: `icon-button ${name}`, "aria-label": label, title: label }, icon(name));
    button.addEventListener("click", action);
    return button;
  }

  get media() {
    return this.stage.querySelector("video, audio");
  }

  open(n) {
    this.go(n, () => history.pushState({ isOpened: true }, "", query.address()));
  }

  // Show a shot, now or when it is loaded; `keep` keeps its address.
  go(n, keep) {
    const shot = batch.shots.get(n);
    this.awaited = shot ? null : { n, keep };
    if (!shot) return batch.want("viewer", [n]);
    query.opened = shot.key;
    keep();
    this.show(shot);
  }

  close() {
    this.awaited = null;
    if (history.state?.isOpened) history.back();
    else {
      query.opened = null;
      query.keep();
      this.hide();
    }
  }

  follow() {
    query.read();
    setFilters();
    showResult();
    this.sync();
  }

  sync() {
    if (this.awaited && batch.shots.has(this.awaited.n)) this.go(this.awaited.n, this.awaited.keep);
    const n = query.opened === null ? null : batch.numberOf(query.opened);
    const shot = batch.shots.get(n);
    if (n === null) this.hide();
    else if (!shot) batch.want("viewer", [n]);
    else if (shot !== this.shot) this.show(shot);
    else this.setPlace();
  }

  hide() {
    if (!this.dialog.open) return;
    this.clear();
    this.dialog.close();
    grid.focusShot(this.shot.n);
    batch.want("viewer", []);
    this.shot = null;
  }

  show(shot) {
    const isOther = this.shot?.n !== shot.n || JSON.stringify(this.shot.files) !== JSON.stringify(shot.files);
    this.shot = shot;
    if (!this.dialog.open) this.dialog.showModal();
    this.stage.setAttribute("aria-label", titleOf(shot)); // read out as the focus comes here, and as the shot changes
    this.setPlace();
    batch.want("viewer", [-1, 0, 1].map((by) => grid.numbers[this.index + by]).filter((n) => n !== undefined));
    this.setSide();
    if (isOther) this.setFile(0);
    if (isOther) this.stage.focus({ preventScroll: true });
    if (isOther) this.dialog.scrollTop = this.side.scrollTop = 0;
  }

  get index() {
    return grid.numbers.indexOf(this.shot.n);
  }

  setPlace() {
    const { index } = this;
    const count = grid.numbers.length;
    this.place.textContent = index < 0 ? "" : `${(index + 1).toLocaleString("en")} of ${count.toLocaleString("en")}`;
    this.dialog.querySelector(".previous").disabled = index <= 0;
    this.dialog.querySelector(".next").disabled = index < 0 || index === count - 1;
  }

  step(by) {
    const { index } = this;
    const n = index < 0 ? undefined : grid.numbers[index + by];
    if (n !== undefined) this.go(n, () => query.keep());
  }

  setFile(index) {
    this.clear();
    const { files } = this.shot;
    const file = files[index];
    this.stage.append(file?.url ? this.player(file) : this.note(file));
    this.strip.hidden = files.length < 2;
    this.strip.replaceChildren(...files.map((other, at) => this.choice(other, at, at === index)));
  }

  player(file) {
    if (isImage(file)) return make("img", { src: file.url, alt: titleOf(this.shot) });
    if (isSound(file)) return make("audio", { src: file.url, controls: true, "aria-label": file.name });
    if (!isVideo(file)) return this.note(file, make("a", { href: file.url, download: file.name }, file.name));
    const video = make("video", { src: file.url, controls: true, loop: true, muted: true, playsInline: true });
    if (!calm.matches) video.play().catch(() => {}); // the controls are there
    return video;
  }

  note(file, link = null) {
    const text = link ?? (file ? `${file.name} is not on this disk any more` : statusOf(this.shot));
    const picture = link ? "file" : { failed: "failed", cancelled: "cancelled", refused: "failed", in_doubt: "doubt", owed: "waiting", submitting: "waiting" }[this.shot.status] ?? "missing";
    return make("div", { class: "note", "data-status": this.shot.status }, icon(picture), make("span", { class: "why" }, text));
  }

  choice(file, index, isChosen) {
    const button = make("button", { type: "button", class: "choice", "aria-pressed": String(isChosen), title: file.name }, String(index + 1));
    button.addEventListener("click", () => this.setFile(index));
    return button;
  }

  clear() {
    const video = this.media;
    video?.removeAttribute("src");
    video?.load();
    this.stage.replaceChildren();
  }

  setSide() {
    const { shot } = this;
    const kind = !shot.prompt ? " is-key" : shot.prompt.length > LONG ? " is-long" : "";
    const prompt = make("p", { class: `prompt${kind}` }, titleOf(shot));
    this.side.replaceChildren(
      make("p", { class: "badge", "data-status": shot.status }, make("span", { class: "status" }, statusOf(shot))),
      prompt,
      ...(shot.prompt ? [copyButton("prompt", shot.prompt, prompt)] : []),
      ...this.reason(),
      this.facts(),
      ...this.files(),
    );
  }

  reason() {
    const text = this.shot.status === "delivered" || this.shot.status === "file" ? "" : reasonOf(this.shot);
    return text ? [make("p", { class: "reason", "data-status": this.shot.status }, text)] : [];
  }

  facts() {
    const { shot } = this;
    const rows = [
      ["model", shot.model],
      ["seed", shot.seed],
      ["seconds", shot.seconds],
      ["ratio", shot.ratio],
      ["route", shot.route],
      ["key", shot.key],
      ["id", shot.id],
      [shot.status === "file" ? "modified" : "created", shot.created && moment(shot.created)],
      ...shot.more,
    ];
    return make("dl", { class: "table" }, ...rows.filter(([, value]) => value !== null && value !== undefined).map((row) => this.row(...row)));
  }

  row(name, value) {
    const text = make("dd", {}, String(value));
    if (name === "id") text.append(copyButton("id", String(value), text.firstChild.parentNode));
    return make("div", {}, make("dt", {}, name.replaceAll("_", " ")), text);
  }

  files() {
    const list = this.shot.files.map((file) => {
      const name = file.url ? make("a", { href: file.url, target: "_blank", rel: "noopener" }, file.name) : make("span", {}, file.name);
      return make("li", {}, name, make("span", { class: "size" }, file.url ? sizeOf(file) : "missing"));
    });
    return list.length ? [make("ul", { class: "files", "aria-label": "Files" }, ...list)] : [];
  }

  onKey(event) {
    if (event.target === this.media) return; // its controls have keys of their own
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) this.step(step);
    else if (event.key === " " && event.target.tagName !== "BUTTON") this.toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  toggle() {
    if (this.media?.paused) this.media.play().catch(() => {});
    else this.media?.pause();
  }
}

const viewer = new Viewer(byId("viewer"));
