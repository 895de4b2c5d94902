"use strict";
// Answers the form from the figures in answer-data.js (ANSWER_DATA): the cost model's, and measured ones.

const question = document.getElementById("question");
const predicted = ANSWER_DATA.predicted;
const MAPS = { output: ["forward"], gradients: ["forward", "grad_input", "grad_weight"] };
const AXES = ["output", "filter", "batch", "in", "out", "groups"];
const CLOSE = 1.15; // within this the model does not tell two methods apart
const NEAREST = 3;
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function duration(seconds) {
  for (const [unit, scale] of [["s", 1], ["ms", 1e-3], ["us", 1e-6]]) {
    if (seconds >= scale) return `${Number((seconds / scale).toPrecision(3))} ${unit}`;
  }
  return `${Number((seconds / 1e-9).toPrecision(3))} ns`;
}

function bytes(count) {
  for (const [unit, scale] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (count >= scale) return `${Number((count / scale).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(count)} B`;
}

// ---- What is asked ----

function asked() {
  const form = Object.fromEntries(new FormData(question));
  const [h, w, k, n, ci, co, g] = ["h", "w", "k", "n", "ci", "co", "g"].map((name) => Number(form[name]));
  return { h, w, k, n, ci, co, g, dtype: form.dtype, t: form.t, d: form.d, machine: form.machine };
}

function problem(q) {
  const numbers = [["h", "height"], ["w", "width"], ["k", "filter"], ["n", "batch"], ["ci", "channels in"],
    ["co", "channels out"], ["g", "groups"]];
  for (const [name, title] of numbers) {
    if (!Number.isInteger(q[name]) || q[name] < 1) return `${title} is a whole number from 1 up.`;
  }
  if (q.k > Math.min(q.h, q.w)) return "The filter is larger than the image.";
  if (q.ci % q.g || q.co % q.g) return "Groups have to divide the channels in and out.";
  return "";
}

// ---- The model's figures ----

function place(q, k = q.k) {
  const output = Math.sqrt((q.h - k + 1) * (q.w - k + 1)); // of a square with as many outputs
  return { output, filter: k, batch: q.n, in: q.ci / q.g, out: q.co / q.g, groups: q.g };
}

// Linear between the two nearest on logarithmic axes, and a little beyond the ends.
function lookedUp(family, column, at) {
  let terms = [[0, 1]];
  for (const axis of AXES) {
    const nodes = family.axes[axis];
    let next = [];
    if (nodes.length === 1) {
      next = terms;
    } else {
      let low = 0;
      while (low < nodes.length - 2 && nodes[low + 1] <= at[axis]) low += 1;
      const share = Math.min(2, Math.max(0, Math.log(at[axis] / nodes[low]) / Math.log(nodes[low + 1] / nodes[low])));
      for (const [index, weight] of terms) {
        for (const [node, part] of [[low, 1 - share], [low + 1, share]]) {
          if (part) next.push([index * nodes.length + node, weight * part]);
        }
      }
    }
    terms = next;
  }
  let sum = 0;
  let share = 0;
  for (const [index, weight] of terms) {
    const kept = column[index];
    if (kept === null || kept === undefined) continue; // too much memory there
    sum += weight * kept;
    share += weight;
  }
  return share < 0.5 ? Infinity : sum / share / predicted.steps;
}

function familyOf(at) {
  if (at.in === 1 && at.out === 1) {
    return at.batch === 1 && at.groups === 1 ? "image" : "depthwise";
  }
  return "dense";
}

// Decimal logarithm of the seconds of one map by each method.
function logs(at, map, dtype, threads) {
  const name = familyOf(at);
  const family = predicted.families[name];
  if (!family) return {};
  const own = family.figures[`${dtype}/${threads}`];
  const single = (own || family.figures[`float32/${threads}`])[map] || {};
  // One group after the other, where the groups are no planes.
  const groups = name === "dense" ? Math.log10(at.groups) : 0;
  const found = {};
  for (const [method, column] of Object.entries(single)) {
    found[method] = lookedUp(family, column, at) + groups;
    if (!own) { // channels are exported in float32: what another dtype costs is taken from one image
      const image = predicted.families.image;
      const of = (type) => lookedUp(image, image.figures[`${type}/${threads}`][map][method], at);
      found[method] += of(dtype) - of("float32");
    }
  }
  return found;
}

function predict(at, q) {
  const total = {};
  const chosen = {};
  const forward = {};
  let auto = 0;
  for (const map of MAPS[q.d]) {
    const found = logs(at, map, q.dtype, q.t);
    let best = null;
    for (const [method, value] of Object.entries(found)) {
      const seconds = 10 ** value;
      if (map === "forward") forward[method] = seconds;
      total[method] = (total[method] || 0) + seconds;
      if (best === null || seconds < best[1]) best = [method, seconds];
    }
    if (best !== null) {
      chosen[map] = best[0];
      auto += best[1];
    }
  }
  const ranked = Object.keys(total).sort((a, b) => total[a] - total[b]);
  return { total, chosen, auto, ranked, forward };
}

// ---- The measured cells ----

function machine(q) {
  return ANSWER_DATA.machines.find((one) => one.name === q.machine);
}

function seconds(cell, method, q) {
  const found = cell.methods[method];
  if (!found || !found.forward) return null;
  if (q.d === "output") return found.forward[0];
  return found.backward ? found.forward[0] + found.backward[0] : null;
}

function nearest(q) {
  const at = place(q);
  const known = machine(q);
  if (!known) return [];
  const far = (cell) => AXES.reduce((sum, axis) => sum + Math.abs(Math.log(cell[axis] / at[axis])), 0) +
    (cell.dtype === q.dtype ? 0 : 5) + (cell.threads === q.t ? 0 : 5);
  return known.cells
    .filter((cell) => Object.keys(cell.methods).some((method) => seconds(cell, method, q) !== null))
    .map((cell) => [far(cell), cell])
    .sort((a, b) => a[0] - b[0])
    .slice(0, NEAREST)
    .map((pair) => pair[1]);
}

function predictedOf(cell, q) {
  return predict(cell, { ...q, dtype: cell.dtype, t: cell.threads });
}

// Measured over predicted, by method, of the cells near: how far off the model was.
function ratios(cells, q) {
  const found = {};
  for (const cell of cells) {
    const model = predictedOf(cell, q);
    for (const [method, expected] of [...Object.entries(model.total), ["auto", model.auto]]) {
      const was = seconds(cell, method, q);
      if (was !== null && Number.isFinite(expected)) (found[method] = found[method] || []).push(was / expected);
    }
  }
  return found;
}

// ---- What is shown ----

function tinted(method) {
  return `m${ANSWER_DATA.tints[method]}`;
}

function call(q, method) {
  const groups = q.g === 1 ? "" : `, groups=${q.g}`;
  return `fftconv.conv2d(image, weight${groups}, method="${method}")`;
}

function shapes(q) {
  return `image (${q.n}, ${q.ci}, ${q.h}, ${q.w}), weight (${q.co}, ${q.ci / q.g}, ${q.k}, ${q.k})`;
}

function showAnswer(q, model) {
  const box = document.getElementById("answer");
  if (!model.ranked.length) {
    box.replaceChildren(element("p", {}, "The model has no figures: only native could be used where this was published."));
    return;
  }
  const [best, second] = model.ranked;
  const mixed = new Set(Object.values(model.chosen)).size > 1;
  const method = mixed ? "auto" : best;
  const close = second && model.total[second] <= CLOSE * model.total[best] && !mixed;
  const says = mixed
    ? `auto: ${Object.entries(model.chosen).map(([map, name]) => `${map} by ${name}`).join(", ")}`
    : close ? `${best} (${second} is too close to call)` : best;
  const button = element("button", { type: "button" }, "copy");
  const code = element("code", { id: "code" }, call(q, method));
  button.addEventListener("click", () => {
    getSelection().selectAllChildren(code);
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).catch(() => {});
  });
  box.replaceChildren(
    element("p", { class: "verdict" }, "Call ", element("strong", { id: "method", "data-forward": JSON.stringify(model.forward) }, says)),
    element("pre", {}, code, " ", button),
    element("p", {}, `${shapes(q)}, ${q.dtype}, ${q.t === "all" ? predicted.threads : 1} threads, without padding. ` +
      'method="auto" chooses so by itself, at each call.'),
  );
}

