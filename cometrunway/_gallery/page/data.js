// What a large batch does not send at once, as scripts that are loaded when they are needed: a page that is a file may
// load scripts from beside it, and no other data. Each hands over its content by one call of `galleryData`.

const SCRIPTS_AT_ONCE = 4;
const AGAIN = 5000; // milliseconds after which a script that could not be loaded is asked for again

const scripts = {
  running: new Map(),
  failed: new Map(),

  // Returns whether it is under way now.
  load(url, name, taken, lost) {
    if (this.running.has(name)) return true;
    if (this.running.size >= SCRIPTS_AT_ONCE || performance.now() - (this.failed.get(name) ?? -AGAIN) < AGAIN) return false;
    const element = make("script", { src: `${url}${name}.js` });
    const end = () => {
      const content = this.running.get(name);
      this.running.delete(name);
      element.remove();
      if (content) this.failed.delete(name);
      else this.failed.set(name, performance.now());
      if (content) taken(...content);
      else lost();
    };
    element.addEventListener("load", end);
    element.addEventListener("error", end);
    this.running.set(name, null);
    document.head.append(element);
    return true;
  },
};

globalThis.galleryData = (name, content, version) => {
  if (scripts.running.has(name)) scripts.running.set(name, [content, version]);
};
