// gradio's divider between two pictures follows a pointer alone: here it is a slider that keys move as well.
() => {
  const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -100, End: 100 };

  const equip = (divider) => {
    const after = divider.parentElement.querySelector("img.fixed");
    if (!after) return;
    const percent = () => Math.round(Number((/([\d.]+)%/.exec(after.style.clipPath) || [0, 50])[1]));
    const tell = () => {
      divider.setAttribute("aria-valuenow", percent());
      divider.setAttribute("aria-valuetext", `${percent()}% before, ${100 - percent()}% after`);
    };
    const attributes = { role: "slider", tabindex: 0, "aria-label": "Divider between before and after",
      "aria-orientation": "horizontal", "aria-valuemin": 0, "aria-valuemax": 100 };
    for (const [name, value] of Object.entries(attributes)) divider.setAttribute(name, value);
    tell();
    new MutationObserver(tell).observe(after, { attributes: true, attributeFilter: ["style"] });
    divider.addEventListener("keydown", (event) => {
      if (!(event.key in KEYS) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const share = Math.min(Math.max(percent() + KEYS[event.key], 0), 100) / 100;
      const { left, width, top } = after.getBoundingClientRect();
      const pointer = { bubbles: true, view: window, clientX: left + share * width, clientY: top + 1 };
      divider.dispatchEvent(new MouseEvent("mousedown", pointer));
      window.dispatchEvent(new MouseEvent("mouseup", pointer));
    });
  };

  const look = () => document.querySelectorAll("#both [data-testid=slider]:not([tabindex])").forEach(equip);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  look();
}