function range(expected, off) {
  if (!off) return "not known";
  return `${duration(expected * Math.min(...off, 1))} to ${duration(expected * Math.max(...off, 1))}`;
}

function best(found, key) {
  return found && found[key];
}

function tableOf(head, rows) {
  const top = element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row[0]),
    ...row.slice(1).map((text) => element("td", {}, text))));
  return element("table", { class: "plain dense" }, element("thead", {}, top), element("tbody", {}, ...body));
}

function showMethods(q, model, cells) {
  const off = ratios(cells, q);
  const direction = q.d === "output" ? "forward" : "backward";
  const rows = ["auto", ...model.ranked].filter((m) => m !== "auto" || model.ranked.length).map((method) => {
    const expected = method === "auto" ? model.auto : model.total[method];
    const fastest = model.total[model.ranked[0]];
    const near = cells.map((cell) => best(cell.methods[method], direction)).find(Boolean);
    if (!Number.isFinite(expected)) return [method, "too much memory", "-", "-", "-", "-", "-"];
    return [
      element("span", { class: tinted(method) }, method),
      duration(expected),
      range(expected, off[method]),
      `${Number((expected / fastest).toPrecision(3))}x`,
      off[method] ? off[method].map((ratio) => `${ratio.toPrecision(2)}x`).join(", ") : "-",
      near && near[1] !== null ? near[1].toExponential(1) : "-",
      near && near[2] !== null ? bytes(near[2]) : "-",
    ];
  });
  const head = ["method", "predicted", "range", "to the fastest", "measured / predicted nearby", "error nearby", "memory nearby"];
  document.getElementById("methods").replaceChildren(tableOf(head, rows));
  const rough = [];
  if (q.h !== q.w) rough.push("the figures are of square images with as many outputs");
  if (familyOf(place(q)) === "dense" && q.g > 1) rough.push("groups count as one call after the other");
  if (familyOf(place(q)) !== "image" && q.dtype !== "float32") rough.push("with channels the figures are of float32, scaled as one image's are");
  document.getElementById("range-note").textContent =
    "Predicted: fftconv's cost model, exported when this was published, between its figures. Range: as far as it was off on the " +
    `${NEAREST} nearest measured cells.` + (rough.length ? ` Rougher than elsewhere: ${rough.join("; ")}.` : "");
}

