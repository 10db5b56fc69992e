// The batch as it goes on: its server tells what changed.

function setLive(state, text, title) {
  const badge = byId("live");
  badge.hidden = false;
  badge.dataset.state = state;
  badge.textContent = text;
  badge.title = title;
}

function sayLive() {
  const { owed } = batch.counts.status;
  if (batch.isWritten) setLive("live", "Live", "The batch is running; this page follows it");
  else if (batch.total === 0) setLive("waiting", "Waiting", "Nothing has been submitted yet; this page follows the journal");
  else if (owed) setLive("stopped", "Stopped", "Nobody is at it now; `cometrunway resume` finishes what is owed");
  else setLive("finished", "Finished", "Nothing is owed; this page still follows the journal");
}

function follow() {
  const events = new EventSource(`events?since=${batch.version}`);
  events.addEventListener("open", sayLive);
  events.addEventListener("message", (event) => {
    batch.take(JSON.parse(event.data));
    sayLive();
    showAll();
  });
  events.addEventListener("error", () => {
    setLive("lost", "Connection lost", "The gallery's server does not answer; this page shows the last that it said");
  });
}
