// What every part of the page shares: the data, the reader's words, and small helpers for drawing.

const report = JSON.parse(document.getElementById("report-data").textContent);

/** The message in the page's language, with {names} filled in. */
const t = (message, values = {}) =>
  (report.words[message] ?? message).replace(/\{(\w+)\}/g, (_, name) => values[name]);

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