function showNearest(q, cells) {
  const known = machine(q);
  const methods = [...new Set(cells.flatMap((cell) => Object.keys(cell.methods)))];
  const rows = cells.map((cell) => {
    const times = methods.map((method) => [method, seconds(cell, method, q)]);
    const least = Math.min(...times.filter(([method, s]) => s !== null && method !== "auto").map(([, s]) => s));
    const channels = cell.in * cell.groups === 1 && cell.out * cell.groups === 1 && cell.batch === 1 ? ""
      : `, batch ${cell.batch}, channels ${cell.in * cell.groups} to ${cell.out * cell.groups}` + (cell.groups > 1 ? `, groups ${cell.groups}` : "");
    return [
      `${cell.side}x${cell.side}, ${cell.filter}x${cell.filter}${channels}, ${cell.dtype}, ${cell.threads === "1" ? "1 thread" : "all threads"}`,
      ...times.map(([method, s]) => (s === null ? "-" : element("a", { href: cell.methods[method].forward[3] },
        duration(s) + (s === least ? " *" : "")))),
    ];
  });
  document.getElementById("nearest").replaceChildren(rows.length
    ? tableOf(["cell", ...methods], rows) : element("p", {}, "Nothing is measured yet: `make report` measures."));
  document.getElementById("caption").textContent = known ? `*: fastest. ${known.caption}.` : "";
}

