/* Loads what a page needs: self-checks and the choice of claims at once, an interactive figure when it comes near the
   screen, previews of links when the page rests. */

(() => {
  const here = new URL(".", document.currentScript.src);
  let onDisk;

  // A page opened from the disk may not import modules: there they come in one classic script, made with the site.
  function module(path) {
    if (location.protocol !== "file:") return import(new URL(path, here));
    onDisk ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("modules.js", here);
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return onDisk.then(() => window.courseModules(path));
  }

  for (const name of ["self-check", "claims-filter"]) {
    if (document.querySelector(name)) module(`${name}.js`);
  }

  const figures = [...document.querySelectorAll("figure.interactive > :not(figcaption)")].filter((element) =>
    element.localName.startsWith("course-"),
  );

  function load(element) {
    const name = element.localName.replace("course-", "");
    return module(`figures/${name}.js`);
  }

  if (figures.length) {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          watcher.unobserve(entry.target);
          load(entry.target);
        }
      },
      { rootMargin: "600px" },
    );
    figures.forEach((element) => watcher.observe(element));
    // A printed page shows every figure, also those not reached yet.
    addEventListener("beforeprint", () => figures.forEach(load));
  }

  const links = [...document.querySelectorAll("article a.internal[href], article a.reference[href^='#']")].filter(
    (link) => !link.closest(".toctree-wrapper, nav, .course-preview") && !link.matches(".headerlink"),
  );
  if (links.length && matchMedia("(hover: hover)").matches) {
    module("previews.js").then(({ watch }) => watch(links));
  }

  // Plots that a narrow screen makes too small to be read.
  const plots = [...document.querySelectorAll("article .cell_output img[width]")];
  const narrow = matchMedia("(max-width: 44rem)");

  function offerToEnlarge() {
    if (narrow.matches) module("enlarge.js").then(({ offerForWide }) => offerForWide(plots));
  }

  if (plots.length) {
    offerToEnlarge();
    narrow.addEventListener("change", offerToEnlarge);
  }

  // MathJax is large: it comes when everything else is there.
  function loadWhenIdle() {
    for (const waiting of document.querySelectorAll("script[type='text/when-idle']")) {
      const script = document.createElement("script");
      script.src = waiting.src;
      waiting.replaceWith(script);
    }
  }

  const whenIdle = window.requestIdleCallback ?? ((callback) => setTimeout(callback, 200));
  if (document.readyState === "complete") loadWhenIdle();
  else addEventListener("load", () => whenIdle(loadWhenIdle, { timeout: 1000 }));

  // What is wider than the page scrolls sideways, and can be scrolled by keyboard.
  const WIDE = "article pre, article .output, article .pst-scrollable-table-container, article mjx-container[display]";

  function reach() {
    for (const box of document.querySelectorAll(WIDE)) {
      const wide = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 12;
      if (wide && !box.hasAttribute("tabindex")) {
        box.tabIndex = 0;
        box.dataset.wide = "";
      } else if (!wide && "wide" in box.dataset) {
        box.removeAttribute("tabindex");
        delete box.dataset.wide;
      }
    }
  }

  let soon = 0;

  function reachSoon() {
    clearTimeout(soon);
    soon = setTimeout(reach, 100);
  }

  reachSoon();
  addEventListener("resize", reachSoon);
  document.fonts?.addEventListener("loadingdone", reachSoon);

  // Formulas are drawn once the page can be read, when they come near the screen; some of them are wider than it.
  const article = document.querySelector("article");
  if (article) {
    new MutationObserver((changes) => {
      if (!changes.some(({ target }) => target.closest?.("mjx-container"))) return;
      reachSoon();
    }).observe(article, { childList: true, subtree: true });
  }
})();
