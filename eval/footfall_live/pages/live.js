"use strict";

// Keys step through a replay; links in the page do the work, so it works without a script too.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea")) return;
  const link = document.querySelector(`[data-key="${event.key}"]`);
  if (link) { event.preventDefault(); link.click(); }
});

// Playing is stepping once a second; the address says whether it goes on.
const play = document.getElementById("play");
if (play) {
  const playing = window.location.hash === "#play";
  const next = document.querySelector('[data-key="ArrowRight"]');
  play.hidden = !next && !playing;
  play.textContent = playing && next ? "Pause" : "Play";
  let timer;
  const go = () => { if (next) window.location.assign(`${next.href}#play`); };
  if (playing && next) timer = window.setTimeout(go, 1000);
  play.addEventListener("click", () => {
    if (timer) {
      window.clearTimeout(timer); timer = undefined; play.textContent = "Play";
      window.history.replaceState(null, "", window.location.pathname + window.location.search);
    } else { go(); }
  });
}

// A run that goes on tells of itself; when it has ended the page is loaded once more.
const live = document.querySelector("[data-events]");
if (live) {
  const source = new EventSource(live.dataset.events);
  source.onmessage = (event) => {
    const said = JSON.parse(event.data);
    const put = (field, text) => {
      for (const place of document.querySelectorAll(`[data-field="${field}"]`)) place.textContent = text;
    };
    put("status", said.status);
    put("progress", `${Math.round(100 * said.progress)}%`);
    put("questions", said.questions);
    put("unanswered", said.unanswered);
    live.querySelector("progress").value = said.progress;
    if (said.status !== "running") { source.close(); window.location.reload(); }
  };
}

// Show only the rows that hold what is typed.
for (const box of document.querySelectorAll("[data-filters]")) {
  const rows = document.querySelectorAll(`#${box.dataset.filters} tbody tr`);
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
