// Suggestions below the search box: the combobox pattern of the ARIA Authoring Practices Guide.
// Without this script the box is a field and a button, and searches all the same.

const PAUSE = 150; // milliseconds without a key before a request is sent
const SHORTEST = 2;

for (const form of document.querySelectorAll("form[data-suggest]")) suggestIn(form);

function suggestIn(form) {
  const field = form.querySelector("input[type=search]");
  const said = form.appendChild(document.createElement("div"));
  said.className = "hidden";
  said.setAttribute("role", "status");
  let list = null, chosen = -1, waiting = 0, asking = null;

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-expanded", "false");

  const options = () => list ? [...list.querySelectorAll("[role=option]")] : [];

  function close() {
    clearTimeout(waiting);
    asking?.abort();
    list?.remove();
    list = null;
    chosen = -1;
    said.textContent = "";
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    field.removeAttribute("aria-controls");
  }

  function show(html) {
    const found = new DOMParser().parseFromString(html, "text/html").querySelector("ul");
    close();
    if (!found?.children.length) return;
    list = form.appendChild(found);
    list.id = `${field.id}-suggestions`;
    options().forEach((option) => { option.id = `${field.id}-${option.id}`; });
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "true");
    said.textContent = list.dataset.said;
  }

  function choose(place) {
    const all = options();
    chosen = (place + all.length + 1) % (all.length + 1); // one more place: the field itself
    all.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    if (all[chosen]) {
      field.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    } else {
      chosen = -1;
      field.removeAttribute("aria-activedescendant");
    }
  }

  async function ask() {
    const typed = field.value.trim();
    asking?.abort();
    if (typed.length < SHORTEST) return close();
    asking = new AbortController();
    const mine = asking;
    try {
      const address = `${form.dataset.suggest}?q=${encodeURIComponent(typed)}`;
      const answer = await fetch(address, { signal: mine.signal, credentials: "omit" });
      const html = answer.ok ? await answer.text() : "";
      if (mine === asking && document.activeElement === field) show(html);
    } catch {
      // Nobody waits for a suggestion: a line that is down shows none.
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
  });
  field.addEventListener("keydown", (event) => {
    if (!list) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const down = event.key === "ArrowDown";
      choose(chosen < 0 && !down ? options().length - 1 : chosen + (down ? 1 : -1));
    } else if (event.key === "Enter" && chosen >= 0) {
      location.href = options()[chosen].dataset.href;
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
  });
  field.addEventListener("blur", close);
  // Before the field loses the focus, and the list with it.
  form.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option || event.button !== 0) return;
    event.preventDefault();
    location.href = option.dataset.href;
  });
  form.addEventListener("submit", close);
}
