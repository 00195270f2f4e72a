/* A wide figure is small on a narrow screen: a button below it shows it in its own size, to be scrolled sideways. */

/** Give an image its button, once. */
export function offer(image) {
  if (image.closest(".enlarge-frame")) return;
  const frame = document.createElement("div");
  const button = document.createElement("button");
  frame.className = "enlarge-frame";
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", "Figure");
  button.type = "button";
  button.className = "course-button quiet enlarge";
  image.replaceWith(frame);
  frame.append(image);
  frame.after(button);

  function show(large) {
    frame.classList.toggle("large", large);
    button.textContent = large ? "Fit to the screen" : "Enlarge";
    if (large) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }

  button.addEventListener("click", () => show(!frame.classList.contains("large")));
  show(false);
}

/** Offer it for all images that are shown at less than three quarters of their width. */
export function offerForWide(images) {
  for (const image of images) {
    if (image.clientWidth && image.clientWidth < 0.75 * image.getAttribute("width")) offer(image);
  }
}
