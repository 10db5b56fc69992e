// Light or dark: as the system says, until the reader says otherwise.

const THEME = "cometrunway-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function remembered() {
  try {
    return localStorage.getItem(THEME);
  } catch {
    return null; // a browser may forbid it to a page that is a file
  }
}

function remember(theme) {
  try {
    if (theme === null) localStorage.removeItem(THEME);
    else localStorage.setItem(THEME, theme);
  } catch {
    // then it holds for this visit
  }
}

const systemTheme = () => (dark.matches ? "dark" : "light");

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const other = theme === "dark" ? "light" : "dark";
  byId("theme").setAttribute("aria-label", `Switch to ${other}`);
  byId("theme").title = `Switch to ${other} (t)`;
}

function toggleTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remember(theme === systemTheme() ? null : theme);
  setTheme(theme);
}

setTheme(remembered() ?? systemTheme());
dark.addEventListener("change", () => setTheme(remembered() ?? systemTheme()));
byId("theme").addEventListener("click", toggleTheme);
