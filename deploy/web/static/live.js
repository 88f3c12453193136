// Live cameras: packets through WebCodecs, or stills, and boxes, drawn together on one canvas a camera.
"use strict";

(() => {
  const VIDEO = 1;
  const LONGEST_WAIT_MS = 1000;   // a frame waits for its boxes as long as they have taken, and no longer than this
  const NOTHING_MS = 3000;        // without a frame for so long, stills are asked for
  const PAUSE_MS = 1000;          // then, with stills, before video is tried again; twice as long every time that nothing comes
  const KEPT = 60;

  const owners = new Map();       // identity by tracklet
  let followed = null;            // an identity

  const colourOf = (name) => {
    const number = Number((name.match(/\d+$/) || ["0"])[0]);
    return `hsl(${(number * 137.5) % 360} 85% 62%)`;
  };

  // The boxes at a time: those of that time, or between the two around it, by tracklet; null where they are not there yet.
  const boxesAt = (known, at) => {
    if (!known.length || known[known.length - 1].at_us < at - 1000) return null;
    let after = known.length - 1;
    while (after > 0 && known[after - 1].at_us >= at - 1000) after -= 1;
    const next = known[after];
    if (Math.abs(next.at_us - at) <= 1000 || after === 0) return { ...next, exact: Math.abs(next.at_us - at) <= 1000 };
    const before = known[after - 1];
    const part = (at - before.at_us) / (next.at_us - before.at_us);
    const earlier = new Map(before.boxes.map((box) => [box[0], box]));
    const boxes = next.boxes.filter((box) => earlier.has(box[0])).map((box) => {
      const old = earlier.get(box[0]);
      return [box[0], box[1], ...[2, 3, 4, 5].map((side) => old[side] + (box[side] - old[side]) * part)];
    });
    return { at_us: at, size: next.size, boxes, exact: false };
  };

  class Tile {
    constructor(figure) {
      this.figure = figure;
      this.name = figure.dataset.camera;
      this.canvas = figure.querySelector("canvas");
      this.state = figure.querySelector("[data-state]");
      this.away = figure.querySelector("[data-away]");
      this.known = [];       // boxes, the latest last
      this.waiting = [];     // decoded frames that wait for their boxes
      this.shown = null;
      this.delays = [];      // milliseconds from capture to the coming of the last boxes, and since those before them
      this.frameDelay = null;
      this.retry = 500;
      this.pause = PAUSE_MS;
      this.again = 0;        // when video may be asked for again
      this.canvas.addEventListener("click", (event) => this.clicked(event));
      this.connect();
      setInterval(() => this.look(), 50);
    }

    connect() {
      this.stills = typeof VideoDecoder === "undefined";
      this.stalled = false;     // stills were asked for because no video came, or none that can be decoded
      this.lastFrame = performance.now();
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      this.socket = new WebSocket(`${scheme}//${location.host}/live/${this.name}`);
      this.socket.binaryType = "arraybuffer";
      this.socket.onopen = () => { this.retry = 500; if (this.stills) this.socket.send("stills"); };
      this.socket.onmessage = (message) => this.take(message.data);
      this.socket.onclose = () => {
        this.stop();
        this.state.textContent = "reconnecting";
        setTimeout(() => this.connect(), this.retry);
        this.retry = Math.min(this.retry * 2, 8000);
      };
    }

    stop() {
      if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
      this.decoder = null;
      this.codec = "";
      this.waiting.splice(0).forEach((each) => each.image.close());
    }

    askForStills() {
      if (this.stills) return;
      this.stills = true;
      this.stop();
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send("stills");
    }

    // Stills for now: video is asked for again later, and later still every time that nothing comes of it.
    giveUpVideo() {
      if (!this.stills) {
        this.stalled = true;
        this.pause = Math.min(2 * this.pause, 60000);
        this.again = performance.now() + this.pause;
      }
      this.askForStills();
    }

    // The process of the camera is away, or there again: what was seen last stays, with a sentence.
    sayAway(words) {
      this.away.textContent = words;
      this.away.hidden = !words;
      this.figure.classList.toggle("away", Boolean(words));
      this.again = 0;
      if (!words) this.askForVideo();
    }

    // Video again, where stills were asked for only because nothing came, or a packet could not be decoded.
    askForVideo() {
      if (!this.stalled || performance.now() < this.again || this.socket.readyState !== WebSocket.OPEN) return;
      this.stalled = this.stills = false;
      this.lastFrame = performance.now();
      this.socket.send("video");
    }

    take(data) {
      if (typeof data === "string") {
        const said = JSON.parse(data);
        if (said.boxes) this.takeBoxes(said);
        else if (said.video) this.askForVideo();
        else if (said.away !== undefined) this.sayAway(said.away);
        return;
      }
      const view = new DataView(data);
      const at = Number(view.getBigInt64(2));
      if (view.getUint8(0) === VIDEO) this.decode(data.slice(10), at, view.getUint8(1) === 1);
      else createImageBitmap(new Blob([data.slice(10)], { type: "image/jpeg" })).then((image) => this.decoded(image, at));
    }

    takeBoxes(said) {
      const before = this.known[this.known.length - 1];
      this.known.push(said);
      if (this.known.length > KEPT) this.known.shift();
      this.delays.push({ late: Date.now() - said.at_us / 1000, gap: before ? (said.at_us - before.at_us) / 1000 : 0 });
      if (this.delays.length > 20) this.delays.shift();
      this.look();
    }

    // How much later boxes come than frames, with a margin; none where they come too late, or too seldom, for most frames:
    // one in the middle between two analysed frames would wait for half of that time more.
    get wait() {
      const later = ({ late }) => late - this.frameDelay + 60;
      const middle = this.delays.map((each) => later(each) + each.gap / 2).sort((one, other) => one - other);
      if (!middle.length || middle[middle.length >> 1] > LONGEST_WAIT_MS) return 0;
      return Math.min(LONGEST_WAIT_MS, Math.max(...this.delays.map(later)));
    }

    decode(packet, at, key) {
      if (this.stills) return;
      try {
        if (!this.decoder) {
          if (!key) return;
          this.decoder = new VideoDecoder({
            output: (frame) => { this.pause = PAUSE_MS; this.decoded(frame, frame.timestamp); },
            // One damaged packet is no reason to show stills for good; a codec that the browser does not have is.
            error: (error) => (error.name === "NotSupportedError" ? this.askForStills() : this.giveUpVideo()),
          });
          // Annex B: without a description, the parameter sets come with the key frames.
          this.decoder.configure({ codec: codecOf(packet), optimizeForLatency: true });
        }
        if (this.decoder.decodeQueueSize > 30 && !key) return;
        this.decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: at, data: packet }));
      } catch { this.giveUpVideo(); }
    }

    decoded(image, at) {
      this.lastFrame = performance.now();
      this.frameDelay = 0.9 * (this.frameDelay ?? Date.now() - at / 1000) + 0.1 * (Date.now() - at / 1000);
      this.waiting.push({ image, at, came: this.lastFrame });
      this.waiting.sort((one, other) => one.at - other.at);
    }

    // Draw the newest frame that has its boxes, or has waited long enough for them.
    look() {
      const now = performance.now();
      let ready = -1;
      this.waiting.forEach((each, place) => {
        each.found = boxesAt(this.known, each.at);
        if (each.found || now - each.came > this.wait) ready = place;
      });
      if (ready >= 0) {
        const gone = this.waiting.splice(0, ready + 1);
        this.draw(gone[ready]);
        gone.forEach((each) => each.image.close());
      }
      if (now - this.lastFrame > NOTHING_MS) {
        this.giveUpVideo();
        this.state.textContent = "no frame";
      }
    }

    draw({ image, at, found }) {
      const width = image.displayWidth || image.width, height = image.displayHeight || image.height;
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      const paint = this.canvas.getContext("2d");
      paint.drawImage(image, 0, 0, width, height);
      this.shown = { at, exact: Boolean(found && found.exact), boxes: [] };
      if (found) {
        const across = width / found.size[0], down = height / found.size[1];
        for (const [tracklet, label, left, top, right, bottom] of found.boxes) {
          const box = [left * across, top * down, (right - left) * across, (bottom - top) * down];
          this.shown.boxes.push({ tracklet, box });
          this.outline(paint, box, owners.get(tracklet), label, width / 640);
        }
      }
      const late = Math.max(0, Date.now() * 1000 - at) / 1e6;
      this.state.textContent = `${this.stills ? "stills" : "video"}${late < 60 ? `, ${late.toFixed(1)} s` : ""}`;
      this.figure.dataset.drawn = String(Number(this.figure.dataset.drawn || 0) + 1);
    }

    outline(paint, [left, top, width, height], identity, label, scale) {
      const colour = identity ? colourOf(identity) : "#e4ebef";
      paint.lineWidth = (identity && identity === followed ? 4 : 2) * scale;
      paint.strokeStyle = colour;
      paint.strokeRect(left, top, width, height);
      const words = identity ? identity.replace(/^.*-(\d+)$/, "#$1") : label;
      const size = 13 * scale;
      paint.font = `600 ${size}px system-ui, sans-serif`;
      const wide = paint.measureText(words).width + 8 * scale;
      const line = Math.max(0, top - size - 6 * scale);
      left = Math.max(scale, Math.min(left, paint.canvas.width - wide));
      paint.fillStyle = colour;
      paint.fillRect(left - scale, line, wide, size + 6 * scale);
      paint.fillStyle = "#10171b";
      paint.fillText(words, left + 3 * scale, line + size + scale);
    }

    clicked(event) {
      if (!this.shown) return;
      const area = this.canvas.getBoundingClientRect();
      const scale = Math.min(area.width / this.canvas.width, area.height / this.canvas.height);
      const x = (event.clientX - area.left - (area.width - this.canvas.width * scale) / 2) / scale;
      const y = (event.clientY - area.top - (area.height - this.canvas.height * scale) / 2) / scale;
      const hit = this.shown.boxes.find(({ box }) =>
        x >= box[0] - 4 && x <= box[0] + box[2] + 4 && y >= box[1] - 4 && y <= box[1] + box[3] + 4);
      const identity = hit && owners.get(hit.tracklet);
      if (identity) follow(identity, this.name);
    }
  }

  // RFC 6381 from the sequence parameter set, which begins with its profile, constraints and level.
  const codecOf = (packet) => {
    const bytes = new Uint8Array(packet);
    for (let place = 0; place + 6 < bytes.length; place += 1) {
      if (bytes[place] === 0 && bytes[place + 1] === 0 && bytes[place + 2] === 1 && (bytes[place + 3] & 31) === 7) {
        return "avc1." + [4, 5, 6].map((more) => bytes[place + more].toString(16).padStart(2, "0")).join("");
      }
    }
    throw new Error("no sequence parameter set");
  };

  const tiles = new Map();
  const say = (words) => { document.querySelector("[data-following-words]").textContent = words; };

  const mark = (camera, kind) => {
    for (const [name, tile] of tiles) {
      tile.figure.classList.toggle("followed", name === camera && kind === "followed");
      tile.figure.classList.toggle("expected", name === camera && kind === "expected");
    }
  };

  const follow = (identity, camera) => {
    followed = identity;
    document.querySelector("[data-following]").hidden = false;
    document.querySelector("[data-following-link]").href = `/identities/${encodeURIComponent(identity)}`;
    if (camera) { say(`Following ${identity} at ${camera}`); mark(camera, "followed"); }
    else say(`Following ${identity}`);
    renewBetween();
  };

  const unfollow = () => {
    followed = null;
    document.querySelector("[data-following]").hidden = true;
    mark(null, "");
  };

  // What association says of the vehicle that is followed: where it is, or that it has left.
  const heed = (event) => {
    for (const visit of event.visits) owners.set(visit.observation.split("|").slice(0, 3).join("|"), event.identity);
    while (owners.size > 3000) owners.delete(owners.keys().next().value);
    if (event.identity !== followed) return;
    if (event.kind === "merged") { follow(event.superseded_by, null); return; }
    const last = event.visits[event.visits.length - 1];
    if (last && last.open) { say(`Following ${followed} at ${last.camera}`); mark(last.camera, "followed"); }
    else renewBetween();
  };

  const between = async () => {
    const list = document.querySelector("[data-between]");
    const answer = await fetch("/api/v1/under-way");
    if (!answer.ok) return;
    const { vehicles } = await answer.json();
    document.querySelector("[data-nobody]").hidden = vehicles.length > 0;
    list.replaceChildren(...vehicles.slice(0, 20).map((vehicle) => {
      const row = document.createElement("li");
      const crop = document.createElement(vehicle.crop ? "img" : "span");
      crop.className = vehicle.crop ? "crop" : "crop none";
      if (vehicle.crop) { crop.src = vehicle.crop; crop.alt = ""; }
      const words = document.createElement("div");
      const name = document.createElement("button");
      name.type = "button";
      name.textContent = vehicle.identity;
      name.addEventListener("click", () => follow(vehicle.identity, null));
      const where = document.createElement("div");
      where.className = "soft small";
      const next = vehicle.expected[0];
      where.textContent = `left ${vehicle.camera} ${vehicle.ago_s.toFixed(0)} s ago` + (next
        ? `; ${next.camera} ${next.in_s > 0 ? `in ${next.in_s.toFixed(0)} s` : "due"} (${Math.round(next.share * 100)} %)` : "");
      words.append(name, where);
      row.append(crop, words);
      return row;
    }));
    const mine = vehicles.find((vehicle) => vehicle.identity === followed);
    if (mine && mine.expected.length) {
      const next = mine.expected[0];
      say(`${followed} left ${mine.camera}; expected at ${next.camera}${next.in_s > 0 ? ` in ${next.in_s.toFixed(0)} s` : ""}`);
      mark(next.camera, "expected");
    }
  };
  let busy = false;
  const renewBetween = async () => {
    if (busy) return;
    busy = true;
    try { await between(); } catch { /* the stream's status says that the server is away */ } finally { busy = false; }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const live = document.querySelector("[data-live]");
    if (!live) return;
    for (const [tracklet, identity] of Object.entries(JSON.parse(live.dataset.owners))) owners.set(tracklet, identity);
    document.querySelectorAll("[data-camera]").forEach((figure) => tiles.set(figure.dataset.camera, new Tile(figure)));
    document.querySelector("[data-unfollow]").addEventListener("click", unfollow);
    document.addEventListener("corridor:event", (message) => heed(message.detail));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") unfollow(); });
    if (location.hash.length > 1) follow(decodeURIComponent(location.hash.slice(1)), null);
    renewBetween();
    setInterval(renewBetween, 2000);
    window.corridorTiles = tiles;
  });
})();
