// One shot in the grid.

const SETTLED = 90; // milliseconds that a card must stay in sight before its file is asked for

class Card {
  constructor(shot) {
    this.stage = make("div", { class: "stage" });
    this.heading = make("p", { class: "heading" });
    this.facts = make("p", { class: "facts" });
    this.status = make("span", { class: "status" });
    this.key = make("span", { class: "key" });
    this.link = make(
      "a",
      { class: "card", tabindex: "-1" },
      make("div", { class: "told" }, this.heading, " ", this.facts, " ", make("p", { class: "foot" }, this.status, " ", this.key)),
      " ",
      this.stage, // seen above what is told, and read after it
    );
    this.element = make("li", {}, this.link);
    this.link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && !calm.matches && this.poster?.play());
    this.link.addEventListener("pointerleave", () => this.poster?.stop());
    this.link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      viewer.open(this.shot.n);
    });
    this.update(shot);
  }

  update(shot) {
    const had = this.shot;
    this.shot = shot;
    this.say();
    const isSame = (name) => JSON.stringify(had?.[name]) === JSON.stringify(shot[name]);
    if (!["files", "status", "reason", "isLoading"].every(isSame)) this.setStage();
  }

  say() {
    const { shot } = this;
    this.link.toggleAttribute("aria-busy", Boolean(shot.isLoading));
    this.link.href = query.address(shot.key); // null until it is loaded: the page itself
    this.link.dataset.status = shot.status;
    this.heading.textContent = titleOf(shot);
    this.facts.textContent = factsOf(shot).join(" · ") || routeOf(shot) || (shot.files[0]?.size ? bytes(shot.files[0].size) : "");
    this.status.textContent = statusOf(shot);
    this.key.textContent = shot.prompt ? shot.key : ""; // without a prompt it is the heading
    this.tick();
  }

  tick() {
    if (this.clock) this.clock.textContent = batch.isWritten && this.shot.created ? since(this.shot.created) : "";
    this.setName();
  }

  // The name is what is seen, in the same order. A clock is no part of it, lest it be read out each second: beside one,
  // the content is the name.
  setName() {
    const seen = [this.heading, this.facts, this.status, this.key, ...this.stage.querySelectorAll(".why, .count")];
    const name = this.clock?.textContent ? null : seen.map((element) => element.textContent).filter(Boolean).join(", ");
    if (name === null) this.link.removeAttribute("aria-label");
    else if (name !== this.link.getAttribute("aria-label")) this.link.setAttribute("aria-label", name);
  }

  setStage() {
    this.drop();
    const [file] = this.shot.files;
    if (this.shot.isLoading) return;
    if (file?.url && (isVideo(file) || isImage(file))) this.timer = setTimeout(() => this.setPoster(file), SETTLED);
    else if (file?.url) this.setNote(file.name, isSound(file) ? "sound" : "file");
    else this.setNote();
  }

  setPoster(file) {
    this.poster = new Poster(file, () => this.setNote("This browser cannot show the file"));
    const count = this.shot.files.length;
    this.stage.replaceChildren(
      this.poster.element,
      ...(isVideo(file) ? [make("span", { class: "hint" }, icon("play"))] : []),
      ...(count > 1 ? [make("span", { class: "count" }, plural(count, "file"))] : []),
    );
    this.setName();
  }

  setNote(told = null, shown = null) {
    const { shot } = this;
    const [file] = shot.files;
    const missing = file && !file.url ? `${file.name} is not on this disk any more` : null;
    const waiting = shot.status === "owed" || shot.status === "submitting";
    const pictures = { cancelled: "cancelled", in_doubt: "doubt" };
    const picture = shown ?? (told || missing || shot.status === "delivered" ? "missing" : waiting ? "waiting" : pictures[shot.status] ?? "failed");
    this.clock = waiting ? make("span", { class: "clock", "aria-hidden": "true" }) : null;
    const text = told ?? missing ?? (waiting ? "" : reasonOf(shot) || "No file to show");
    this.stage.replaceChildren(
      make("div", { class: `note${waiting && batch.isWritten ? " is-waiting" : ""}` }, icon(picture), this.clock, make("span", { class: "why" }, text)),
    );
    this.tick();
  }

  drop() {
    clearTimeout(this.timer);
    this.poster?.drop();
    this.poster = null;
    this.clock = null;
    this.stage.replaceChildren();
  }

  toggle() {
    if (this.poster?.isPlaying) this.poster.stop();
    else this.poster?.play();
  }
}
