// The page as a whole: what is shown, what the controls do, and the keys.

function showResult() {
  const shots = query.result(batch.shots.values());
  grid.show(shots);
  if (byId("search").value !== query.text) byId("search").value = query.text;
  byId("sort").value = query.sort;
  sayEmpty(shots.length);
  const all = batch.shots.size;
  byId("summary").textContent = query.isFiltering ? `${shots.length.toLocaleString("en")} of ${plural(all, "shot")}` : plural(all, "shot");
}

function showAll() {
  setChips();
  setSorts();
  showResult();
  grid.refresh();
  byId("problem").hidden = batch.problem === null;
  byId("problem").textContent = batch.problem ?? "";
  if (viewer.shot) viewer.sync();
}

function sayEmpty(count) {
  byId("empty").hidden = count > 0;
  byId("grid").hidden = count === 0;
  const isFiltered = batch.shots.size > 0;
  byId("empty-title").textContent = isFiltered ? "Nothing matches" : "No shots yet";
  byId("empty-text").textContent = isFiltered
    ? "No shot has these words and this status."
    : batch.isLive
      ? "They appear here as they are submitted."
      : "Nothing has been submitted to this journal.";
  byId("clear").hidden = !isFiltered;
}

const chips = new Map(); // made once: a live page must not take away what somebody is about to press

function setChips() {
  const counts = { ...batch.counts(), all: batch.shots.size };
  const present = Object.keys(STATUSES).filter((status) => counts[status] > 0 || status === query.status);
  const shown = present.some((status) => status !== "file") ? ["all", ...present] : [];
  for (const status of ["all", ...Object.keys(STATUSES)]) {
    const { button, name, number } = chipOf(status);
    button.hidden = !shown.includes(status);
    button.setAttribute("aria-pressed", String(status === query.status));
    name.textContent = status === "all" ? "All" : statusOf({ status });
    number.textContent = counts[status].toLocaleString("en");
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
  setChips();
  changed();
}

function setSorts() {
  const shots = [...batch.shots.values()];
  const useful = Object.keys(SORTS).filter((name) => !SORTS[name].by || shots.some((shot) => shot[SORTS[name].by] !== null));
  const select = byId("sort");
  if (select.length === useful.length) return;
  select.replaceChildren(...useful.map((name) => make("option", { value: name }, SORTS[name].label)));
}

function changed() {
  query.keep();
  if (scrollY > byId("controls").offsetTop) scrollTo({ top: byId("controls").offsetTop });
  showResult();
  grid.refresh(); // their links keep what is filtered
}

function clear() {
  query.text = "";
  query.status = "all";
  setChips();
  changed();
}

const MOVES = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at) => (at < grid.columns ? at : at - grid.columns),
  ArrowDown: (at) => (at + grid.columns < grid.shots.length ? at + grid.columns : at),
  Home: () => 0,
  End: () => grid.shots.length - 1,
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
byId("clear").addEventListener("click", () => {
  clear();
  grid.focus(0); // the button that had the focus is gone
});
byId("help-button").addEventListener("click", () => byId("help").showModal());
addEventListener("keydown", onKey);
setInterval(() => batch.isWritten && grid.cards.forEach((card) => card.tick()), 1000);

showAll();
viewer.sync();
if (batch.isLive) follow();
