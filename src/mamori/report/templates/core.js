// What every part of the page shares: the data, the reader's words and numbers, and small helpers for drawing.

const report = JSON.parse(document.getElementById("report-data").textContent);

/** The message in the page's language, with {names} filled in. */
const t = (message, values = {}) =>
  (report.words[message] ?? message).replace(/\{(\w+)\}/g, (_, name) => values[name]);

// ---- numbers: three significant digits, as the language writes them ----

const wordsFrom = report.lang === "ja" ? 1e5 : 1e6;
const inFull = new Intl.NumberFormat(report.lang, { maximumFractionDigits: 0, signDisplay: "negative" });
const inWords = new Intl.NumberFormat(report.lang, {
  notation: "compact", compactDisplay: report.lang === "ja" ? "short" : "long", maximumSignificantDigits: 3,
});
const onAxis = new Intl.NumberFormat(report.lang, { notation: "compact", maximumSignificantDigits: 3 });
const withDecimals = new Intl.NumberFormat(report.lang, { maximumFractionDigits: 2, signDisplay: "negative" });

const write = {
  count: (value) => (Math.abs(value) < wordsFrom ? inFull.format(value.toPrecision(3)) : inWords.format(value)),
  rate: (value) => withDecimals.format(value.toPrecision(3)),
  percent: (value) => `${withDecimals.format(value.toPrecision(2))}%`,
  day: (value) => inFull.format(value),
};

/** A value as text; null is a day that never comes, or a quantity without value. */
const written = (value, kind) => {
  if (value === null || value === undefined) return kind === "day" ? t("not reached") : "–";
  return write[kind](value);
};

/** A range as text, e.g. "9.8 to 15.1 million". */
function writtenRange(low, high, kind) {
  const [from, to] = [written(low, kind), written(high, kind)];
  if (from === to) return from;
  const [number, word] = from.split(" ");
  return t("{low} to {high}", { low: word && to.endsWith(` ${word}`) ? number : from, high: to });
}

// ---- packed curves: see packing.py ----

const digitOf = new Map([...report.packing.alphabet].map((character, index) => [character, index]));

/** Unpack a curve to `length` numbers; the last one packed holds to the end. */
function unpack(text, length) {
  const { alphabet, missing, smallest, stepsPerDecade } = report.packing;
  const values = new Array(length);
  for (let i = 0; i < length; i++) {
    const at = Math.min(2 * i, text.length - 2);
    const code = digitOf.get(text[at]) * alphabet.length + digitOf.get(text[at + 1]);
    values[i] = code === missing ? null : code === 0 ? 0 : smallest * 10 ** ((code - 1) / stepsPerDecade);
  }
  return values;
}

/** The quantiles of a metric in a group under an arm, e.g. {q05: [...], q50: [...], q95: [...]}. */
function curvesOf(table, metric, arm, group) {
  const packed = table.series[metric][arm][table.groups.indexOf(group)];
  return Object.fromEntries(table.quantiles.map((name, q) => [name, unpack(packed[q], table.steps.length)]));
}

const scaled = (curves, factor) =>
  Object.fromEntries(Object.entries(curves).map(([name, values]) => [name, values.map((v) => v && v * factor)]));

// ---- drawing ----

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

const tip = document.getElementById("tip");

/** Show a small table beside the pointer: a heading and rows of [text, text]. */
function showTip(x, y, heading, rows) {
  tip.replaceChildren(
    element("b", {}, heading),
    element("table", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))),
  );
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, y + height + 20 > innerHeight ? y - height - 10 : y + 14)}px`;
}

const hideTip = () => { tip.hidden = true; };

/** A row of options of which one holds; `options` are [value, text]. */
function choice(name, legend, options, chosen, onChange) {
  const labels = options.map(([value, text]) =>
    element("label", {},
      element("input", { type: "radio", name, value, checked: value === chosen, change: () => onChange(value) }), text));
  return element("fieldset", { class: "choice" },
    element("legend", {}, legend), element("div", { class: "segments" }, ...labels));
}

/** A drop-down list; `groups` are [heading, [[value, text], ...]]. */
function dropDown(legend, groups, chosen, onChange) {
  const options = (entries) => entries.map(([value, text]) => element("option", { value, selected: value === chosen }, text));
  const list = element("select", { change: (event) => onChange(event.target.value) },
    ...groups.flatMap(([heading, entries]) =>
      heading ? [element("optgroup", { label: heading }, ...options(entries))] : options(entries)));
  return element("label", { class: "choice" }, legend, list);
}

/** Round steps of about a quarter of `top`: 0, 50, 100, ... */
function ticks(top, count = 4) {
  if (!(top > 0)) return [0, 1];
  const raw = top / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * unit >= raw) * unit;
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, i) => i * step);
}
