// The foot of an open page. Without this file the ask still works: its button then says "Continue to payment".
(() => {
  const foot = document.querySelector("#support");
  if (!foot) return;
  const MONTH_MS = 30 * 24 * 3600 * 1000;

  // What the form asks for, in words: the templates are whole translated sentences with {amount} in them.
  function sayPrice(form) {
    const button = form.querySelector("[data-once]");
    const every = form.dataset.interval || form.querySelector("[name=interval]:checked")?.value; // a gift is always paid once
    const group = every && (form.querySelector(`fieldset[data-shown-for="${every}"]`) || form);
    const choice = group && group.querySelector("[type=radio][data-amount]:checked, [type=radio][value=other]:checked");
    if (!button || !choice) return;
    let amount = choice.dataset.amount;
    if (choice.value === "other") {
      const typed = Number((group.querySelector(".other-amount input")?.value || "").replace(",", "."));
      const money = { style: "currency", currency: form.dataset.currency, minimumFractionDigits: Number.isInteger(typed) ? 0 : 2 };
      amount = typed > 0 ? new Intl.NumberFormat(document.documentElement.lang, money).format(typed) : "";
    }
    button.textContent = amount ? button.dataset[every].replace("{amount}", amount) : button.dataset.plain;
  }

  // Storage may be forbidden (private windows); then the ask simply comes back on the next page.
  function awayUntil(instant) {
    try {
      if (instant !== undefined) localStorage.setItem("ask-away-until", instant);
      return Number(localStorage.getItem("ask-away-until"));
    } catch {
      return instant || 0;
    }
  }

  function putAway(away) {
    const link = document.querySelector("[data-foot-away]");
    if (!link) return;
    foot.hidden = away;
    link.hidden = !away;
  }

  function enhance() {
    const form = foot.querySelector("form");
    const notNow = foot.querySelector("[data-not-now]");
    if (form) {
      form.addEventListener("input", () => sayPrice(form));
      sayPrice(form);
    }
    if (notNow) {
      notNow.hidden = false;
      notNow.addEventListener("click", () => { awayUntil(Date.now() + MONTH_MS); putAway(true); document.querySelector("[data-foot-away] a").focus(); });
      putAway(awayUntil() > Date.now());
    }
  }

  enhance();
  if (!foot.dataset.fragment || !/(^|; )m=1(;|$)/.test(document.cookie)) return; // the join page has the same ask and no fragment
  fetch(foot.dataset.fragment, { credentials: "same-origin", headers: { "X-Fragment": "1" } })
    .then((answer) => (answer.status === 200 ? answer.text() : Promise.reject(answer.status)))
    .then((html) => { foot.innerHTML = html; foot.hidden = false; putAway(false); enhance(); })
    .catch(() => {}); // signed out meanwhile, or offline: the ask stays
})();
