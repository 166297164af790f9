// The customer's charts: four small plots that share their span and their cursor.
"use strict";
(() => {
  const place = document.querySelector("[data-charts]");
  if (!place || !window.uPlot) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const still = matchMedia("print");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const time = (ms) => (ms == null ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : ms < 60000 ? `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s` : `${(ms / 60000).toFixed(1)} min`);
  const whole = (value) => (value == null ? "–" : Math.round(value).toLocaleString("en"));
  const share = (value) => (value == null ? "–" : `${Math.round(value * 1000) / 10} %`);
  const kinds = {
    freshness: {
      say: time,
      lines: [["p50", "freshnessP50", "--first"], ["p95", "freshnessP95", "--match"]],
    },
    rows: {
      say: whole, bars: true,
      lines: [["rows", (one) => one.inserted + one.updated + one.deleted, "--match"]],
      read: (one) => `${whole(one.inserted)} new, ${whole(one.updated)} changed, ${whole(one.deleted)} removed`,
    },
    duration: { say: time, lines: [["median", "duration", "--match"]] },
    errors: {
      say: share, bars: true, least: 0.05,
      lines: [["failed", "errorRate", "--against"]],
      read: (one) => (one.syncs ? `${share(one.errorRate)}: ${whole(one.errors)} of ${whole(one.syncs)}` : "no sync"),
    },
  };
  const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
  const hour = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" });
  const cursor = uPlot.sync("time");
  let plots = [];
  let span = "day";
  let steps = [];

  const name = (at) => (span === "month" ? day.format(at * 1000) : span === "week" ? `${day.format(at * 1000)}, ${hour.format(at * 1000)}` : hour.format(at * 1000));
  const reading = (kind, index) => {
    const one = steps[index];
    if (!one) return "";
    const at = Date.parse(one.at) / 1000;
    const said = kind.read ? kind.read(one) : kind.lines.map(([label, key]) => `${label} ${kind.say(one[key])}`).join(", ");
    return `${name(at)}  ${said}`;
  };
  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    const at = steps.map((one) => Date.parse(one.at) / 1000);
    for (const box of place.querySelectorAll("[data-chart]")) {
      const kind = kinds[box.dataset.chart];
      const line = box.parentNode.querySelector("[data-reading]");
      const data = [at, ...kind.lines.map(([, key]) => steps.map((one) => (typeof key === "function" ? key(one) : one[key])))];
      const known = data.slice(1).flat().filter((value) => value != null);
      const most = Math.max(kind.least || 0, ...known);
      let last = steps.length - 1;
      while (last > 0 && data.slice(1).every((values) => values[last] == null)) last -= 1;
      line.textContent = known.length ? reading(kind, last) : "Nothing was measured in this time.";
      const axis = { stroke: colour("--soft"), font: "12px ui-sans-serif, system-ui, sans-serif", ticks: { show: false } };
      plots.push(new uPlot({
        width: Math.max(240, box.clientWidth), height: 150, legend: { show: false },
        cursor: { sync: { key: cursor.key }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
        scales: { x: { time: true, range: () => [at[0], at[at.length - 1] + (at[1] - at[0])] }, y: { range: [0, most > 0 ? most * 1.15 : 1] } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        axes: [
          { ...axis, grid: { show: false }, size: 28, space: 56, values: (_, marks) => marks.map((mark) => (span === "day" ? hour : day).format(mark * 1000)) },
          { ...axis, grid: { stroke: colour("--line"), width: 1 }, size: 58, space: 36, values: (_, marks) => marks.map(kind.say) },
        ],
        series: [{}, ...kind.lines.map(([label, , tone]) => ({
          label, stroke: colour(tone), width: kind.bars ? 0 : 1.75, spanGaps: true,
          fill: kind.bars ? colour(tone) : undefined,
          paths: kind.bars ? uPlot.paths.bars({ size: [0.7, 24], align: 1, radius: 0.15 }) : undefined,
          points: { show: !kind.bars && known.length < 12, size: 5, fill: colour(tone) },
        }))],
        hooks: { setCursor: [(plot) => { if (known.length) line.textContent = reading(kind, plot.cursor.idx ?? last); }] },
      }, data, box));
      box.setAttribute("aria-label", `${box.parentNode.querySelector("b").textContent}, ${line.textContent}`);
    }
  };
  const load = async () => {
    const answer = await fetch(place.dataset.charts + span, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    steps = await answer.json();
    draw();
  };
  for (const button of document.querySelectorAll("[data-span]")) {
    button.addEventListener("click", () => {
      span = button.dataset.span;
      for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
      load();
    });
  }
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(place.clientWidth - width) < 8 || !steps.length) return;
    width = place.clientWidth;
    draw();
  }).observe(place);
  dark.addEventListener("change", draw);
  still.addEventListener("change", draw);
  load();
  setInterval(() => { if (!document.hidden) load(); }, 60000);
})();
