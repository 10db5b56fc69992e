// Videos and pictures on cards; of a sound or an unknown file its name. The browser draws a video's first frame itself, from the file's beginning only.
// A few load at a time, and only those in sight: a browser has few connections, and few decoders.

const AT_ONCE = 4;
const PATIENCE = 5000; // milliseconds that one may keep others waiting
const FIRST_FRAME = "#t=0.001";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const isVideo = (file) => file.type.startsWith("video/");
const isImage = (file) => file.type.startsWith("image/");
const isSound = (file) => file.type.startsWith("audio/");

const loading = {
  waiting: [],
  running: new Set(),

  add(poster) {
    this.waiting.push(poster);
    this.next();
  },

  done(poster) {
    if (this.running.delete(poster)) this.next();
    else this.waiting = this.waiting.filter((other) => other !== poster);
  },

  next() {
    while (this.waiting.length && this.running.size < AT_ONCE) {
      const poster = this.waiting.shift();
      this.running.add(poster);
      setTimeout(() => this.done(poster), PATIENCE);
      poster.load();
    }
  },
};

class Poster {
  constructor(file, onFailure) {
    this.file = file;
    this.element = isVideo(file)
      ? make("video", { muted: true, loop: true, playsInline: true, preload: "metadata", tabindex: "-1", "aria-hidden": "true" })
      : make("img", { alt: "", decoding: "async" });
    this.element.classList.add("media");
    this.element.addEventListener(isVideo(file) ? "loadeddata" : "load", () => {
      this.element.classList.add("is-drawn");
      loading.done(this);
    });
    this.element.addEventListener("error", () => {
      loading.done(this);
      if (this.element.hasAttribute("src")) onFailure();
    });
    loading.add(this);
  }

  load() {
    this.element.src = isVideo(this.file) ? this.file.url + FIRST_FRAME : this.file.url;
  }

  drop() {
    loading.done(this);
    this.element.removeAttribute("src");
    if (isVideo(this.file)) this.element.load();
  }

  get isPlaying() {
    return isVideo(this.file) && !this.element.paused;
  }

  play() {
    if (!isVideo(this.file)) return;
    if (!this.element.hasAttribute("src")) this.load();
    this.element.play().catch(() => {}); // it was left again before it could begin
  }

  stop() {
    if (!this.isPlaying) return;
    this.element.pause();
    this.element.currentTime = 0.001;
  }
}
