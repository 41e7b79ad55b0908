// Asks the browser for a passkey when a form that wants one is sent, puts the answer into the form and sends it on.
// What becomes of that is said in the form's status line; the server has the last word.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const named = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

  function parsed(options) {
    const read = { ...options, challenge: bytes(options.challenge) };
    if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) read.excludeCredentials = named(options.excludeCredentials);
    if (options.allowCredentials) read.allowCredentials = named(options.allowCredentials);
    return read;
  }

  function written(credential) {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  }

  async function optionsFrom(address) {
    const answer = await fetch(address, { method: "POST", credentials: "same-origin" });
    const read = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(), { words: read.problem });
    return parsed(read);
  }

  function wordsFor(error, form) {
    const known = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
    return error.words ?? form.dataset[known[error.name] ?? "failed"];
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const said = form.querySelector("[role=status]");
    let isAsking = false;

    form.addEventListener("submit", async (event) => {
      // What is missing is for the server to say, before a passkey is made for nothing.
      if ([...form.elements].some((each) => each.required && !each.value.trim())) return;
      event.preventDefault();
      if (isAsking) return;
      if (!window.PublicKeyCredential) {
        said.textContent = form.dataset.unsupported;
        return;
      }
      isAsking = true;
      said.textContent = form.dataset.waiting;
      try {
        const publicKey = await optionsFrom(form.dataset.options);
        const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
        form.elements.passkey_answer.value = written(credential);
        form.submit();
      } catch (error) {
        said.textContent = wordsFor(error, form);
        isAsking = false;
      }
    });
  }
})();
