// The shots, as the page was given them and as its server told since.

class Batch {
  constructor(data) {
    this.title = data.title;
    this.version = data.version;
    this.shots = new Map();
    this.take(data);
  }

  get isLive() {
    return this.version !== undefined;
  }

  take(state) {
    this.isWritten = state.isWritten;
    this.problem = state.problem ?? null;
    this.version = state.version;
    for (const shot of state.shots) {
      if (shot.gone) this.shots.delete(shot.n);
      else this.shots.set(shot.n, shot);
    }
  }

  counts() {
    const counts = Object.fromEntries(Object.keys(STATUSES).map((status) => [status, 0]));
    for (const shot of this.shots.values()) counts[shot.status] += 1;
    return counts;
  }

  of(key) {
    return [...this.shots.values()].find((shot) => shot.key === key) ?? null;
  }
}

const batch = new Batch(JSON.parse(byId("data").textContent));
