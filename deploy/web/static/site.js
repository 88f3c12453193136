// What pages do beyond links and forms: one stream of events a tab, the theme, and parts that renew themselves.
"use strict";

(() => {
  const root = document.documentElement;

  // Theme: the system's, unless somebody has chosen one here.
  const stored = localStorage.getItem("theme");
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-switch]");
    if (!button) return;
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });

  const pause = (work, ms) => {
    let timer = 0;
    return () => { if (!timer) timer = setTimeout(() => { timer = 0; work(); }, ms); };
  };
  const renew = (selector) => {
    const part = document.querySelector(selector);
    if (part) htmx.ajax("GET", location.href, { target: selector, select: selector, swap: "outerMorph" });
  };

  document.addEventListener("DOMContentLoaded", () => {
    // On a narrow screen the pages stand in a row that is longer than it.
    document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    const status = document.querySelector("[data-stream-status]");
    if (!status) return;
    const say = (state, words) => { status.dataset.state = state; status.textContent = words; };

    // The identity of a page is renewed as its events come; a list says how many there are, and waits to be asked.
    const page = document.querySelector("[data-identity]");
    const news = document.querySelector("[data-news]");
    const changed = new Set();
    const renewIdentity = pause(() => renew("#identity"), 300);
    for (const part of ["#cameras", "#camera"]) if (document.querySelector(part)) setInterval(() => renew(part), 3000);

    const take = (message) => {
      let event;
      try { event = JSON.parse(message.data); } catch { return; }
      document.dispatchEvent(new CustomEvent("corridor:event", { detail: event }));
      if (page) {
        const mine = page.dataset.tracklets.split(" ");
        const about = (event.observation || "").split("|").slice(0, 3).join("|");
        if (event.identity === page.dataset.identity || mine.includes(about)) renewIdentity();
      }
      if (news) {
        changed.add(event.identity);
        news.hidden = false;
        news.querySelector("button").textContent =
          changed.size === 1 ? "1 vehicle has moved: show" : `${changed.size} vehicles have moved: show`;
      }
    };
    if (news) news.querySelector("button").addEventListener("click", () => {
      changed.clear();
      news.hidden = true;
      renew("#results");
    });

    // The place that the page was made at: what came meanwhile is not missed. The browser resumes by itself after that.
    const source = new EventSource(`/api/v1/events?after=${status.dataset.after}`);
    source.onopen = () => say("live", "live");
    source.onmessage = take;
    source.onerror = () => say("lost", "reconnecting");
    window.addEventListener("pagehide", () => source.close());
  });
})();
