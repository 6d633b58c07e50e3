"use strict";

// Browsers refuse workers to pages that are opened from disk. The search then runs in a hidden
// frame, which gets and answers the same messages.
if (window.location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "Search";
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.tell(data);
      inside.importScripts = (...all) => Promise.all(all.map((one) => this.load(one)));
      this.load(address).then(() => {
        this.ready = true;
        for (const data of this.waiting) this.postMessage(data);
      });
    }

    load(address) {
      const script = this.frame.contentDocument.createElement("script");
      script.src = new URL(address, window.location.href);
      const loaded = new Promise((done) => { script.onload = done; });
      this.frame.contentDocument.body.append(script);
      return loaded;
    }

    tell(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }

    postMessage(data) {
      if (!this.ready) { this.waiting.push(data); return; }
      const inside = this.frame.contentWindow;
      inside.dispatchEvent(new inside.MessageEvent("message", { data }));
    }

    terminate() { this.frame.remove(); }
  };
}
