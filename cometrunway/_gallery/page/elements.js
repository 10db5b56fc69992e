// Elements. Text is only ever set as text: a prompt cannot become markup.

const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

async function copy(text, button, source) {
  const label = button.lastChild;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source); // where a page may not write to the clipboard, the reader can
    label.textContent = "Selected";
  }
  setTimeout(() => (label.textContent = "Copy"), 1500);
}

function copyButton(what, text, source) {
  const button = make("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, icon("copy"));
  button.append(make("span", {}, "Copy"));
  button.addEventListener("click", () => copy(text, button, source));
  return button;
}
