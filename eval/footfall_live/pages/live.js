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

// What stands between backticks is code.
const prose = (text) => text.split(/`([^`]+)`/).map((part, place) =>
  place % 2 ? Object.assign(document.createElement("code"), { textContent: part }) : part);

// A run that goes on tells of itself; when it has ended the page is loaded once more.
const live = document.querySelector("[data-events]");
const share = (value) => `${Math.round(100 * value)}%`;
const figure = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
const shown = {
  status: String, progress: share, questions: figure, unanswered: figure, seconds: figure,
  decisions: figure, decisions_per_second: figure, engine_share: share, stored_share: share,
};
const effectRow = (one) => {
  const row = document.createElement("tr");
  const cells = [
    ["td", one.metric], ["th", `${one.treatment} against ${one.control}`],
    ["td", figure(one.difference)], ["td", `${figure(one.ci_low)} to ${figure(one.ci_high)}`],
  ];
  for (const [kind, text] of cells) row.append(Object.assign(document.createElement(kind), { textContent: text }));
  row.children[1].scope = "row";
  row.children[2].className = row.children[3].className = "number";
  return row;
};
if (live) {
  const source = new EventSource(live.dataset.events);
  source.onmessage = (event) => {
    const said = JSON.parse(event.data);
    for (const place of document.querySelectorAll("[data-field]")) {
      const value = said[place.dataset.field];
      if (value !== undefined && value !== null) place.textContent = shown[place.dataset.field](value);
    }
    if (said.effects && said.effects.length) {
      document.querySelector("[data-no-effects]")?.remove();
      document.querySelector("[data-with-effects]").hidden = false;
      document.querySelector("[data-effects]").replaceChildren(...said.effects.map(effectRow));
    }
    live.querySelector("progress").value = said.progress;
    if (said.status !== "running") { source.close(); window.location.reload(); }
  };
}

// What was started is looked at every second, and the page loaded again when it has got further.
const started = document.querySelector("[data-until]");
if (started) {
  let known, looks = 0;
  const timer = window.setInterval(async () => {
    const answer = await fetch(started.dataset.until);
    const said = await answer.text();
    looks += 1;
    if (known === undefined) known = said;
    if (said !== known || looks >= 3) { window.clearInterval(timer); window.location.reload(); }
  }, 1000);
}

// From what is wrong to its line in the text.
for (const link of document.querySelectorAll("[data-line]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const text = document.getElementById("text"), line = Number(link.dataset.line);
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1] || "").length);
    text.scrollTop = (text.scrollHeight * (line - 3)) / lines.length;
  });
}

// Show only the rows that hold what is typed.
for (const box of document.querySelectorAll("[data-filters]")) {
  const rows = document.querySelectorAll(`#${box.dataset.filters} tbody tr`);
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

// A column's head sorts by it; once more turns the order round.
for (const table of document.querySelectorAll("[data-sorts]")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => Number(text.replace(/[,%]/g, ""));
  heads.forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "sort", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const numeric = head.classList.contains("number");
      const order = (a, b) => numeric ? number(value(a, column)) - number(value(b, column)) : value(a, column).localeCompare(value(b, column));
      body.append(...[...body.rows].sort((a, b) => (down ? -order(a, b) : order(a, b))));
    });
  });
}

// Verdicts are worked out one run after the other, newest first.
(async () => {
  for (const place of document.querySelectorAll("[data-verdict]")) {
    place.textContent = "...";
    try {
      const said = await (await fetch(place.dataset.verdict)).json();
      place.replaceChildren(...prose(said.verdict || said.error));
    } catch { return; } // the page is being left
  }
})();
