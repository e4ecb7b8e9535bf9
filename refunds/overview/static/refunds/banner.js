// Count down to the cutoff, and show it on the viewer's clock too where that differs. Without this, the page's text holds.
"use strict";

(() => {
  const shown = document.querySelector("[data-until]");
  const until = new Date(shown.dataset.until);
  // The server's clock decides, whatever this machine's says.
  const ahead = Date.now() - new Date(shown.dataset.now);
  const { yours } = document.currentScript.dataset;
  // With 24 hours, as the cutoff in the text.
  const format = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const clock = (timeZone) => until.toLocaleTimeString(document.documentElement.lang, { ...format, timeZone });

  if (clock(shown.dataset.zone) !== clock(undefined)) shown.parentNode.append(` ${yours.replace("{time}", clock(undefined))}`);

  function tick() {
    const seconds = Math.max(0, Math.ceil((until - Date.now() + ahead) / 1000));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    shown.textContent = parts.map((part) => String(part).padStart(2, "0")).join(":");
    if (!seconds) clearInterval(timer);
  }

  const timer = setInterval(tick, 1000);
  tick();
})();
