// Draws each [data-chart] with uPlot from the numbers at its address, also in parts of the page that came later.
(() => {
  "use strict";
  const colours = { value: "#0f5c8c", expected: "#52616f", limit: "#b42318", moment: "#1f2933" };

  // Where not every reading has its dot, one has that stands alone between two breaks: no line would show it.
  function alone(plot, which, shown) {
    if (shown) { return null; }
    const values = plot.data[which];
    const own = values.flatMap((value, at) => value === undefined ? [] : [at]);
    const found = own.filter((at, rank) =>
      values[at] != null && values[own[rank - 1]] == null && values[own[rank + 1]] == null);
    return found.length ? found : null;
  }

  // Where only other lines have a reading, a line with `breaks` goes on (to uPlot: undefined), but for these (null).
  function column(one) {
    if (!one.breaks) { return one.values; }
    const broken = (at) => one.breaks.some(([from, to]) => from <= at && at <= to);
    return one.values.map((value, at) => value ?? (broken(at) ? null : undefined));
  }

  function series(one) {
    const kind = one.kind || "value";
    return {
      label: one.label,
      stroke: colours[kind],
      width: kind === "value" ? 2 : 1.5,
      dash: kind === "value" ? [] : [6, 4],
      points: { show: kind === "value", size: 5 },
      spanGaps: kind !== "value",
    };
  }

  // Days and hours as the reader writes them, in the shop's time zone wherever the browser is.
  function moments(zone) {
    const write = (options) => new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, ...options });
    const day = write({ month: "numeric", day: "numeric" });
    const clock = write({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return (_, splits, __, ___, step) => splits.map((at) => {
      const hour = clock.format(at * 1000);
      return step >= 86400 || hour === "00:00" ? day.format(at * 1000) : hour;
    });
  }

  // A line at each moment that the chart is about, with its word above, on the side where there is more room; the word of
  // one that is close to the one before is lower, so that both stay legible.
  function marked(marks) {
    return { hooks: { draw: (plot) => {
      const { left, top, width, height } = plot.bbox;
      const ink = plot.ctx;
      const row = 14 * devicePixelRatio;
      let before = -Infinity;
      marks.forEach((mark) => {
        const x = plot.valToPos(mark.at, "x", true);
        if (x < left || x > left + width) { return; }
        const late = x > left + width / 2;
        const close = x - before < 6 * row;
        before = x;
        ink.save();
        ink.strokeStyle = ink.fillStyle = colours.moment;
        ink.setLineDash([2, 3]);
        ink.beginPath();
        ink.moveTo(x, top);
        ink.lineTo(x, top + height);
        ink.stroke();
        ink.textAlign = late ? "right" : "left";
        ink.fillText(mark.label, late ? x - 6 : x + 6, close ? top + row : top - row / 3);
        ink.restore();
      });
    } } };
  }

  async function draw(figure) {
    const box = figure.querySelector(".plot");
    const answer = await fetch(figure.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) { box.textContent = figure.dataset.empty; return; }
    const chart = await answer.json();
    if (chart.times.length < 2) { box.textContent = figure.dataset.empty; return; }
    box.textContent = "";
    const options = {
      width: box.clientWidth,
      height: Number(figure.dataset.height),
      scales: { x: { time: true } },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), figure.dataset.zone),
      axes: [{ values: moments(figure.dataset.zone) }, { label: chart.unit, size: 56 }],
      series: [{}, ...chart.series.map(series)],
      legend: { show: chart.series.length > 1, live: false },
      cursor: { drag: { x: true, y: false } },
    };
    if (chart.span) {  // seconds from a moment, instead of times of the day
      options.scales.x = { time: false, range: chart.span };
      options.axes[0].values = (_, splits) => splits.map((at) => `${at} s`);
    }
    if (chart.marks) {
      options.plugins = [marked(chart.marks)];
      options.padding = [18, null, null, null];
    }
    if (chart.times.length > 200) {
      options.series.slice(1).forEach((one) => {
        one.points = { show: false, size: 5, filter: one.spanGaps ? null : alone };
      });
    }
    const plot = new uPlot(options, [chart.times, ...chart.series.map(column)], box);
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: options.height })).observe(figure);
    figure.dataset.drawn = "yes";
  }

  function look(root) {
    for (const figure of root.querySelectorAll("[data-chart]:not([data-seen])")) {
      const shut = figure.closest("details:not([open])");
      if (shut) { shut.addEventListener("toggle", () => look(document), { once: true }); continue; }
      figure.dataset.seen = "yes";
      draw(figure);
    }
  }

  document.addEventListener("DOMContentLoaded", () => look(document));
  document.addEventListener("htmx:load", (event) => look(event.detail.elt.parentNode || document));
})();
