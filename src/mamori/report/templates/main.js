// The page: what the reader has chosen, and what is drawn from it.

const incomeName = (group) => report.incomes[group];
const placeOf = new Map(report.places.map((place) => [place.code, place]));
const populationOf = (group) => placeOf.get(group)?.population ?? report.groups.find(({ code }) => code === group).population;

const chosen = {
  response: report.defaultResponse,
  day: report.days[0].key,
  metric: "deaths_per_100k",
  group: report.groups[0].code,
  byTens: false,
};

const fill = (id, ...nodes) => document.getElementById(id).replaceChildren(...nodes);
const armsShown = () => report.arms.filter(({ response }) => response === chosen.response);
const armChosen = () => armsShown().find(({ day }) => day === chosen.day) ?? armsShown()[0];
const dayName = (key) => report.days.find((day) => day.key === key).name;
const dayChoice = (name) => choice(name, t("Vaccine"), report.days.map(({ key, short }) => [key, short]), chosen.day, (day) => set({ day }));

/** Where the interval dwarfs the median, an even axis would show nothing but its end. */
const intervalDwarfsMedian = () => {
  const arm = armsShown()[0].index;
  const { q50, q95 } = curvesOf(report.curves.groups, "deaths", arm, report.groups[0].code);
  return Math.max(...q95) > 10 * Math.max(...q50);
};

/** One line per arm of the chosen response, in the colour of its vaccine day. */
const linesOf = (table, metric, group, factor = 1) => armsShown().map(({ index, day, ink }) =>
  ({ label: dayName(day), ink, curves: scaled(curvesOf(table, metric, index, group), factor) }));

const armKey = () => armsShown().map(({ day, ink }) => [ink, dayName(day)]);

// ---- controls ----

const scaleChoice = (name) => choice(name, t("Scale"), [[false, t("even")], [true, t("factors of ten")]], chosen.byTens,
  (byTens) => set({ byTens }));

const groupChoice = () => dropDown(t("Place"), [
  ["", report.groups.map(({ code, name }) => [code, name])],
  [t("Places"), report.curves.places.groups.map((code) => [code, placeOf.get(code).name])
    .sort((a, b) => a[1].localeCompare(b[1], report.lang))],
], chosen.group, (group) => set({ group }));

const searchBox = element("label", { class: "choice" }, t("Search"),
  element("input", { type: "search", input: (event) => table.search(event.target.value) }));
const saveButton = element("button", { type: "button", click: () => table.save() }, t("Save as CSV"));

function drawControls() {
  fill("choice-response", choice("response", t("Response"), report.responses.map(({ key, name }) => [key, name]),
    chosen.response, (response) => set({ response })));
  fill("map-controls",
    dropDown(t("Show"), [["", Object.entries(mapMetrics).filter(([key]) => report.columns[key]).map(([key, { name }]) => [key, name])]],
      chosen.metric, (metric) => set({ metric })),
    dayChoice("map-day"));
  fill("curve-controls", groupChoice(), scaleChoice("curve-scale"), legend([...armKey(), ["dashed", t("Free beds")]]));
  fill("age-controls", groupChoice(), scaleChoice("age-scale"), legend(armKey()));
  fill("place-controls", searchBox, dayChoice("place-day"), saveButton);
}

// ---- sections ----

/** Show the curves of a place; in a very large run only the places with most people have any. */
function choosePlace(group) {
  if (report.curves.places.groups.includes(group)) set({ group });
}

const colourMap = worldMap(document.getElementById("map-figure"), choosePlace);
const table = placeTable(document.getElementById("place-table"), choosePlace);

function drawDoseCharts() {
  const { steps: days } = report.curves.groups;
  const incomes = report.groups.filter(({ code }) => code in report.incomes);
  if (incomes.length < 2) return;
  fill("dose-charts", ...armsShown().map(({ index, day }) => lineChart({
    title: t("Doses per 100 people"), unit: dayName(day), days, kind: "rate", atEnd: true,
    lines: incomes.map(({ code, name, population, short }) => ({
      label: name, short, ink: code, curves: scaled(curvesOf(report.curves.groups, "doses_cum", index, code), 100 / population),
    })),
  })));
}

function drawCurves() {
  const { group } = chosen;
  const kind = placeOf.has(group) ? "places" : "groups";
  const source = report.curves[kind];
  const count = { days: source.steps, kind: "count", byTens: chosen.byTens };
  const share = { days: source.steps };
  const beds = (metric) => [{ label: t("Free beds"), values: curvesOf(report.beds[kind], metric, armsShown()[0].index, group).q50 }];
  fill("curve-charts",
    lineChart({ ...count, title: t("Infections"), unit: t("per week"), lines: linesOf(source, "infections", group) }),
    lineChart({ ...count, title: t("Deaths"), unit: t("per week"), lines: linesOf(source, "deaths", group) }),
    lineChart({ ...share, title: t("Doses given"), unit: t("per 100 people"), kind: "rate",
      lines: linesOf(source, "doses_cum", group, 100 / populationOf(group)) }),
    lineChart({ ...count, title: t("Ward beds occupied"), unit: t("people"),
      lines: linesOf(source, "ward_occupied", group), limits: beds("ward_beds") }),
    lineChart({ ...count, title: t("Intensive-care beds occupied"), unit: t("people"),
      lines: linesOf(source, "icu_occupied", group), limits: beds("icu_beds") }),
    lineChart({ ...share, title: t("Contacts"), unit: t("% of usual"), kind: "percent", ceiling: 100,
      lines: linesOf(source, "contact_scale", group, 100) }));
}

function drawAges() {
  const source = placeOf.has(chosen.group) ? report.ages.places : report.ages.groups;
  const chart = (metric, title) => ageChart({
    title, unit: t("whole run"), ages: report.ageGroups, kind: "count", byTens: chosen.byTens && metric !== "first_doses",
    lines: linesOf(source, metric, chosen.group),
  });
  fill("age-charts", chart("deaths", t("Deaths")), chart("infections", t("Infections")),
    chart("yll", t("Years of life lost")), chart("first_doses", t("First doses")));
}

function drawAll() {
  drawControls();
  const arm = armChosen();
  for (const part of document.querySelectorAll("[data-response]")) part.hidden = part.dataset.response !== chosen.response;
  drawDoseCharts();
  colourMap(chosen.metric, arm.name, armsShown().map(({ name }) => name), chosen.group);
  fill("map-ranking", ranking(chosen.metric, arm.name, choosePlace));
  drawCurves();
  drawAges();
  table.show(arm.name);
}

/** Take over what the reader chose, draw, and leave the focus where it was. */
function set(change) {
  Object.assign(chosen, change);
  const focused = document.activeElement;
  const holder = focused?.closest(".controls")?.id;
  const position = holder ? [...document.getElementById(holder).querySelectorAll("input, select")].indexOf(focused) : -1;
  drawAll();
  if (position >= 0) document.getElementById(holder).querySelectorAll("input, select")[position]?.focus({ preventScroll: true });
}

document.documentElement.classList.add("drawing");
chosen.byTens = intervalDwarfsMedian();
drawAll();
