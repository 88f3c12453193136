// The curve of a pair's travel times: the median, and the 15th and 85th percentile as a band.
"use strict";

const drawCurve = (place, data) => {
  place.replaceChildren();
  const probe = document.createElement("span");  // light-dark() becomes a colour only where it is used
  place.append(probe);
  const real = (name) => { probe.className = name; return getComputedStyle(probe).color; };
  const line = real("line-colour"), text = real("soft"), rule = real("rule-colour");
  probe.remove();
  const axis = { stroke: text, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
  const band = line.replace("rgb(", "rgba(").replace(")", ", .18)");
  new uPlot({
    width: place.clientWidth, height: 240,
    scales: { y: { range: (_, least, most) => [Math.min(0, least), most * 1.1 || 1] } },
    axes: [axis, { ...axis, label: "seconds", labelSize: 20, size: 46 }],
    series: [
      {},
      { label: "15th percentile", stroke: band, width: 1, points: { show: false } },
      { label: "median", stroke: line, width: 2, points: { show: data[0].length < 60, size: 5, fill: line } },
      { label: "85th percentile", stroke: band, width: 1, points: { show: false } },
    ],
    bands: [{ series: [3, 1], fill: band }],
  }, data, place);
};

document.addEventListener("DOMContentLoaded", () => {
  const draw = () => {
    for (const place of document.querySelectorAll("[data-curve]")) drawCurve(place, JSON.parse(place.dataset.curve));
  };
  draw();
  let timer = 0;
  addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(draw, 150); });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-theme-switch]")) setTimeout(draw); });
});
