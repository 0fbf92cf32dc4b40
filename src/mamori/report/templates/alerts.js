// The report of alarms: the table unfolds its plots, filters and groups its rows; the plots tell their figures.

const table = document.getElementById("alarms");
const alarms = table ? [...table.querySelectorAll("tr.alarm")] : [];
const plotOf = (row) => row.nextElementSibling;
const chosen = { text: "", status: "", host: "", byPlace: false };

// ---- unfolding ----

function unfold(row, open) {
  row.querySelector(".unfold").setAttribute("aria-expanded", String(open));
  plotOf(row).hidden = !open;
}

function isOpen(row) {
  return row.querySelector(".unfold").getAttribute("aria-expanded") === "true";
}

for (const row of alarms) {
  unfold(row, false);
  row.querySelector(".unfold").addEventListener("click", () => unfold(row, !isOpen(row)));
  const plot = plotOf(row).querySelector("svg");
  followPointer(plot);
  plotOf(row).querySelector("td").append(element("button", { type: "button", click: () => savePicture(plot, row) }, t("Save as picture (PNG)")));
}

/** A link to an alarm, from the map or from outside, opens it. */
function openTarget() {
  const row = alarms.find(({ id }) => `#${id}` === location.hash);
  if (!row) return;
  if (row.hidden) {
    Object.assign(chosen, { text: "", status: "", host: "" });
    drawControls();
    apply();
  }
  unfold(row, true);
  row.scrollIntoView();
}

// ---- filters and groups ----

const search = (row) => row.textContent.toLocaleLowerCase(report.lang);
const fits = (row) => (!chosen.text || search(row).includes(chosen.text.toLocaleLowerCase(report.lang)))
  && (!chosen.status || row.dataset.status === chosen.status) && (!chosen.host || row.dataset.host === chosen.host);

const distinct = (key) => [...new Set(alarms.map((row) => row.dataset[key]))].filter(Boolean).sort();
const shownNow = element("span", { role: "status" });

function drawControls() {
  const holder = document.getElementById("alarm-controls");
  const set = (change) => { Object.assign(chosen, change); apply(); };
  const [states, hosts, places] = ["status", "host", "place"].map(distinct);
  const names = new Map(alarms.map((row) => [row.dataset.status, row.querySelector("td.status").firstChild.textContent]));
  const list = (legend, values, key, name = (value) => value) =>
    dropDown(legend, [["", [["", t("all")], ...values.map((value) => [value, name(value)])]]], chosen[key], (value) => set({ [key]: value }));
  holder.replaceChildren(
    element("label", { class: "choice" }, t("Search"),
      element("input", { type: "search", value: chosen.text, input: (event) => set({ text: event.target.value }) })),
    ...(states.length > 1 ? [list(t("Status"), states, "status", (value) => names.get(value))] : []),
    ...(hosts.length > 1 ? [list(t("Host"), hosts, "host")] : []),
    ...(places.length > 1 ? [element("label", { class: "choice" },
      element("input", { type: "checkbox", checked: chosen.byPlace, change: (event) => set({ byPlace: event.target.checked }) }), t("Group by place"))] : []),
    element("button", { type: "button", click: () => unfoldAll(true) }, t("Show all plots")),
    element("button", { type: "button", click: () => unfoldAll(false) }, t("Hide all plots")),
    shownNow);
}

function unfoldAll(open) {
  for (const row of alarms) if (!row.hidden) unfold(row, open);
}

/** Show the rows that fit, in their order or by place; a place stands where its strongest alarm does. */
function apply() {
  for (const body of table.tBodies) {
    const rows = alarms.filter((row) => row.parentNode === body);
    body.querySelectorAll("tr.group").forEach((row) => row.remove());
    const places = new Map();
    for (const row of rows) {
      row.hidden = !fits(row);
      plotOf(row).hidden = row.hidden || !isOpen(row);
      const place = chosen.byPlace ? row.dataset.place : "";
      places.set(place, [...(places.get(place) ?? []), row]);
    }
    const columns = body.rows[0].cells[0].colSpan;
    for (const [place, members] of places) {
      const shown = members.filter((row) => !row.hidden).length;
      if (chosen.byPlace && shown) {
        body.append(element("tr", { class: "group" },
          element("th", { scope: "rowgroup", colspan: columns }, t("{place}: {n}", { place: place || t("no place"), n: shown }))));
      }
      for (const row of members) body.append(row, plotOf(row));
    }
    body.hidden = rows.every((row) => row.hidden);
  }
  const shown = alarms.filter((row) => !row.hidden).length;
  shownNow.textContent = t("{n} of {all} shown", { n: shown, all: alarms.length });
}

// ---- what a plot tells ----

const figures = new Intl.NumberFormat(report.lang, { maximumFractionDigits: 1 });
const told = (text) => (text === "<" ? report.hidden : text ? figures.format(Number(text)) : "–");

/** Tell the figures of the period under the pointer, or of the one that the arrow keys have reached. */
function followPointer(plot) {
  const { counts, expected, bound, alarm, first } = plot.dataset;
  const columns = { counts: counts.split(","), expected: expected.split(","), bound: bound.split(",") };
  const size = columns.counts.length;
  const { left, right, top, bottom } = report.plot;
  const [, , width, height] = plot.getAttribute("viewBox").split(" ").map(Number);
  const cursor = svg("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  plot.append(cursor);
  let at = size - 1;
  const show = (index, clientX, clientY) => {
    at = Math.max(0, Math.min(size - 1, index));
    const x = left + ((at + 0.5) / size) * (width - left - right);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    const box = plot.getBoundingClientRect();
    showTip(clientX ?? box.left + (x / width) * box.width, clientY ?? box.top + (top / height) * box.height,
      report.periods[Number(first) + at],
      [[t("Observed"), told(columns.counts[at])], [t("Expected"), told(columns.expected[at])],
        [t("Upper bound"), told(columns.bound[at])], ...(alarm[at] === "1" ? [[t("Alarm"), "▼"]] : [])]);
  };
  const leave = () => { cursor.setAttribute("visibility", "hidden"); hideTip(); };
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    if (x < left || x > width - right) leave();
    else show(Math.floor(((x - left) / (width - left - right)) * size), event.clientX, event.clientY);
  });
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") leave();
    if (!step) return;
    event.preventDefault();
    show(cursor.getAttribute("visibility") === "visible" ? at + step : at);
  });
}

// ---- a plot as a picture ----

/** Save a plot as a picture of twice its size, in light colours; nothing leaves the page. */
function savePicture(plot, row) {
  const copy = plot.cloneNode(true);
  copy.querySelector(".cursor").remove();
  const style = svg("style");
  style.textContent = report.plot.style;
  copy.prepend(style);
  const [, , width, height] = plot.getAttribute("viewBox").split(" ").map(Number);
  copy.setAttribute("width", 2 * width);
  copy.setAttribute("height", 2 * height);
  const picture = new Image();
  picture.onload = () => {
    const canvas = element("canvas", { width: 2 * width, height: 2 * height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0);
    const link = element("a", { href: canvas.toDataURL("image/png"), download: `${row.querySelector(".unfold").textContent}.png` });
    link.click();
  };
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

document.documentElement.classList.add("drawing");
if (alarms.length) {
  drawControls();
  apply();
  unfold(alarms[0], true);
  addEventListener("hashchange", openTarget);
  openTarget();
}
