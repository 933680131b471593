// Makes the plots of a report quicker to read: what a version says is written below the plot, the
// arrow keys go from version to version, and the legend hides lines. Without it, pointing at a
// version still shows its numbers.
"use strict";

for (const figure of document.querySelectorAll("figure.plot")) {
  const drawing = figure.querySelector("svg.plot");
  const output = figure.querySelector(".reading-out");
  const readings = [...drawing.querySelectorAll(".reading")];
  // The browser's own tooltip would say the same again.
  const texts = readings.map((reading) => {
    const title = reading.querySelector("title");
    title.remove();
    return title.textContent;
  });
  let here = -1;

  const show = (position) => {
    readings[here]?.classList.remove("here");
    here = position;
    readings[here]?.classList.add("here");
    output.textContent = texts[here] ?? "";
  };

  // A line that is always there keeps the page from jumping.
  output.textContent = "\u00a0";
  readings.forEach((reading, position) => {
    reading.addEventListener("pointerenter", () => show(position));
  });

  drawing.tabIndex = 0;
  drawing.setAttribute("aria-description", "The arrow keys go from version to version.");
  drawing.addEventListener("focus", () => {
    if (here < 0 && drawing.matches(":focus-visible")) show(readings.length - 1);
  });
  drawing.addEventListener("keydown", (event) => {
    const last = readings.length - 1;
    const target = {
      ArrowLeft: Math.max(here - 1, 0),
      ArrowRight: Math.min(here + 1, last),
      Home: 0,
      End: last,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    show(target);
  });

  for (const button of figure.querySelectorAll(".legend button")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const hidden = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!hidden));
      for (const part of drawing.querySelectorAll(`[data-line="${button.dataset.line}"]`)) {
        part.classList.toggle("off", hidden);
      }
    });
  }
}
