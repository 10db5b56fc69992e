// How things are said.

const STATUSES = {
  submitting: "Submitting",
  owed: "Owed",
  delivered: "Delivered",
  failed: "Failed",
  cancelled: "Cancelled",
  refused: "Refused",
  in_doubt: "In doubt",
  file: "File",
};

const EXPLAINED = {
  submitting: "Being submitted",
  owed: "Accepted; its files are not on this disk yet",
  in_doubt: "Sent, and nobody knows whether it was accepted. It is not sent again by itself",
  refused: "Nothing was created, and nothing billed. The next run submits it again",
};

const statusOf = (shot) => (shot.isLoading ? "" : shot.status === "owed" && batch.isWritten ? "Running" : STATUSES[shot.status]);
const titleOf = (shot) => (shot.isLoading ? "Loading …" : shot.prompt || shot.key);
const routeOf = (shot) => (shot.route ? shot.route.replaceAll("_", " ") : null);
const reasonOf = (shot) => shot.reason || EXPLAINED[shot.status] || "";
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

function factsOf(shot) {
  return [shot.model, shot.seconds && `${shot.seconds} s`, shot.seed !== null && `seed ${shot.seed}`].filter(Boolean);
}

function bytes(size) {
  if (size < 1000) return `${size} B`;
  const power = Math.min(Math.floor(Math.log10(size) / 3), 3);
  const number = size / 1000 ** power;
  return `${number.toFixed(number < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB"][power]}`;
}

const sizeOf = (file) => (file.verified ? bytes(file.size) : `${bytes(file.size)}, not verified`);

function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

function since(seconds) {
  const passed = Math.max(0, Math.floor(Date.now() / 1000 - seconds));
  const [hours, minutes] = [Math.floor(passed / 3600), Math.floor(passed / 60) % 60];
  const pad = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(passed % 60)}` : `${minutes}:${pad(passed % 60)}`;
}
