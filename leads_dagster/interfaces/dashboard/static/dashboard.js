// What pages do beside their forms: live progress, times that go on, focus after a swap. Everything works without.
"use strict";
(() => {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const ago = (seconds) => {
    for (const [length, unit] of units) {
      const count = Math.floor(seconds / length);
      if (count >= 1) return `${count} ${unit} ago`;
    }
    return "just now";
  };
  const tick = () => {
    for (const one of document.querySelectorAll("time[data-ago]")) {
      const said = ago((Date.now() - Date.parse(one.dateTime)) / 1000);
      if (one.textContent !== said) one.textContent = said;
    }
  };
  tick();
  setInterval(tick, 15000);

  // Progress: one stream for all customers; what else changed is asked for once things are quiet.
  const known = new Map();
  const due = new Map();
  const refresh = (customer) => {
    clearTimeout(due.get(customer));
    due.set(customer, setTimeout(() => {
      for (const one of document.querySelectorAll(`[data-customer="${CSS.escape(customer)}"][hx-get]`)) {
        if (!one.contains(document.activeElement) && window.htmx) htmx.trigger(one, "leads:changed");
      }
    }, 700));
  };
  const show = (said) => {
    const busy = said.isRunning;
    for (const place of document.querySelectorAll(`[data-customer="${CSS.escape(said.customerId)}"] [data-progress]`)) {
      place.classList.toggle("idle", !busy);
      place.querySelector("progress").value = said.progressPercent || 0;
      const message = busy ? said.progressMessage || "" : "";
      const text = place.querySelector("[data-message]");
      if (text.textContent !== message) text.textContent = message;
    }
    const facts = JSON.stringify([said.isRunning, said.isPaused, said.lastSyncAt, said.lastError]);
    if (known.has(said.customerId) && known.get(said.customerId) !== facts) refresh(said.customerId);
    known.set(said.customerId, facts);
  };
  if (document.querySelector("[data-live]")) {
    const source = new EventSource("/api/leads/sync/events");
    source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    addEventListener("pagehide", () => source.close());
  }

  // A decision takes the place of its card: whoever decides by keyboard goes on from there.
  document.addEventListener("htmx:afterSwap", (event) => {
    tick();
    const focus = document.querySelector("[data-focus]");
    if (focus) {
      focus.removeAttribute("data-focus");
      focus.focus();
    }
    if (event.detail.target && event.detail.target.id === "found") {
      const by = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
      if (by && by.submitter && by.submitter.name === "go") document.getElementById("found").scrollIntoView();
    }
  });
  document.addEventListener("htmx:sendError", () => {
    document.getElementById("said").textContent = "The server does not answer. Is it still running?";
  });

  // A file is no piece of the page: its form is sent by the browser itself.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-whole]");
    if (!button) return;
    event.preventDefault();
    const before = button.form.action;
    button.form.action = button.formAction;
    button.form.submit();
    button.form.action = before;
  });
  // One panel at a time; Escape closes it.
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches("details.drop") || !event.target.open) return;
    for (const other of document.querySelectorAll("details.drop[open]")) if (other !== event.target) other.open = false;
  }, true);
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.drop[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
})();
