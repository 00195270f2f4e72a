/* <claims-filter>: shows the claims of one chapter, of one verdict, with a control or without. The choice stands in the
   address, so that it can be handed on. Without scripts the page is its tables. */

const CHOICES = {
  verdict: { true: "true", conditional: "true under a condition", false: "false" },
  control: { with: "with a control", without: "without a control" },
};

function choice(name, label, options) {
  const select = document.createElement("select");
  const field = document.createElement("label");
  select.name = name;
  select.className = "course-input";
  select.append(new Option("all", ""), ...Object.entries(options).map(([value, text]) => new Option(text, value)));
  field.append(label, select);
  return field;
}

class ClaimsFilter extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    this.sections = [...document.querySelectorAll("article section section")].filter((s) => s.querySelector("tbody tr"));
    const chapters = this.sections.map((section) => [section.id, section.querySelector("h2").firstChild.textContent]);
    this.form = document.createElement("form");
    this.form.className = "claims-filter-form d-print-none";
    this.form.append(
      choice("chapter", "Chapter", Object.fromEntries(chapters)),
      choice("verdict", "Verdict", CHOICES.verdict),
      choice("control", "Control", CHOICES.control),
    );
    this.said = document.createElement("p");
    this.said.setAttribute("role", "status");
    this.append(this.form, this.said);
    const asked = new URLSearchParams(location.search);
    for (const select of this.form.elements) {
      if ([...select.options].some(({ value }) => value === asked.get(select.name))) {
        select.value = asked.get(select.name);
      }
    }
    this.form.addEventListener("change", () => this.show());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", () => this.reveal());
    this.show();
  }

  /* Whoever follows a link to a chapter that the choice hides gets to see it. */
  reveal() {
    const section = this.sections.find(({ id }) => `#${id}` === location.hash);
    if (!section?.hidden) return;
    this.form.reset();
    this.show();
    section.scrollIntoView();
  }

  show() {
    const chosen = [...new FormData(this.form)].filter(([, value]) => value);
    const { chapter, verdict, control } = Object.fromEntries(chosen);
    let shown = 0;
    let all = 0;
    for (const section of this.sections) {
      let here = 0;
      for (const row of section.querySelectorAll("tbody tr")) {
        row.hidden =
          (chapter && section.id !== chapter) ||
          (verdict && !row.classList.contains(`verdict-${verdict}`)) ||
          (control && !row.classList.contains(`${control}-control`));
        all += 1;
        here += !row.hidden;
      }
      section.hidden = !here;
      shown += here;
    }
    this.said.textContent = chosen.length ? `Shown: ${shown} of ${all} claims.` : `Shown: all ${all} claims.`;
    history.replaceState(null, "", `?${new URLSearchParams(chosen)}`.replace(/\?$/, location.pathname) + location.hash);
  }
}

customElements.define("claims-filter", ClaimsFilter);
