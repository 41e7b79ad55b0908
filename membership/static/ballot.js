// Says "2 of 3 ticked", politely. Never blocks: the server has the last word.
(() => {
  const form = document.querySelector("form[data-ticks-said]");
  if (!form) return;
  const said = form.querySelector(".ballot-count");
  const most = Number(form.dataset.ticksMost);

  function say() {
    const ticked = form.querySelectorAll(".ballot [type=checkbox]:checked").length;
    const words = ticked > most ? form.dataset.ticksOver : form.dataset.ticksSaid;
    said.textContent = words.replace("{ticked}", ticked).replace("{most}", most);
  }

  form.addEventListener("change", say);
  say();
})();
