/* Hover previews: what a link inside the course leads to (an equation, figure, section, citation), shown beside the link.
   Opens on pointer and on keyboard focus, closes with Escape. Nothing leaves the site. */

const pages = new Map();
let box = null;
let waiting = 0;

/** The document behind an address of this site, fetched once. */
async function documentOf(url) {
  if (url.pathname === location.pathname) return document;
  if (!pages.has(url.pathname)) {
    const load = fetch(url.pathname)
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.statusText))))
      .then((text) => new DOMParser().parseFromString(text, "text/html"));
    pages.set(url.pathname, load);
  }
  return pages.get(url.pathname);
}

/** The part of a page worth showing for its target: what stands there, or the start of the section. */
function excerpt(target) {
  if (!target) return [];
  const equation = target.matches(".math-wrapper, div.math") ? target : target.closest(".math-wrapper, div.math");
  if (equation) return [equation];
  const whole = target.closest("figure, .admonition, dl, table, .citation, aside.footnote, self-check");
  if (whole && (whole === target || whole.id === target.id || target.matches("dt, .citation, span[id]"))) {
    if (whole.localName === "dl") {
      const term = target.closest("dt");
      let meaning = term; // several words may stand above one
      while (meaning?.localName === "dt") meaning = meaning.nextElementSibling;
      return term ? [term, meaning] : [whole];
    }
    return [whole];
  }
  const section = target.matches("section") ? target : (target.querySelector("section") ?? target.nextElementSibling ?? target);
  if (section.matches?.("section")) {
    const parts = [...section.children].filter((child) => child.matches("h1, h2, h3, h4, p, .math-wrapper, div.math"));
    return parts.slice(0, 3);
  }
  return [section];
}

async function open(link) {
  const url = new URL(link.href);
  if (!url.hash && url.pathname === location.pathname) return;
  let source;
  try {
    source = await documentOf(url);
  } catch {
    return;
  }
  const target = url.hash ? source.getElementById(decodeURIComponent(url.hash.slice(1))) : source.querySelector("article section");
  const parts = excerpt(target).filter(Boolean);
  if (!parts.length || waiting !== link) return;
  // Formulas out of sight are not drawn yet: draw them before they are copied.
  if (parts.some((part) => part.querySelector("mjx-lazy"))) await window.MathJax?.startup?.document?.lazyTypesetAll?.();
  close();
  box = document.createElement("div");
  box.className = "course-preview d-print-none";
  box.id = "course-preview";
  box.setAttribute("role", "tooltip");
  for (const part of parts) {
    const copy = document.importNode(part, true);
    copy.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
    copy.removeAttribute("id");
    copy.querySelectorAll("a, button, input, [tabindex]").forEach((element) => element.setAttribute("tabindex", "-1"));
    copy.querySelectorAll("img[src]").forEach((image) => (image.src = new URL(image.getAttribute("src"), url).href));
    box.append(copy);
  }
  document.body.append(box);
  if (source !== document && window.MathJax?.typesetPromise) await window.MathJax.typesetPromise([box]).catch(() => {});
  if (!box) return;
  const place = link.getBoundingClientRect();
  const room = document.documentElement.clientWidth - box.offsetWidth - 16;
  const below = place.bottom + 8 + box.offsetHeight < innerHeight || place.top < box.offsetHeight;
  box.style.left = `${scrollX + Math.max(16, Math.min(place.left, room))}px`;
  box.style.top = `${scrollY + (below ? place.bottom + 8 : place.top - box.offsetHeight - 8)}px`;
  link.setAttribute("aria-describedby", box.id);
  box.addEventListener("pointerleave", close);
}

function close() {
  document.querySelectorAll("[aria-describedby='course-preview']").forEach((link) => link.removeAttribute("aria-describedby"));
  box?.remove();
  box = null;
}

export function watch(links) {
  let timer = 0;
  const ask = (link, delay) => {
    waiting = link;
    clearTimeout(timer);
    timer = setTimeout(() => open(link), delay);
  };
  const leave = () => {
    clearTimeout(timer);
    waiting = 0;
    timer = setTimeout(() => box?.matches(":hover") || close(), 200);
  };
  for (const link of links) {
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && ask(link, 250));
    link.addEventListener("pointerleave", leave);
    link.addEventListener("focus", () => link.matches(":focus-visible") && ask(link, 400));
    link.addEventListener("blur", leave);
  }
  addEventListener("keydown", (event) => event.key === "Escape" && close());
}
