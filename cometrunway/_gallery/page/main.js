// The page as a whole: what is shown, what the controls do, and the keys.

const OFTEN = 250; // milliseconds between two results while more is being loaded

function showResult() {
  const isSought = query.opened !== null && batch.numberOf(query.opened) === null;
  const share = batch.share(isSought && !query.columns.length ? ["rows"] : query.columns);
  const numbers = query.result(batch);
  byId("grid").setAttribute("aria-busy", String(share < 1));
  byId("grid").hidden = numbers.length === 0;
  grid.show(numbers);
  if (byId("search").value !== query.text) byId("search").value = query.text;
  byId("sort").value = query.sort;
  sayEmpty(numbers.length, share);
  saySummary(numbers.length, share);
}

function saySummary(count, share) {
  const all = plural(batch.counted, "shot") + (batch.isRead ? "" : " so far");
  const found = query.isFiltering ? `${count.toLocaleString("en")} of ${all}` : all;
  byId("summary").textContent = share < 1 ? `${found}; ${Math.floor(share * 100)} % searched` : found;
}

function showAll() {
  setFilters();
  setSorts();
  showResult();
  grid.refresh();
  sayProblem();
  viewer.sync();
}

function sayProblem() {
  const lost = batch.isLive ? "A part of the shots could not be loaded; it is asked for again." : `A part of the shots could not be loaded. The folder ${decodeURIComponent(batch.data?.url ?? "")} must lie beside this page; if it was made anew, load the page again.`;
  const said = [batch.problem, batch.isIncomplete ? lost : null].filter((text) => text !== null).join(" ");
  byId("problem").hidden = said === "";
  if (byId("problem").textContent !== said) byId("problem").textContent = said;
}

batch.arrived = (kind) => {
  sayProblem();
  if (kind === "shots") showArrived();
  else laterResult ??= setTimeout(showLater, batch.share(batch.columns) < 1 ? OFTEN : 0);
};

let laterResult = null;

function showLater() {
  laterResult = null;
  showResult();
  viewer.sync();
}

// Whole shots: they fill the cards that stand for them. Those that have gone leave the grid.
function showArrived() {
  if (grid.numbers.some((n) => batch.rows.values[n] === null)) showResult();
  else grid.draw();
  viewer.sync();
}

function sayEmpty(count, share) {
  byId("empty").hidden = count > 0 || share < 1;
  const isFiltered = batch.counted > 0;
  byId("empty-title").textContent = isFiltered ? "Nothing matches" : "No shots yet";
  byId("empty-text").textContent = isFiltered
    ? "No shot has these words and is of this kind."
    : batch.isLive
      ? "They appear here as they are submitted."
      : "Nothing has been submitted to this journal.";
  byId("clear").hidden = !isFiltered;
}

const chips = new Map(); // made once: a live page must not take away what somebody is about to press

function setChips() {
  const counts = { ...batch.counts.status, all: batch.counted };
  const present = Object.keys(STATUSES).filter((status) => counts[status] > 0 || status === query.status);
  const shown = present.some((status) => status !== "file") ? ["all", ...present] : [];
  for (const status of ["all", ...Object.keys(STATUSES)]) {
    const { button, name, number } = chipOf(status);
    button.hidden = !shown.includes(status);
    button.setAttribute("aria-pressed", String(status === query.status));
    name.textContent = status === "all" ? "All" : statusOf({ status });
    number.textContent = (counts[status] ?? 0).toLocaleString("en");
  }
}

function chipOf(status) {
  if (!chips.has(status)) {
    const [name, number] = [make("span", { class: "status" }), make("span", { class: "number" })];
    const button = make("button", { type: "button", class: "chip", "data-status": status }, name, number);
    button.addEventListener("click", () => setStatus(status));
    byId("chips").append(button);
    chips.set(status, { button, name, number });
  }
  return chips.get(status);
}

function setStatus(status) {
  query.status = status === query.status ? "all" : status;
  setFilters();
  changed();
}

function setFilters() {
  setChips();
  for (const name of ["route", "model"]) setChoice(name);
}

// A choice of routes or models, where there are several.
function setChoice(name) {
  const select = byId(name);
  const counts = batch.counts[name];
  const values = Object.keys(counts).sort(collator.compare);
  if (query[name] !== "all" && !Object.hasOwn(counts, query[name])) values.push(query[name]);
  select.parentElement.hidden = values.length < 2 && query[name] === "all";
  const told = (value) => `${value.replaceAll("_", " ")} (${(counts[value] ?? 0).toLocaleString("en")})`;
  const options = [["all", name === "route" ? "Routes" : "Models"], ...values.map((value) => [value, told(value)])];
  if (select.length !== options.length) select.replaceChildren(...options.map(([value]) => make("option", { value })));
  options.forEach(([value, text], at) => {
    const option = select.options[at];
    if (option.value !== value) option.value = value;
    if (option.textContent !== text) option.textContent = text;
  });
  select.value = query[name];
}

function setSorts() {
  const useful = Object.keys(SORTS).filter((name) => !SORTS[name].by || batch.known.includes(SORTS[name].by));
  const select = byId("sort");
  if (select.length === useful.length) return;
  select.replaceChildren(...useful.map((name) => make("option", { value: name }, SORTS[name].label)));
}

function changed() {
  query.keep();
  grid.toTop();
  showResult();
  grid.refresh(); // their links keep what is filtered
}

function clear() {
  query.clear();
  setFilters();
  changed();
}

const MOVES = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at) => (at < grid.columns ? at : at - grid.columns),
  ArrowDown: (at) => (at + grid.columns < grid.numbers.length ? at + grid.columns : at),
  Home: () => 0,
  End: () => grid.numbers.length - 1,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || viewer.dialog.open || byId("help").open) return;
  const target = event.target;
  if (target === byId("search")) return onSearchKey(event);
  const isInGrid = byId("grid").contains(target);
  const isFree = isInGrid || target === document.body;
  if (event.key === "/") byId("search").select();
  else if (event.key === "?") byId("help").showModal();
  else if (event.key === "t" && target.tagName !== "SELECT") toggleTheme();
  else if (event.key === "Escape" && query.isFiltering) clear();
  else if (event.key in MOVES && isFree) grid.focus(isInGrid ? MOVES[event.key](grid.current) : grid.current);
  else if (event.key === " " && isInGrid) grid.currentCard.toggle();
  else return;
  event.preventDefault();
}

function onSearchKey(event) {
  if (event.key === "Escape") {
    if (query.text) clear();
    else event.target.blur();
  } else if (event.key === "ArrowDown" || event.key === "Enter") grid.focus(0);
  else return;
  event.preventDefault();
}

byId("title").textContent = document.title = batch.title;
byId("search").addEventListener("input", (event) => {
  query.text = event.target.value;
  changed();
});
byId("sort").addEventListener("change", (event) => {
  query.sort = event.target.value;
  changed();
});
for (const name of ["route", "model"]) {
  byId(name).addEventListener("change", (event) => {
    query[name] = event.target.value;
    changed();
  });
}
byId("clear").addEventListener("click", () => {
  clear();
  grid.focus(0); // the button that had the focus is gone
});
byId("help-button").addEventListener("click", () => byId("help").showModal());
addEventListener("keydown", onKey);
setInterval(() => batch.isWritten && grid.cards.forEach((card) => card.tick()), 1000);

showAll();
if (batch.isLive) follow();
