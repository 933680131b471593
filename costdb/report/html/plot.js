// Makes drawings quicker to read: what is pointed at is written below, the arrow keys go from one
// thing to the next, Enter follows its link, and the legend hides lines. Without it, pointing still
// shows the numbers, and links work.
"use strict";

for (const figure of document.querySelectorAll("figure.plot")) {
  const drawing = figure.querySelector("svg[role]");
  const output = figure.querySelector(".reading-out");
  const readings = [...drawing.querySelectorAll(".reading")];
  const links = readings.map((reading) => reading.closest("a"));
  // The browser's own tooltip would say the same again.
  const texts = readings.map((reading) => {
    const title = reading.querySelector("title");
    const text = title.textContent;
    title.remove();
    reading.closest("a")?.setAttribute("aria-label", text);
    return text;
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
    // One stop for the tabulator; the arrow keys do the rest.
    links[position]?.setAttribute("tabindex", "-1");
  });

  drawing.setAttribute("tabindex", "0");
  const follows = links.some((link) => link !== null);
  drawing.setAttribute(
    "aria-description",
    `The arrow keys go from one to the next${follows ? ", Enter follows its link" : ""}.`,
  );
  drawing.addEventListener("focus", () => {
    if (here < 0 && drawing.matches(":focus-visible")) {
      show(figure.classList.contains("icicle") ? 0 : readings.length - 1);
    }
  });
  drawing.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && links[here]) {
      window.location.assign(links[here].getAttribute("href"));
      return;
    }
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
