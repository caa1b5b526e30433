/* The verifier's page. It is built here, so that the site's page and the single file for the disk are one. Whatever was
   read from a file goes into the page as text, never as markup. */
"use strict";
(() => {
  const home = document.getElementById("verify");
  const zh = () => document.documentElement.lang.startsWith("zh");
  const words = () => VERIFY_WORDS[zh() ? "zh" : "en"];
  const MOST_BYTES = 4 << 20;
  let given = [];
  let results = null;

  const fill = (text, values) => text.replace(/\{(\w)\}/g, (_, name) => values[name]);
  function el(tag, values, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(values || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((one) => one !== null && one !== ""));
    return made;
  }
  const list = (title, lines) => lines.length ? [el("h4", {}, title), el("ul", {}, ...lines.map((one) => el("li", {}, one)))] : [];
  const moment = (seconds) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z/, "Z");

  // what was found --------------------------------------------------------------------------------------------
  function facts(one) {
    const say = words().facts, rows = [];
    const row = (name, value, kind) => {
      if (value !== "" && value !== null && value !== undefined) {
        rows.push(el("dt", {}, name), el("dd", {}, kind ? el("code", { class: "hash" }, String(value)) : String(value)));
      }
    };
    const told = one.bulletin || one.entry || {};
    row(say.authority, told.authority);
    if (one.bulletin) {
      row(say.event, told.content && told.content.event);
      row(say.number, told.number);
      row(say.as_of, told.content && told.content.as_of);
      row(say.published_at, told.published_at);
      row(say.corrects, told.corrects || "");
    } else {
      for (const name of ["type", "time", "purpose"]) row(say[name], told[name]);
      row(say.ref, told.ref === "-" ? "" : told.ref);
    }
    row(say.log, one.origin);
    if (one.index !== null) row(say.entry, fill(say.entryOf, { i: one.index, n: one.size }));
    else row(say.head, fill(say.headOf, { n: one.size, r: one.root }));
    row(say.paper, one.paper, "code");
    row(say.witnesses, one.witnesses.map(([name, at]) => `${name} (${moment(at)})`).join(", "));
    if (one.bulletin) row(say.key, told.key, "code");
    return el("dl", {}, ...rows);
  }

  function proved(one) {
    const say = words(), lines = [];
    if (one.bulletin) lines.push(one.trusted ? fill(say.saysBulletin, { k: one.bulletin.key }) : say.saysSelf);
    if (one.index !== null && one.trusted) lines.push(fill(say.saysEntry, { i: one.index }));
    if (one.index === null) lines.push(fill(say.saysHead, { n: one.size }));
    if (one.witnesses.length) {
      lines.push(fill(say.saysWitnesses, { n: one.witnesses.length, w: one.witnesses.map(([name]) => name).join(", ") }));
    }
    return lines;
  }
  function notProved(one) {
    const say = words();
    const lines = [say.notTrue];
    if (one.trusted && state.trust === home.dataset.trust) lines.push(say.notKey);
    if (one.bulletin && one.corrected_by === null) lines.push(say.notNewest);
    const beside = results.map(([, two]) => two).filter((two) => two.valid && two.paper && two.paper === one.paper);
    if (one.kind === "proof" && !beside.some((two) => two.bulletin)) lines.push(say.notContent);
    if (one.kind === "proof") lines.push(say.notOwner);
    if (!one.witnesses.length && !beside.some((two) => two.witnesses.length)) lines.push(say.notAll);
    return lines;
  }

  const UNDECIDED = ["no_key", "browser", "too_many", "tlog_policy"];
  function card(name, one) {
    const say = words();
    const title = `${say.kind[one.kind] || say.kind.unknown} · ${name}`;
    if (!one.valid) {
      const open = UNDECIDED.includes(one.code);
      return el("section", { class: `card ${open ? "alert" : "hot"}`, "data-verdict": open ? "open" : "bad" },
        el("h3", {}, `${open ? "?" : "✗"} ${open ? say.unread : say.bad}`), el("p", { class: "quiet" }, title),
        el("p", {}, say.codes[one.code] || one.code), open ? "" : el("p", {}, say.keep));
    }
    const later = one.corrected_by !== null;
    const sound = one.trusted && !later;
    const text = later ? fill(say.corrected, { n: one.corrected_by }) : one.trusted ? say.good : say.self;
    const content = one.bulletin ? one.bulletin.content : null;
    const told = content && content.texts ? content.texts[zh() ? "zh" : "en"] || Object.values(content.texts)[0] : "";
    return el("section", { class: `card ${sound ? "good" : "alert"}`, "data-verdict": sound ? "good" : later ? "corrected" : "self" },
      el("h3", {}, `${sound ? "✓" : "!"} ${text}`), el("p", { class: "quiet" }, title),
      told ? el("blockquote", {}, String(told)) : "", facts(one),
      ...list(say.proves, proved(one)), ...list(say.provesNot, notProved(one)),
      content ? el("details", {}, el("summary", {}, say.signedWhole), el("pre", {}, LianfangVerify.spelt(content))) : "");
  }

  // the page ---------------------------------------------------------------------------------------------------
  const state = { pasted: "", trust: home.dataset.trust || "", said: "", turn: 0 };

  function show() {
    const say = words();
    const input = el("input", { type: "file", multiple: true, id: "verify-files", onchange: () => take(input.files) });
    const drop = el("div", { class: "drop", ondragover: over, ondragleave: out, ondrop: dropped },
      el("label", { for: "verify-files" }, say.drop), input, el("p", { class: "quiet" }, say.kinds));
    const area = (id, name, value, rows) => {
      const made = el("textarea", { id, rows, spellcheck: "false", autocomplete: "off",
        oninput: () => { state[name] = made.value; } });
      made.value = value;
      return made;
    };
    home.replaceChildren(
      el("h1", {}, say.title), el("p", {}, say.lead),
      el("form", { onsubmit: (event) => { event.preventDefault(); run(); } },
        el("section", { class: "card" }, el("h2", {}, say.files), drop,
          el("label", { for: "verify-paste" }, say.paste), area("verify-paste", "pasted", state.pasted, 4)),
        el("section", { class: "card" }, el("h2", { id: "verify-whose" }, say.trust),
          el("p", { class: "quiet", id: "verify-help" }, say.trustHelp), trustArea(area)),
        el("p", {}, el("button", { class: "go" }, say.go))),
      el("div", { id: "verify-results", role: "status", "aria-live": "polite" }));
    draw();
  }
  function trustArea(area) {
    const made = area("verify-trust", "trust", state.trust, 5);
    made.setAttribute("aria-labelledby", "verify-whose");
    made.setAttribute("aria-describedby", "verify-help");
    return made;
  }
  function draw() {
    const into = document.getElementById("verify-results");
    into.replaceChildren(...(state.said ? [el("p", { class: "bad" }, state.said(words()))] : []),
      ...(results || []).map(([name, one]) => card(name, one)));
  }
  function tell(told) { results = null; state.said = told; draw(); }

  function over(event) { event.preventDefault(); event.currentTarget.classList.add("over"); }
  function out(event) { event.currentTarget.classList.remove("over"); }
  function dropped(event) { event.preventDefault(); out(event); take(event.dataTransfer.files); }

  async function take(files) {
    given = Array.from(files);
    await run();
  }

  async function run() {
    const turn = ++state.turn;
    const lacks = await LianfangVerify.lacking();
    if (lacks) return tell((w) => w.lacking[lacks]);
    const named = [];
    for (const file of given) {
      if (file.size > MOST_BYTES) return tell((w) => `${file.name}: ${w.tooLarge}`);
      named.push([file.name, new Uint8Array(await file.arrayBuffer())]);
    }
    if (state.pasted.trim()) named.push([words().pasted, new TextEncoder().encode(ended(state.pasted))]);
    if (!named.length) return tell((w) => w.none);
    let trust;
    try { trust = await LianfangVerify.parseTrust(state.trust); } catch { return tell((w) => w.badTrust); }
    tell((w) => w.working);
    try {
      const found = await LianfangVerify.check(named.map(([, bytes]) => bytes), trust);
      if (turn !== state.turn) return; // other files were given meanwhile
      state.said = "";
      results = found.map((one, at) => [named[at][0], one]);
      draw();
    } catch (error) { tell((w) => w.codes[error.code] || w.codes.browser); }
  }
  /* What was copied from a page often lost its last newline; a file always ends in one. */
  const ended = (text) => (text.endsWith("\n") ? text : `${text}\n`);

  const toggle = document.getElementById("verify-language");
  if (toggle) {
    const named = () => { toggle.textContent = words().other; toggle.lang = zh() ? "en" : "zh-CN"; document.title = words().title; };
    if (!(navigator.language || "zh").startsWith("zh")) document.documentElement.lang = "en";
    toggle.addEventListener("click", () => { document.documentElement.lang = zh() ? "en" : "zh-CN"; named(); show(); });
    named();
  }
  show();
})();
