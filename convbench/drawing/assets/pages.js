"use strict";
// Shows the one section that the selectors ask for; without this script all of them are shown.

const form = document.getElementById("selectors");
const sections = [...document.querySelectorAll("main > section")];
const status = document.getElementById("status");

function wanted() {
  return Object.fromEntries(new FormData(form));
}

// The section that agrees with the most selectors. What the reader has just changed counts more
// than all the others together: not every machine measured every view.
function closest(choice, changed) {
  let best = null;
  let bestScore = -1;
  for (const section of sections) {
    let score = 0;
    for (const [axis, value] of Object.entries(choice)) {
      if (section.dataset[axis] === value) {
        score += axis === changed ? 100 : 1;
      }
    }
    if (score > bestScore) {
      best = section;
      bestScore = score;
    }
  }
  return best;
}

function show(choice, changed) {
  const shown = closest(choice, changed);
  const missing = Object.entries(choice).filter(([axis, value]) => shown.dataset[axis] !== value);
  for (const section of sections) {
    section.hidden = section !== shown;
  }
  for (const select of form.querySelectorAll("select")) {
    select.value = shown.dataset[select.name];
  }
  status.textContent = missing.length
    ? "Not measured together: " + missing.map(([axis, value]) => axis + " " + value).join(", ") +
      " was changed to what is there."
    : "";
}

// Arrow keys go from cell to cell, Escape closes what a cell shows.
function onKey(event) {
  const box = document.activeElement;
  if (event.key === "Escape") {
    box.blur();
    return;
  }
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step || !box.classList.contains("box")) {
    return;
  }
  const cell = box.closest("td");
  const row = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + step[0]];
  const next = row && row.cells[cell.cellIndex + step[1]];
  const target = next && next.querySelector(".box");
  if (target) {
    event.preventDefault();
    target.focus();
  }
}

// What a cell shows stays inside the window.
function keepInside(event) {
  const cell = event.target.closest("td.cell");
  const detail = cell && cell.querySelector(".detail");
  if (!detail) {
    return;
  }
  detail.style.left = "0";
  const box = detail.getBoundingClientRect();
  const over = box.right - document.documentElement.clientWidth + 8;
  if (over > 0) {
    detail.style.left = -over + "px";
  }
}

if (form) {
  const start = new URLSearchParams(location.hash.slice(1));
  const first = sections[0].dataset;
  show({ ...first, ...Object.fromEntries(start) }, null);
  status.textContent = "";
  form.addEventListener("change", (event) => {
    show(wanted(), event.target.name);
    history.replaceState(null, "", "#" + new URLSearchParams(wanted()));
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", onKey);
  document.addEventListener("mouseover", keepInside);
  document.addEventListener("focusin", keepInside);
}
