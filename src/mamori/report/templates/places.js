// The table of places: sorted, searched, saved as CSV.

/** Columns after name, income group and people; those with low and high show their 90 % interval. */
const placeColumns = {
  deaths: { name: t("Deaths"), kind: "count" },
  deaths_per_100k: { name: t("Deaths per 100,000 people"), kind: "rate" },
  averted: { name: t("Deaths averted"), kind: "count" },
  averted_per_100k: { name: t("Deaths averted per 100,000 people"), kind: "rate" },
  infected_percent: { name: t("Infections per 100 people"), kind: "rate" },
  peak_ward_load: { name: t("People needing a ward bed per free bed, at the worst"), kind: "rate" },
  refused_per_100k: { name: t("Bed-days refused per 100,000 people"), kind: "rate" },
  first_dose_day: { name: t("Day of the first dose"), kind: "day" },
  day_20: { name: t("Day of 20 doses per 100 people"), kind: "day" },
};

const shownAtFirst = 20;

function placeTable(holder, onChoose) {
  const state = { sortBy: "deaths_per_100k", descending: true, search: "", all: false, arm: null };

  const columns = () => Object.entries(placeColumns).filter(([key]) => report.columns[key]?.[state.arm]);
  const valueOf = (index, key) =>
    key === "name" || key === "income" || key === "population"
      ? report.places[index][key] : medians(report.columns[key][state.arm])[index];

  /** Indices of the places found, in order; a day never reached comes after every day. */
  function found() {
    const needle = state.search.trim().toLocaleLowerCase(report.lang);
    const matches = ({ code, name, income }) =>
      [code, name, incomeName(income)].some((text) => text.toLocaleLowerCase(report.lang).includes(needle));
    const isDay = placeColumns[state.sortBy]?.kind === "day";
    const rank = (index) => valueOf(index, state.sortBy) ?? (isDay ? Infinity : -Infinity);
    const order = (a, b) => (typeof rank(a) === "string" ? rank(a).localeCompare(rank(b), report.lang)
      : rank(a) === rank(b) ? 0 : rank(a) < rank(b) ? -1 : 1);
    return report.places.map((_, index) => index).filter((index) => matches(report.places[index]))
      .sort((a, b) => (state.descending ? -order(a, b) : order(a, b)));
  }

  function heading(key, name) {
    const sorted = state.sortBy === key;
    const sort = () => {
      Object.assign(state, sorted ? { descending: !state.descending } : { sortBy: key, descending: key !== "name" && key !== "income" });
      draw();
      holder.querySelector(`[data-key="${key}"]`).focus();
    };
    return element("th", { scope: "col", "aria-sort": sorted ? (state.descending ? "descending" : "ascending") : undefined },
      element("button", { type: "button", "data-key": key, click: sort }, name, sorted ? (state.descending ? " ▾" : " ▴") : ""));
  }

  function row(index) {
    const place = report.places[index];
    const cells = columns().map(([key, { kind }]) => {
      const column = report.columns[key][state.arm];
      const range = column.low ? [element("small", {}, writtenRange(column.low[index], column.high[index], kind))] : [];
      return element("td", {}, written(valueOf(index, key), kind), ...range);
    });
    const link = element("a", { href: "#curves", click: () => onChoose(place.code) }, place.name);
    return element("tr", {}, element("th", { scope: "row" }, link), element("td", {}, incomeName(place.income)),
      element("td", {}, written(place.population, "count")), ...cells);
  }

  function draw() {
    const indices = found();
    const shown = state.all ? indices : indices.slice(0, shownAtFirst);
    const head = [["name", t("Place")], ["income", t("Income group")], ["population", t("People")],
      ...columns().map(([key, { name }]) => [key, name])];
    const table = element("table", { class: "figures" },
      element("caption", {}, t("{shown} of {all} places", { shown: inFull.format(shown.length), all: inFull.format(indices.length) })),
      element("thead", {}, element("tr", {}, ...head.map(([key, name]) => heading(key, name)))),
      element("tbody", {}, ...shown.map(row)));
    holder.replaceChildren(table);
    if (shown.length < indices.length) {
      holder.append(element("button", { type: "button", click: () => { state.all = true; draw(); } }, t("Show all places")));
    }
  }

  /** What is found, in the order shown, with the interval's ends as columns of their own. */
  function asCsv() {
    const parts = ([key]) => (report.columns[key][state.arm].low ? ["low", "median", "high"] : [""]);
    const head = ["code", "name", "income_group", "population",
      ...columns().flatMap((column) => parts(column).map((part) => (part ? `${column[0]}_${part}` : column[0])))];
    const lines = found().map((index) => {
      const { code, name, income, population } = report.places[index];
      const figures = columns().flatMap((column) => parts(column).map((part) => {
        const values = report.columns[column[0]][state.arm];
        return (part ? values[part] : values)[index] ?? "";
      }));
      return [code, name, income, population, ...figures];
    });
    const quoted = (cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
    return `\ufeff${[head, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n")}\r\n`;
  }

  return {
    show(arm) { state.arm = arm; draw(); },
    search(text) { state.search = text; draw(); },
    save() {
      const link = element("a", {
        href: URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" })), download: `mamori-places-${state.arm}.csv`,
      });
      link.click();
      URL.revokeObjectURL(link.href);
    },
  };
}
