// Takes under way from this page. For each receiver one at a time, and then the newest: who presses three sources in
// a second gets the third, whatever order three requests would have arrived in.

import { send } from "./stream.js";

export class Takes {
  constructor(onChange, say) {
    this.onChange = onChange;
    this.say = say;
    this.running = new Map();
    this.next = new Map();
  }

  // What was pressed last for this receiver and is not answered yet; `id` null is off.
  pending(receiverId) {
    const take = this.next.get(receiverId) ?? this.running.get(receiverId);
    return take ? { id: take.sourceId, forS: (performance.now() - take.at) / 1000 } : null;
  }

  // The error, or null when it is done or was overtaken by a newer one.
  take(receiverId, sourceId) {
    return new Promise((resolve) => {
      this.next.get(receiverId)?.resolve(null);
      this.next.set(receiverId, { sourceId, resolve, at: performance.now() });
      if (!this.running.has(receiverId)) this.work(receiverId);
      this.onChange();
      setTimeout(this.onChange, 150);
    });
  }

  async work(receiverId) {
    for (let take; (take = this.next.get(receiverId)) !== undefined; ) {
      this.next.delete(receiverId);
      this.running.set(receiverId, take);
      let error = null;
      try {
        await send("/panel/take", { receiver_id: receiverId, sender_id: take.sourceId });
      } catch (failed) {
        error = failed;
      }
      this.running.delete(receiverId);
      take.resolve(this.next.has(receiverId) ? null : error);
    }
    this.onChange();
  }
}
