// What tests ask of a page: the element with the focus, its controls, what is cut off, and what axe-core finds.
window.checks = (() => {
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  const controls = () => [...document.querySelectorAll(CONTROLS)];
  const shown = (element) => element.checkVisibility({visibilityProperty: true});

  // Whether the element with the focus looks otherwise than without it.
  const focusIsSeen = (element) => {
    const look = () => {
      const style = getComputedStyle(element);
      return ["outlineStyle", "outlineWidth", "boxShadow", "borderColor", "backgroundColor", "textDecorationLine"]
        .map((name) => style[name]).join();
    };
    const focused = look();
    element.blur();
    const blurred = look();
    element.focus();
    return focused !== blurred;
  };

  // The number of the control with the focus, -1 outside the page; and whether the focus is seen in the window. Looked at
  // once for each control: the focus that returns to a field for a date begins with its first part again.
  let last = [];
  const stop = () => {
    const element = document.activeElement, {left, right} = element.getBoundingClientRect();
    const number = controls().indexOf(element);
    if (number !== last[0])
      last = [number, number >= 0 && focusIsSeen(element) && left >= 0 && right <= innerWidth];
    return last;
  };

  // Numbers and HTML of the controls that a mouse can use.
  const usable = () => controls().flatMap((element, number) =>
    shown(element) && !element.disabled ? [[number, element.outerHTML]] : []);

  const scrolls = (element) => element && element !== document.body &&
    (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));

  // What is wider than the window, except in an element that scrolls, and what is wider than a box that hides the rest.
  const cutOff = () => {
    const found = [], {scrollWidth} = document.scrollingElement;
    if (scrollWidth > innerWidth) found.push(`the page is ${scrollWidth} wide in ${innerWidth}`);
    for (const element of document.body.querySelectorAll("*")) {
      const {right, width} = element.getBoundingClientRect(), {overflowX, position} = getComputedStyle(element);
      if (!shown(element) || width <= 1 || position === "absolute") continue; // what only screen readers get
      const name = `${element.tagName} ${element.id || element.className}: ${element.textContent.trim().slice(0, 40)}`;
      if (right > innerWidth + 1 && !scrolls(element)) found.push(`outside: ${name}`);
      if (["hidden", "clip"].includes(overflowX) && element.scrollWidth > element.clientWidth + 1)
        found.push(`cut off: ${name}`);
    }
    return found;
  };

  const inaccessible = async () => {
    await Promise.all(document.getAnimations().map(({finished}) => finished)); // of colours
    // No preload: axe would fetch style sheets and write them into a document, which the page's policy forbids.
    const {violations} = await axe.run(document, {resultTypes: ["violations"], preload: false});
    return violations.filter(({impact}) => ["serious", "critical"].includes(impact))
      .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html} ${failureSummary}`));
  };

  return {cutOff, focusIsSeen, inaccessible, stop, usable};
})();
