// Passkeys: the one thing a page cannot do without script. Every page works without it, by one-time passwords.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const post = async (path, token, body) => {
    const headers = { "Content-Type": "application/json", "X-Lianfang-Token": token };
    const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const register = async (button) => {
    const token = button.dataset.token;
    const options = await post("/account/passkeys/options", token, {});
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    const response = {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    };
    const label = document.getElementById("passkey-label").value || "passkey";
    const credential = { id: made.id, rawId: text(made.rawId), type: made.type, response };
    await post("/account/passkeys", token, { credential, label });
    location.assign("/account");
  };

  const prove = async (button) => {
    const token = button.dataset.token;
    const options = await post("/second/passkey/options", token, {});
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: named(options.allowCredentials),
    };
    const got = await navigator.credentials.get({ publicKey });
    const response = {
      clientDataJSON: text(got.response.clientDataJSON),
      authenticatorData: text(got.response.authenticatorData),
      signature: text(got.response.signature),
      userHandle: got.response.userHandle ? text(got.response.userHandle) : null,
    };
    const credential = { id: got.id, rawId: text(got.rawId), type: got.type, response };
    const answer = await post("/second/passkey", token, { credential });
    location.assign(button.dataset.back || answer.next);
  };

  if (!window.PublicKeyCredential) return;
  for (const box of document.querySelectorAll("[data-passkey-box]")) box.hidden = false;
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.addEventListener("click", async () => {
      const said = button.parentElement.querySelector("[role=alert]");
      said.hidden = true;
      try {
        await (button.dataset.passkey === "register" ? register(button) : prove(button));
      } catch {
        said.hidden = false;
      }
    });
  }
})();
