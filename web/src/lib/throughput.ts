export const SLOT_MS = 5000;
const SLOTS = 60; // five minutes
export const SPAN_MS = SLOTS * SLOT_MS;

/**
 * How many tasks end in a minute: from the counts that the server gives now and then, and for the time before the
 * first of them from when each task ended.
 */
export class Throughput {
  private begun = Infinity; // milliseconds: the first count
  private before: readonly number[] = [];
  private samples: { slot: number; finished: number }[] = []; // one a slot: the last

  /** `tasks` as in the stats. The server forgets old tasks: a count that falls is no work undone. */
  record(at: number, tasks: Readonly<Record<string, number>>) {
    const finished = (tasks['done'] ?? 0) + (tasks['failed'] ?? 0) + (tasks['dead'] ?? 0);
    const slot = Math.floor(at / SLOT_MS);
    // The first count is where we begin, also for what ends in the rest of its slot.
    if (this.samples.length === 0) {
      this.begun = at;
      this.samples.push({ slot: slot - 1, finished });
    }
    if (this.samples.at(-1)?.slot === slot) this.samples.pop();
    this.samples.push({ slot, finished });
    if (this.samples.length > SLOTS + 1) this.samples.shift();
  }

  /** When tasks ended, in milliseconds; what the counts cover is left to them. */
  remember(ends: readonly number[]) {
    this.before = ends;
  }

  /** Finished in each slot of the last five minutes, oldest first; what was missed is spread evenly. */
  slots(now: number): number[] {
    const made = Array.from({ length: SLOTS }, () => 0);
    const first = Math.floor(now / SLOT_MS) - SLOTS + 1;
    const add = (slot: number, n: number) => {
      const i = slot - first;
      if (i >= 0 && i < SLOTS) made[i] = (made[i] ?? 0) + n;
    };
    for (const at of this.before) if (at < this.begun) add(Math.floor(at / SLOT_MS), 1);
    this.samples.forEach((sample, i) => {
      const before = this.samples[i - 1];
      if (!before) return;
      const steps = sample.slot - before.slot;
      const each = Math.max(0, sample.finished - before.finished) / steps;
      for (let slot = before.slot + 1; slot <= sample.slot; ++slot) {
        add(slot, each);
      }
    });
    return made;
  }

  /** Over the last minute. */
  perMinute = (now: number) =>
    this.slots(now)
      .slice(-60_000 / SLOT_MS)
      .reduce((sum, one) => sum + one, 0);
}
