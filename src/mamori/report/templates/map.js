// The world map: one colour per place, by a metric that the reader chooses.

/** What the map can show: column of the places, words, how to write it, colour ramp. */
const mapMetrics = {
  deaths_per_100k: { name: t("Deaths per 100,000 people"), kind: "rate", ramp: "burden" },
  averted_per_100k: { name: t("Deaths averted per 100,000 people"), kind: "rate", ramp: "good" },
  infected_percent: { name: t("Infections per 100 people"), kind: "rate", ramp: "burden" },
  first_dose_day: { name: t("Day of the first dose"), kind: "day", ramp: "time" },
  day_20: { name: t("Day of 20 doses per 100 people"), kind: "day", ramp: "time" },
  peak_ward_load: { name: t("People needing a ward bed per free bed, at the worst"), kind: "rate", ramp: "burden" },
};

/** Classes of like size, at most six, for the values of `arms`: their breaks, told apart in writing, and their names. */
function classesOf(column, arms, kind) {
  const values = arms.filter((arm) => column[arm]).flatMap((arm) => medians(column[arm]))
    .filter((value) => value !== null).sort((a, b) => a - b);
  const at = [1, 2, 3, 4, 5].map((i) => Number(values[Math.floor((i / 6) * (values.length - 1))]?.toPrecision(2)));
  const apart = new Map(at.filter((value) => value > values[0]).map((value) => [written(value, kind), value]));
  apart.delete(written(0, kind));
  const breaks = [...apart.values()];
  if (!values.length) return { breaks, names: [] };
  if (!breaks.length) return { breaks, names: [writtenRange(values[0], values.at(-1), kind)] };
  const between = breaks.slice(1).map((mark, i) => writtenRange(breaks[i], mark, kind));
  return { breaks, names: [t("below {value}", { value: written(breaks[0], kind) }), ...between,
    t("{value} and more", { value: written(breaks.at(-1), kind) })] };
}

/** The colour of a class on its ramp of six; fewer classes spread over the ramp. */
const colourOf = (ramp, step, breaks) => `var(--${ramp}-${Math.round((step * 5) / Math.max(1, breaks.length))})`;

const medians = (values) => (values.median ? values.median : values);

/** Draw the outlines once; the returned function colours them. */
function worldMap(figure, onChoose) {
  const { width, height, sea, paths } = report.map;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, svg("path", { class: "sea", d: sea }));
  const areas = new Map();
  const indexOf = new Map(report.places.map((place, index) => [place.code, index]));
  for (const [code, d] of Object.entries(paths)) {
    const area = svg("path", { class: "area", d });
    drawing.append(area);
    if (indexOf.has(code)) areas.set(code, area);
  }
  for (const { code, x, y } of report.places) {
    if (areas.has(code) || x === null) continue;
    const dot = svg("circle", { class: "area dot", cx: x, cy: y, r: 3.2 });
    drawing.append(dot);
    areas.set(code, dot);
  }
  const key = element("div");
  figure.replaceChildren(drawing, key);
  let showing = null;

  for (const [code, area] of areas) {
    area.dataset.code = code;
    area.addEventListener("click", () => onChoose(code));
    area.addEventListener("pointermove", (event) => {
      const index = indexOf.get(code);
      showTip(event.clientX, event.clientY, report.places[index].name, tipRows(index, showing.arm));
    });
    area.addEventListener("pointerleave", hideTip);
  }

  /** Colour by `metric` under `arm`; the classes are those of `arms`, which are compared. */
  return function colour(metric, arm, arms, chosen) {
    showing = { arm };
    const { name, kind, ramp } = mapMetrics[metric];
    const column = report.columns[metric];
    const { breaks, names } = classesOf(column, arms, kind);
    const values = medians(column[arm] ?? []);
    for (const [code, area] of areas) {
      const value = values[indexOf.get(code)] ?? null;
      const step = breaks.filter((mark) => value >= mark).length;
      area.style.fill = value === null ? "" : colourOf(ramp, step, breaks);
      area.classList.toggle("chosen", code === chosen);
    }
    drawing.setAttribute("aria-label", t("World map: {metric}. The same figures are in the table of places.", { metric: name }));
    key.replaceChildren(mapKey(breaks, names, kind, ramp));
  };
}

function mapKey(breaks, names, kind, ramp) {
  const entry = (ink, text) => element("li", {}, element("i", { style: `--ink: ${ink}` }), text);
  const none = kind === "day" ? t("not reached, or not in the run") : t("not in the run");
  return element("ul", { class: "legend" }, ...names.map((name, step) => entry(colourOf(ramp, step, breaks), name)),
    entry("var(--no-data)", none));
}

/** A short table of the places where the figure is highest, or the day latest. */
function ranking(metric, arm, onChoose) {
  const { name, kind } = mapMetrics[metric];
  const values = medians(report.columns[metric][arm] ?? []);
  const rank = (index) => values[index] ?? (kind === "day" ? Infinity : -Infinity);
  const order = values.map((_, index) => index).sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) < rank(b) ? 1 : -1));
  const rows = order.slice(0, 12).map((index) => {
    const { code, name: place } = report.places[index];
    return element("tr", {},
      element("th", { scope: "row" }, element("a", { href: "#curves", click: () => onChoose(code) }, place)),
      element("td", {}, written(values[index], kind)));
  });
  const heading = kind === "day" ? t("Latest: {metric}", { metric: name }) : t("Highest: {metric}", { metric: name });
  return element("table", {}, element("caption", {}, heading), element("tbody", {}, ...rows));
}

/** The figures of one place under one arm, for the map's tip. */
function tipRows(index, arm) {
  return Object.entries(mapMetrics)
    .filter(([metric]) => report.columns[metric]?.[arm])
    .map(([metric, { name, kind }]) => {
      const column = report.columns[metric][arm];
      const range = column.low ? writtenRange(column.low[index], column.high[index], kind) : "";
      return [name, written(medians(column)[index], kind), range];
    });
}
