// Shows topics like the one being typed. Without this file the same list comes once, as a step of its own, after sending.
(() => {
  const form = document.querySelector("form[data-similar]");
  const shown = document.querySelector("[data-similar-shown]");
  if (!form || !shown) return;
  const title = form.querySelector("[name=title]");
  const seen = form.querySelector("[name=seen]");
  const said = document.querySelector("[data-similar-said]");
  const WAIT_MS = 600;
  const SHORTEST = 8;
  let timer = 0;
  let asked = title.value.trim();
  let running = null;

  function show(html) {
    shown.innerHTML = html;
    seen.value = [...shown.querySelectorAll("[data-slug]")].map((each) => each.dataset.slug).join(",");
    said.textContent = shown.querySelector("[data-said]")?.dataset.said || "";
  }

  function look() {
    const typed = title.value.trim();
    if (typed === asked) return;
    asked = typed;
    running?.abort();
    if (typed.length < SHORTEST) return show("");
    running = new AbortController();
    fetch(`${form.dataset.similar}?title=${encodeURIComponent(typed)}`, { credentials: "same-origin", headers: { "X-Fragment": "1" }, signal: running.signal })
      .then((answer) => (answer.status === 200 ? answer.text() : Promise.reject(answer.status)))
      .then(show)
      .catch(() => {}); // typed on, offline or signed out: the step after sending shows them
  }

  title.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, WAIT_MS); });
})();
