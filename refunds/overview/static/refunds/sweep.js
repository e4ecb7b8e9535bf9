// Keep the page of a sweep up to date. The server says when to ask again; without `data-again` the page is final.
"use strict";

(() => {
  const live = document.getElementById("sweep-live");
  const said = document.getElementById("sweep-said");
  const HIDDEN = 30; // seconds between two questions of a page that nobody sees
  const LONGEST = 15; // seconds between two tries while the server does not answer
  const PATIENCE = 10000; // milliseconds until a question counts as lost
  let lost = 0;
  let timer = 0;
  let announced = facts();

  function facts() {
    const { percent, state, said: text, again } = live.querySelector("[data-part=progress]").dataset;
    return { percent: Number(percent), state, text, again: Number(again || 0) };
  }

  function say(text) {
    if (said.textContent !== text) said.textContent = text;
  }

  function announce() {
    const { percent, state, text } = facts();
    if (state === announced.state && Math.abs(percent - announced.percent) < 10) return;
    announced = { percent, state };
    say(text);
  }

  function show(text) {
    const parts = new DOMParser().parseFromString(text, "text/html").querySelectorAll("[data-part]");
    if (!parts.length) return false;
    for (const part of parts) {
      const old = live.querySelector(`[data-part=${part.dataset.part}]`);
      // What did not change stays, and with it the keyboard's focus.
      if (old.outerHTML !== part.outerHTML) old.replaceWith(part);
    }
    return true;
  }

  async function ask() {
    try {
      const answer = await fetch(live.dataset.address, { signal: AbortSignal.timeout(PATIENCE) });
      if (answer.status === 403 || answer.status === 404 || answer.redirected) {
        say(live.dataset.closed);
        return;
      }
      if (!answer.ok || !show(await answer.text())) throw new Error(answer.status);
      if (lost) say(live.dataset.connected);
      lost = 0;
      announce();
    } catch {
      lost += 1;
      say(live.dataset.lost);
    }
    wait();
  }

  function wait() {
    const { again } = facts();
    clearTimeout(timer);
    if (!again && !lost) return;
    const seconds = lost ? Math.min(LONGEST, 2 ** (lost - 1)) : again;
    timer = setTimeout(ask, 1000 * (document.hidden ? HIDDEN : seconds));
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return wait();
    if (facts().again || lost) {
      clearTimeout(timer);
      ask();
    }
  });
  wait();
})();