function showChart(q) {
  const widest = Math.min(q.h, q.w, 127);
  const taps = [...new Set([...Array(40).keys()].map((i) => Math.max(1, Math.round(widest ** (i / 39)))))];
  const lines = {};
  const leads = [];
  for (const k of taps) {
    const model = predict(place(q, k), q);
    for (const [method, s] of Object.entries(model.total)) if (Number.isFinite(s)) (lines[method] = lines[method] || []).push([k, s]);
    leads.push([k, model.ranked[0]]);
  }
  const all = Object.values(lines).flat();
  const target = document.getElementById("chart");
  if (!all.length || taps.length < 2) {
    target.replaceChildren(element("p", {}, "There is nothing to draw."));
    return;
  }
  const [left, right, top, bottom] = [80, 560, 24, 300];
  const low = Math.min(...all.map(([, s]) => s));
  const high = Math.max(...all.map(([, s]) => s));
  const x = (k) => left + (right - left) * Math.log(k) / Math.log(widest);
  const y = (s) => bottom - (bottom - top) * Math.log(s / low) / Math.log(high / low || 10);
  const svg = drawn("svg", { viewBox: "0 0 720 350", class: "plot", role: "img",
    "aria-label": `Predicted time against filter size at ${q.h}x${q.w}` });
  for (let decade = Math.ceil(Math.log10(low)); decade <= Math.log10(high); decade += 1) {
    const at = y(10 ** decade);
    svg.append(drawn("line", { x1: left, x2: right, y1: at, y2: at, class: "rule" }));
    svg.append(drawn("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, duration(10 ** decade)));
  }
  for (const k of [1, 3, 7, 15, 31, 63, 127].filter((k) => k <= widest)) {
    svg.append(drawn("line", { x1: x(k), x2: x(k), y1: bottom, y2: bottom + 5, class: "axis" }));
    svg.append(drawn("text", { x: x(k), y: bottom + 20, "text-anchor": "middle" }, `${k}`));
  }
  svg.append(drawn("text", { x: (left + right) / 2, y: bottom + 42, "text-anchor": "middle" }, "filter (k x k); lines: where another method becomes the fastest"));
  for (let i = 1; i < leads.length; i += 1) {
    if (leads[i][1] !== leads[i - 1][1]) {
      const at = (x(leads[i][0]) + x(leads[i - 1][0])) / 2;
      svg.append(drawn("line", { x1: at, x2: at, y1: top, y2: bottom, class: "crossing" }));
      svg.append(drawn("text", { x: at + 4, y: top - 8 }, `k ${leads[i][0]}: ${leads[i][1]}`));
    }
  }
  const ends = Object.entries(lines).sort((a, b) => a[1].at(-1)[1] - b[1].at(-1)[1]);
  let below = Infinity;
  for (const [method, points] of ends) {
    const index = ANSWER_DATA.tints[method];
    const path = points.map(([k, s]) => `${x(k).toFixed(1)},${y(s).toFixed(1)}`).join(" ");
    svg.append(drawn("polyline", { points: path, class: `line l${index}`, "stroke-dasharray": ["", "7 4", "2 4", "9 3 2 3"][index % 4] }));
    below = Math.min(below - 15, y(points.at(-1)[1]));
    svg.append(drawn("text", { x: right + 8, y: below + 4 }, method));
  }
  svg.append(drawn("line", { x1: x(q.k), x2: x(q.k), y1: top, y2: bottom, class: "asked" }));
  target.replaceChildren(svg);
}

function show() {
  const q = asked();
  const wrong = problem(q);
  document.getElementById("problem").textContent = wrong;
  document.getElementById("result").classList.toggle("stale", Boolean(wrong));
  if (wrong) return;
  const model = predict(place(q), q);
  const cells = nearest(q);
  showAnswer(q, model);
  showMethods(q, model, cells);
  showNearest(q, cells);
  showChart(q);
}

function readAddress() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = question.elements.namedItem(name);
    if (!field) continue;
    if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
  }
}

question.addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["input", "change"]) {
  question.addEventListener(kind, () => {
    history.replaceState(null, "", "#" + new URLSearchParams(new FormData(question)));
    show();
  });
}
addEventListener("hashchange", () => {
  readAddress();
  show();
});
readAddress();
show();
