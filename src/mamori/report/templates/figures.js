// How the report of an exercise writes its numbers and unpacks its curves.

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

/** Round steps of about a quarter of `top`: 0, 50, 100, ... */
function ticks(top, count = 4) {
  if (!(top > 0)) return [0, 1];
  const raw = top / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * unit >= raw) * unit;
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, i) => i * step);
}
