"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const short = (value) => (value === null ? "–" : Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4))));
  const tell = (slider, words) => {
    slider.setAttribute("aria-valuetext", words);
    slider.parentElement.querySelector("output").value = words;
  };

  const frames = (box) => {
    const slider = box.querySelector("input[type=range]");
    if (!slider) return;
    const shown = all("[data-frame]", box);
    const show = () => {
      const chosen = Number(slider.value);
      shown.forEach((frame, k) => { frame.hidden = k !== chosen; });
      tell(slider, shown[chosen].dataset.frame);
    };
    slider.addEventListener("input", show);
    const play = box.querySelector("[data-play]");
    if (!play) return;
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
      play.setAttribute("aria-pressed", "false");
    };
    play.addEventListener("click", () => {
      if (timer) return stop();
      const last = shown.length - 1;
      if (Number(slider.value) >= last) slider.value = 0;
      show();
      play.textContent = "Pause";
      play.setAttribute("aria-pressed", "true");
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) >= last) stop();
      }, 500);
    });
    slider.addEventListener("pointerdown", stop);
  };

  const beforeAfter = (box) => {
    const slider = box.querySelector("input[type=range]");
    const after = box.querySelector(".after");
    slider.addEventListener("input", () => {
      after.style.clipPath = `inset(0 0 0 ${100 - slider.value}%)`;
      tell(slider, `${slider.value}% ${after.dataset.caption}`);
    });
  };

  const chart = (box) => {
    const readings = JSON.parse(box.dataset.chart);
    const svg = box.querySelector("svg");
    const cursor = box.querySelector("[data-cursor]");
    const values = all("[data-value]", box);
    const slider = box.querySelector("[data-reads]");
    slider.max = Math.max(0, readings.x.length - 1);
    slider.value = slider.max;
    const show = () => {
      const k = Number(slider.value);
      cursor.setAttribute("x1", readings.at[k]);
      cursor.setAttribute("x2", readings.at[k]);
      cursor.setAttribute("visibility", "visible");
      values.forEach((value, i) => { value.textContent = short(readings.lines[i].y[k]); });
      slider.parentElement.querySelector("output").value = short(readings.x[k]);
      const said = readings.lines.map((line) => `${line.name} ${short(line.y[k])}`).join(", ");
      slider.setAttribute("aria-valuetext", `${short(readings.x[k])}: ${said}`);
    };
    slider.addEventListener("input", show);
    svg.addEventListener("pointermove", (event) => {
      const area = svg.getBoundingClientRect();
      const at = ((event.clientX - area.left) / area.width) * svg.viewBox.baseVal.width;
      let nearest = 0;
      readings.at.forEach((place, k) => { if (Math.abs(place - at) < Math.abs(readings.at[nearest] - at)) nearest = k; });
      slider.value = nearest;
      show();
    });
    show();
  };

  all("[data-frames]").forEach(frames);
  all("[data-before-after]").forEach(beforeAfter);
  all("[data-chart]").forEach(chart);

  // a page that follows a training: it looks again, and everything is where it was
  const seconds = Number(document.documentElement.dataset.refresh || 0);
  const key = "nrgan-report";
  const controls = () => all("input[type=range]");
  const keep = () => {
    const at = {};
    for (const slider of controls()) {
      // what stands at its end goes on with the newest
      at[slider.id] = slider.value === slider.max && slider.closest("[data-frames], [data-chart]") ? "last" : slider.value;
    }
    const open = all("details").map((details) => details.open);
    sessionStorage.setItem(key, JSON.stringify({ at, open, y: scrollY, following: following.checked }));
  };
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(key) || "null");
    if (!kept) return;
    for (const slider of controls()) {
      const value = kept.at[slider.id];
      if (value === undefined) continue;
      slider.value = value === "last" ? slider.max : value;
      slider.dispatchEvent(new Event("input"));
    }
    all("details").forEach((details, k) => { details.open = Boolean(kept.open[k]); });
    following.checked = kept.following;
    scrollTo(0, kept.y);
  };
  const following = document.getElementById("following");
  if (seconds && following) {
    try { restore(); } catch { /* no storage for this page: it begins anew each time */ }
    setInterval(() => {
      if (!following.checked) return;
      try { keep(); } catch { /* as above */ }
      location.reload();
    }, seconds * 1000);
  }
})();
