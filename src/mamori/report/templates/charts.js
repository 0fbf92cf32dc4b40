// Curves with bands, and bars by age.

const margins = { left: 46, right: 12, top: 12, bottom: 26 };

/** Sizes in the drawing's own units, near the pixels of a chart in three or in two columns, so that text keeps its size. */
const sizes = { third: { width: 400, height: 230 }, half: { width: 620, height: 250 } };

/**
 * Draw curves over the days of the run.
 * lines: [{label, ink, curves: {q05?, q25?, q50, q75?, q95?}}], median with its 90 % and 50 % bands;
 * limits: [{label, values}], dashed; kind: how to write values; atEnd: label the lines at their end.
 */
function lineChart({ title, unit, days, lines, limits = [], kind, ceiling = 0, atEnd = false, byTens = false }) {
  const { left, top, bottom } = margins;
  const { width, height } = atEnd ? sizes.half : sizes.third;
  const right = atEnd ? 84 : margins.right;
  const highest = Math.max(ceiling, highestOf(lines), ...limitsInView(lines, limits));
  const axis = byTens ? tens(highest) : evenly(highest);
  const x = (day) => left + (day / report.horizon) * (width - left - right);
  const y = (value) => height - bottom - axis.share(value) * (height - top - bottom);
  const path = (values) => values.map((value, i) => `${i ? "L" : "M"}${x(days[i]).toFixed(1)},${y(value).toFixed(1)}`).join("");
  const area = (low, high) =>
    `${path(high)}${path(low).replace("M", "L").split("L").slice(1).reverse().map((point) => `L${point}`).join("")}Z`;

  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spoken(title, days, lines, kind) });
  drawing.append(...levels(axis, y, left, width - right));
  for (const day of dayMarks()) {
    drawing.append(
      svg("line", { class: "grid", x1: x(day), x2: x(day), y1: height - bottom, y2: height - bottom + 4 }),
      svg("text", { x: x(day), y: height - 8, "text-anchor": "middle" }, day ? inFull.format(day) : t("Day {day}", { day })));
  }
  for (const { ink, curves } of lines) {
    if (curves.q05) drawing.append(svg("path", { class: `band ${ink}`, d: area(curves.q05, curves.q95) }));
    if (curves.q25) drawing.append(svg("path", { class: `band inner ${ink}`, d: area(curves.q25, curves.q75) }));
  }
  for (const { values } of limits) {
    if (Math.max(...values) <= axis.marks.at(-1)) drawing.append(svg("path", { class: "bed-line", d: path(values) }));
  }
  for (const { ink, curves } of lines) drawing.append(svg("path", { class: `line ${ink}`, d: path(curves.q50) }));
  if (atEnd) drawing.append(...endLabels(lines, y, width - right + 4));

  const figure = element("figure", { class: "chart" },
    element("figcaption", {}, title, " ", element("small", {}, unit)), drawing);
  followPointer(drawing, x, { days, lines, limits, kind, left, right, width, height });
  return figure;
}

const highestOf = (lines) => Math.max(...lines.flatMap(({ curves }) => curves.q95 ?? curves.q50));

/** Limits count for the height of the chart only where curves come near them; else they'd flatten the curves. */
const limitsInView = (lines, limits) =>
  limits.flatMap(({ values }) => values).filter((value) => value < 3 * highestOf(lines));

/** An axis from 0 to `top` in even steps: its marks, and a value's share of its length. */
function evenly(top) {
  const marks = ticks(top);
  return { marks, share: (value) => value / marks.at(-1) };
}

/** An axis of six factors of ten up to `top`; what is smaller lies at its foot. */
function tens(top) {
  const highest = Math.max(1, Math.ceil(Math.log10(Math.max(top, 1))));
  const lowest = Math.max(0, highest - 6);
  const marks = Array.from({ length: highest - lowest + 1 }, (_, i) => 10 ** (lowest + i));
  return { marks, share: (value) => Math.max(0, Math.log10(Math.max(value, marks[0])) - lowest) / (highest - lowest) };
}

/** The lines and numbers of the axis' marks. */
const levels = (axis, y, from, to) => axis.marks.flatMap((mark) => [
  svg("line", { class: "grid", x1: from, x2: to, y1: y(mark), y2: y(mark) }),
  svg("text", { x: from - 6, y: y(mark) + 4, "text-anchor": "end" }, onAxis.format(mark))]);

const dayMarks = () => {
  const step = [7, 14, 30, 50, 100, 200, 365].find((days) => report.horizon / days <= 8) ?? 730;
  return Array.from({ length: Math.floor(report.horizon / step) + 1 }, (_, i) => i * step);
};

/** Names at the end of each line, moved apart where they would overlap. */
function endLabels(lines, y, x) {
  const labels = lines
    .map(({ short, label, ink, curves }) => ({ text: short ?? label, ink, at: y(curves.q50.at(-1)) }))
    .sort((a, b) => a.at - b.at);
  labels.forEach((label, i) => { if (i) label.at = Math.max(label.at, labels[i - 1].at + 13); });
  const over = Math.max(0, labels.at(-1).at - y(0));
  return labels.map(({ text, ink, at }) => svg("text", { class: `end ${ink}`, x, y: at - over + 4 }, text));
}

