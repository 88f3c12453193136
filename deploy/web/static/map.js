// The map: cameras at their places, links as lines, vehicles under way as dots between them.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("[data-map]");
  if (!place) return;
  const drawn = JSON.parse(place.dataset.map);
  const flat = drawn.plan !== null;
  // On a plan y goes down, on a map latitude goes up.
  const at = ([first, second]) => (flat ? [-second, first] : [first, second]);
  const places = new Map(drawn.cameras.map((each) => [each.id, at(each.place)]));
  const map = L.map(place, {
    crs: flat ? L.CRS.Simple : L.CRS.EPSG3857, minZoom: flat ? -6 : 2, maxZoom: flat ? 3 : 19, zoomSnap: 0.25,
  });
  map.attributionControl.setPrefix(false);
  if (flat) L.imageOverlay("/plan", [[-drawn.plan[1], 0], [0, drawn.plan[0]]], { alt: "Plan of the site" }).addTo(map);
  if (drawn.tiles) {
    // Words of others are shown as words: Leaflet takes them for HTML.
    const words = document.createElement("span");
    words.textContent = drawn.attribution;
    L.tileLayer(drawn.tiles, { attribution: words.innerHTML, maxZoom: 19 }).addTo(map);
  }
  const around = L.latLngBounds([...places.values()]);
  map.fitBounds(flat ? around.extend([0, 0]).extend([-drawn.plan[1], drawn.plan[0]]) : around, { padding: [40, 40], maxZoom: 17 });

  // Links: both directions of a pair lie beside each other.
  const most = Math.max(1, ...drawn.ways.map((way) => way.n));
  const between = (from, to, share) => {
    const [a, b] = [map.project(from), map.project(to)];
    const along = b.subtract(a), length = Math.hypot(along.x, along.y) || 1;
    const side = L.point(-along.y, along.x).multiplyBy(5 / length);
    return map.unproject(a.add(along.multiplyBy(share)).add(side));
  };
  const lines = drawn.ways.map((way) => {
    const line = L.polyline([], { className: "way", weight: 2 + 5 * Math.sqrt(way.n / most) }).addTo(map);
    line.bindTooltip(`${way.from} → ${way.to}: ${way.n} links, median ${way.median_s.toFixed(1)} s`, { sticky: true });
    line.on("click", () => choose(way.from, way.to));
    return { way, line };
  });
  for (const [name, where] of places) {
    L.circleMarker(where, { className: "camera", radius: 7 }).addTo(map)
      .bindTooltip(name, { permanent: true, direction: "top", offset: [0, -6], className: "camera-name" });
  }

  // The curve of a link
  const title = document.querySelector("[data-curve-title]"), words = document.querySelector("[data-curve-words]");
  const curve = document.querySelector("[data-curve-here]");
  const choose = async (from, to) => {
    for (const { way, line } of lines) {
      line.getElement()?.classList.toggle("chosen", way.from === from && way.to === to);
    }
    const asked = new URLSearchParams({ origin: from, destination: to, minutes: 15 });
    const answer = await fetch(`/api/v1/travel-times?${asked}`);
    title.textContent = `${from} → ${to}`;
    if (!answer.ok) { words.textContent = "The travel times cannot be read just now."; return; }
    const { rows } = await answer.json();
    words.textContent = "Travel times by quarter of an hour: the median, and the 15th and 85th percentile.";
    const column = (name) => rows.map((row) => row[name]);
    const data = [rows.map((row) => Date.parse(row.begin) / 1000), column("p15_s"), column("median_s"), column("p85_s")];
    curve.dataset.curve = JSON.stringify(data);
    drawCurve(curve, data);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-way]");
    if (!link) return;
    event.preventDefault();
    choose(...link.dataset.way.split("|"));
    title.scrollIntoView({ block: "nearest" });
  });

  // Vehicles: where they would be by the usual time to the camera where each is expected
  const note = document.querySelector("[data-map-note]");
  const dots = new Map();
  let vehicles = [], asked_ms = 0;
  const move = () => {
    const passed_s = (performance.now() - asked_ms) / 1000, seen = new Set();
    for (const each of vehicles) {
      const next = each.expected[0];
      const from = places.get(each.camera), to = next && places.get(next.camera);
      if (!from || !to) continue;
      seen.add(each.identity);
      const share = Math.min(0.96, (each.ago_s + passed_s) / Math.max(0.1, each.ago_s + next.in_s));
      const where = between(from, to, share);
      if (dots.has(each.identity)) { dots.get(each.identity).setLatLng(where); continue; }
      const dot = L.circleMarker(where, { className: "vehicle", radius: 5 }).addTo(map);
      dot.bindTooltip(`${each.identity}, expected at ${next.camera}`);
      dot.on("click", () => { location.href = `/identities/${encodeURIComponent(each.identity)}`; });
      dots.set(each.identity, dot);
    }
    for (const [name, dot] of dots) if (!seen.has(name)) { dot.remove(); dots.delete(name); }
    return seen.size;
  };
  const ask = async () => {
    try {
      const answer = await fetch("/api/v1/under-way");
      if (!answer.ok) throw new Error(answer.statusText);
      vehicles = (await answer.json()).vehicles;
      asked_ms = performance.now();
      const count = move(), rest = vehicles.length - count;
      note.textContent = `${count} ${count === 1 ? "vehicle is" : "vehicles are"} drawn under way`
        + (rest ? `; of ${rest} more it is not known where they go, or a camera has no place.` : ".");
    } catch {
      note.textContent = "Where vehicles are cannot be read just now.";
    }
  };
  const draw = () => {
    for (const { way, line } of lines) {
      const [from, to] = [places.get(way.from), places.get(way.to)];
      line.setLatLngs([between(from, to, 0), between(from, to, 1)]);
    }
    move();
  };
  map.on("zoomend", draw);
  draw();
  ask();
  setInterval(ask, 3000);
  setInterval(move, 250);
});
