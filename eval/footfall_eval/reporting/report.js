"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const root = document.documentElement;

  // A colour in a specification may be the name of a CSS variable.
  const resolve = (value, style) => {
    if (typeof value === "string" && value.startsWith("--")) return style.getPropertyValue(value).trim();
    if (Array.isArray(value)) return value.map((entry) => resolve(entry, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolve(entry, style)]));
    }
    return value;
  };

  const axis = (own, style) => ({
    automargin: true, fixedrange: true, gridcolor: style.getPropertyValue("--rule"),
    zerolinecolor: style.getPropertyValue("--muted"), zerolinewidth: 1.5, ...own,
    title: { ...own.title, font: { size: 13 } },
  });

  const draw = (place) => {
    const style = getComputedStyle(root);
    const { traces, layout } = structuredClone(specs[place.dataset.figure]);
    window.Plotly.react(place, resolve(traces, style), {
      ...layout,
      xaxis: axis(layout.xaxis, style),
      yaxis: axis(layout.yaxis, style),
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: style.getPropertyValue("--ink") },
      margin: { l: 10, r: 16, t: 10, b: 10 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hovermode: "closest",
    }, { displayModeBar: false, responsive: true });
  };

  const places = [...document.querySelectorAll(".plot")];
  const drawAll = () => places.forEach(draw);
  drawAll();
  // A plot has no width while what holds it is closed.
  document.querySelectorAll("details.block").forEach((block) => {
    block.addEventListener("toggle", () => block.querySelectorAll(".plot").forEach(draw));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { root.dataset.print = ""; drawAll(); });
  addEventListener("afterprint", () => { delete root.dataset.print; drawAll(); });

  // Numbers are read from the table below a plot, so that both say the same.
  const numbers = (figure) => [...figure.querySelectorAll("tr")].map((row) => [...row.cells]
    .map((cell) => `"${cell.textContent.trim().replaceAll('"', '""')}"`).join(",")).join("\n");
  document.querySelectorAll("[data-save]").forEach((button) => {
    button.addEventListener("click", () => {
      const place = document.getElementById(button.dataset.of);
      if (button.dataset.save === "svg") {
        window.Plotly.downloadImage(place, { format: "svg", filename: place.id });
        return;
      }
      const link = document.createElement("a");
      const text = `${numbers(place.closest("figure"))}\n`;
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = `${place.id}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  });

  const chooser = document.getElementById("user");
  if (chooser) {
    const show = () => document.querySelectorAll(".user").forEach((user) => {
      user.hidden = user.id !== `user-${chooser.value}`;
    });
    chooser.addEventListener("change", show);
    show();
  }
})();