/** The chart in words, for those who do not see it. */
function spoken(title, days, lines, kind) {
  const peaks = lines.map(({ label, curves }) => {
    const peak = Math.max(...curves.q50);
    return t("{line}: highest {value} on day {day}",
      { line: label, value: written(peak, kind), day: inFull.format(days[curves.q50.indexOf(peak)]) });
  });
  return `${title}. ${peaks.join("; ")}.`;
}

/** A cursor that follows the pointer or the arrow keys and shows the numbers below it. */
function followPointer(drawing, x, { days, lines, limits, kind, left, right, width, height }) {
  const cursor = svg("line", { class: "cursor", y1: margins.top, y2: height - margins.bottom, visibility: "hidden" });
  drawing.append(cursor);
  let index = 0;

  const show = (clientX, clientY) => {
    cursor.setAttribute("x1", x(days[index]));
    cursor.setAttribute("x2", x(days[index]));
    cursor.setAttribute("visibility", "visible");
    const rows = lines.map(({ label, curves }) => [label, written(curves.q50[index], kind),
      curves.q05 ? writtenRange(curves.q05[index], curves.q95[index], kind) : ""]);
    for (const { label, values } of limits) rows.push([label, written(values[index], kind), ""]);
    showTip(clientX, clientY, t("Day {day}", { day: inFull.format(days[index]) }), rows);
  };
  const hide = () => { cursor.setAttribute("visibility", "hidden"); hideTip(); };

  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const day = (((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * report.horizon;
    index = days.reduce((best, d, i) => (Math.abs(d - day) < Math.abs(days[best] - day) ? i : best), 0);
    show(event.clientX, event.clientY);
  });
  drawing.addEventListener("pointerleave", hide);
  drawing.setAttribute("tabindex", "0");
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    index = Math.max(0, Math.min(days.length - 1, index + step));
    const box = drawing.getBoundingClientRect();
    show(box.left + (x(days[index]) / width) * box.width, box.top + box.height / 2);
  });
}

/**
 * Draw one bar per age group and line, with a stem for the 90 % interval where there is one; dots instead of bars on
 * an axis of factors of ten, which has no foot for a bar to stand on.
 */
function ageChart({ title, unit, ages, lines, kind, byTens }) {
  const { left, right, top } = margins;
  const { width, height } = sizes.half;
  const bottom = 40;
  const axis = byTens ? tens(highestOf(lines)) : evenly(highestOf(lines));
  const y = (value) => height - bottom - axis.share(value) * (height - top - bottom);
  const slot = (width - left - right) / ages.length;
  const bar = (slot * 0.8) / lines.length;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spokenAges(title, ages, lines, kind) });
  drawing.append(...levels(axis, y, left, width - right));
  ages.forEach((age, i) => {
    const start = left + i * slot + slot * 0.1;
    if (i % 2 === 0) {
      drawing.append(svg("text", { x: start + slot * 0.4, y: height - bottom + 15, "text-anchor": "middle" }, age));
    }
    lines.forEach(({ ink, curves }, line) => {
      const centre = start + (line + 0.5) * bar;
      const middle = y(curves.q50[i]);
      if (curves.q05) drawing.append(svg("line", { class: `stem ${ink}`, x1: centre, x2: centre, y1: y(curves.q05[i]), y2: y(curves.q95[i]) }));
      drawing.append(byTens ? svg("circle", { class: `bar ${ink}`, cx: centre, cy: middle, r: 3.5 })
        : svg("rect", { class: `bar ${ink}`, x: start + line * bar, width: bar * 0.92, y: middle, height: y(0) - middle }));
    });
    drawing.append(svg("rect", { x: left + i * slot, y: top, width: slot, height: height - top - bottom, fill: "transparent",
      pointermove: (event) => showTip(event.clientX, event.clientY, t("Age {age}", { age }),
        lines.map(({ label, curves }) => [label, written(curves.q50[i], kind),
          curves.q05 ? writtenRange(curves.q05[i], curves.q95[i], kind) : ""])),
      pointerleave: hideTip }));
  });
  drawing.append(svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, t("Age in years")));
  return element("figure", { class: "chart" }, element("figcaption", {}, title, " ", element("small", {}, unit)), drawing);
}

function spokenAges(title, ages, lines, kind) {
  const peaks = lines.map(({ label, curves }) => {
    const peak = Math.max(...curves.q50);
    return t("{line}: highest {value} at age {age}",
      { line: label, value: written(peak, kind), age: ages[curves.q50.indexOf(peak)] });
  });
  return `${title}. ${peaks.join("; ")}.`;
}

/** The key of a group of charts; entries are [ink, text], or ["dashed", text]. */
const legend = (entries) =>
  element("ul", { class: "legend" }, ...entries.map(([ink, text]) => element("li", {}, element("i", { class: ink }), text)));
