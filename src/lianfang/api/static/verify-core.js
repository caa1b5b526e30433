/* Checks bulletins, .tlog-proof files and signed heads with nothing but WebCrypto (SHA-256, Ed25519) and the reader's
   keys. It is services/receipts/checking.py in JavaScript, in the same order and with the same codes; a test holds the
   two to the same verdicts on generated files and on mutants of them. Nothing here reaches for the network or the page.
   Formats: C2SP signed-note, tlog-checkpoint, tlog-cosignature v1, tlog-policy, tlog-proof; RFC 6962; RFC 8785. */
"use strict";
const LianfangVerify = (() => {
  const HEADER = "c2sp.org/tlog-proof@v1";
  const FORMAT = "lianfang-bulletin-file/1";
  const ED25519 = 1, COSIGNATURE = 4, SIZE = 32;
  const MOST_FILES = 50, MAX_NOTE = 1000000, MAX_BULLETIN = 2 << 20;
  const MAX_TIME = (1n << 63n) - 1n;
  const NUMBER = /^(?:0|[1-9][0-9]{0,18})$/;
  const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
  const EDGES = new RegExp(`^${SPACE.source}+|${SPACE.source}+$`, "g");
  const encoder = new TextEncoder();
  const TOLD = ["authority", "event_id", "number", "published_at", "corrects", "content"];

  class Refused extends Error {
    constructor(code) { super(code); this.code = code; }
  }
  const refuse = (code) => { throw new Refused(code); };

  // bytes ---------------------------------------------------------------------------------------------------
  const bytesOf = (text) => encoder.encode(text);
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
  const fromHex = (text) => Uint8Array.from(text.match(/../g) || [], (two) => parseInt(two, 16));
  const same = (a, b) => a.length === b.length && a.every((one, at) => one === b[at]);
  function join(...parts) {
    const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { made.set(part, at); at += part.length; }
    return made;
  }
  /* The bytes whose one base64 spelling (padded, no spare bits) the text is; null otherwise. */
  function fromBase64(text) {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
    const raw = atob(text);
    return btoa(raw) === text ? Uint8Array.from(raw, (one) => one.charCodeAt(0)) : null;
  }
  function toBase64(bytes) {
    let raw = "";
    for (const one of bytes) raw += String.fromCharCode(one);
    return btoa(raw);
  }

  // JSON: what is signed (RFC 8785) and how a bulletin's file is spelt -----------------------------------------
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const isHash = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
  const isText = (value) => typeof value === "string";
  const hasOnly = (value, names) =>
    isObject(value) && Object.keys(value).length === names.length && names.every((one) => Object.hasOwn(value, one));
  function quoted(text) {
    if (!text.isWellFormed()) refuse("bad_input");
    return JSON.stringify(text);
  }
  function number(value) {
    if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER &&
        Math.abs(value) < 1e21)) refuse("bad_input");
    return Object.is(value, -0) ? "0" : String(value);
  }
  /* The file was written by another language, which begins exponents earlier and with two digits. */
  function numberSpelt(value) {
    const size = Math.abs(value);
    if (size === 0 || size >= 1e-4) return number(value);
    const [digits, power] = value.toExponential().split("e-");
    return `${digits}e-${power.padStart(2, "0")}`;
  }
  const byUnits = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  function byPoints(a, b) {
    const left = Array.from(a, (one) => one.codePointAt(0)), right = Array.from(b, (one) => one.codePointAt(0));
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      if (left[at] !== right[at]) return left[at] - right[at];
    }
    return left.length - right.length;
  }
  function canonical(value) {
    if (typeof value === "string") return quoted(value);
    if (typeof value === "number") return number(value);
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (!isObject(value)) return String(value);
    const names = Object.keys(value).sort(byUnits);
    return `{${names.map((name) => `${quoted(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  function spelt(value, margin = "") {
    if (typeof value === "number") return numberSpelt(value);
    if (value === null || typeof value !== "object") return canonical(value);
    const deeper = `${margin} `, listed = Array.isArray(value);
    const parts = listed
      ? value.map((one) => spelt(one, deeper))
      : Object.keys(value).sort(byPoints).map((name) => `${quoted(name)}: ${spelt(value[name], deeper)}`);
    const [open, close] = listed ? "[]" : "{}";
    return parts.length ? `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${margin}${close}` : open + close;
  }

  // keys and signed notes ---------------------------------------------------------------------------------------
  const plain = (text) => text.isWellFormed() && !/[\0-\x09\x0b-\x1f]/.test(text);
  const validName = (name) => name !== "" && !name.includes("+") && !SPACE.test(name) && plain(name);

  async function parseKey(text) {
    const [name, ident, ...rest] = text.replace(EDGES, "").split("+");
    const raw = fromBase64(rest.join("+"));
    if (!raw || raw.length !== SIZE + 1 || (raw[0] !== ED25519 && raw[0] !== COSIGNATURE) || !validName(name)) {
      refuse("bad_input");
    }
    const own = hex((await sha256(join(bytesOf(name), bytesOf("\n"), raw))).slice(0, 4));
    if (ident !== own) refuse("bad_input");
    return { name, ident, algorithm: raw[0], key: raw.slice(1), text: `${name}+${own}+${toBase64(raw)}` };
  }

  async function signed(key, signature, message) {
    const held = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", held, signature, message);
  }
  const timeOf = (signature) =>
    signature.length < 8 ? 0n : new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);

  async function holds(verifier, text, signature) {
    if (verifier.algorithm === ED25519) return signed(verifier.key, signature, bytesOf(text));
    if (signature.length !== 72 || timeOf(signature) > MAX_TIME) return false;
    return signed(verifier.key, signature.slice(8), bytesOf(`cosignature/v1\ntime ${timeOf(signature)}\n${text}`));
  }

  function splitNote(note) {
    if (note.length > MAX_NOTE || !plain(note) || !note.endsWith("\n")) refuse("malformed_note");
    const at = note.lastIndexOf("\n\n");
    if (at < 0) refuse("malformed_note");
    const lines = note.slice(at + 2).split("\n").slice(0, -1);
    if (!lines.length || lines.length > 100) refuse("malformed_note");
    return [note.slice(0, at + 1), lines.map((line) => {
      const parts = line.split(" ");
      const raw = parts.length === 3 && parts[0] === "—" && validName(parts[1]) ? fromBase64(parts[2]) : null;
      if (!raw || raw.length < 5) refuse("malformed_note");
      return { name: parts[1], ident: hex(raw.slice(0, 4)), signature: raw.slice(4) };
    })];
  }

  /* The note's text and those of the keys that signed it; one that signed it wrongly refuses the note. */
  async function verifyNote(note, keys) {
    const [text, lines] = splitNote(note);
    const by = [];
    for (const { name, ident, signature } of lines) {
      const key = keys.find((one) => one.name === name && one.ident === ident);
      if (!key || by.some((one) => one.key === key)) continue;
      if (!(await holds(key, text, signature))) refuse("bad_signature");
      by.push({ key, time: key.algorithm === COSIGNATURE ? Number(timeOf(signature)) : 0 });
    }
    if (!by.length) refuse("unknown_signer");
    return { text, by, signatures: lines.length };
  }

  function parseHead(text) {
    const lines = text.split("\n");
    if (lines.length < 4 || lines.pop() !== "" || lines.includes("") || !NUMBER.test(lines[1]) ||
        BigInt(lines[1]) >> 63n) refuse("malformed_checkpoint");
    const root = fromBase64(lines[2]);
    if (!root || root.length !== SIZE) refuse("malformed_proof");
    return { origin: lines[0], size: BigInt(lines[1]), root };
  }

  async function verifyHead(note, trust) {
    if (trust.policy && !trust.policy.logs.length) refuse("tlog_policy");
    const opened = await verifyNote(note, trust.keys);
    const head = parseHead(opened.text);
    if (!opened.by.some(({ key }) => key.name === head.origin && key.algorithm === ED25519)) refuse("unknown_signer");
    if (trust.policy && !reached(trust.policy, opened.by.map(({ key }) => key.text))) refuse("no_quorum");
    return { ...head, by: opened.by, signatures: opened.signatures };
  }

  // policies (C2SP tlog-policy) -----------------------------------------------------------------------------------
  async function parsePolicy(text) {
    if (bytesOf(text).length > MAX_NOTE || /[\0-\x08\x0b-\x1f\x7f]/.test(text)) refuse("tlog_policy");
    const made = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null };
    const used = new Set();
    const wrong = () => refuse("tlog_policy");
    const taken = (name) => name === "none" || made.witnesses.has(name) || made.groups.has(name);
    const known = (name) => made.witnesses.has(name) || made.groups.has(name) || wrong();
    const party = async (words, algorithm, held) => {
      const key = await parseKey(words[0]).catch(wrong);
      if (key.algorithm !== algorithm || held.some((one) => same(one.key, key.key))) wrong();
      return key;
    };
    for (const line of text.split("\n")) {
      const [kind, ...rest] = line.split(/[ \t]+/).filter(Boolean);
      if (!kind || kind.startsWith("#")) continue;
      if (kind === "log" && (rest.length === 1 || rest.length === 2)) {
        if (made.logs.length >= 256) wrong();
        made.logs.push(await party(rest, ED25519, made.logs));
      } else if (kind === "witness" && (rest.length === 2 || rest.length === 3)) {
        if (made.witnesses.size >= 256 || taken(rest[0])) wrong();
        made.witnesses.set(rest[0], await party(rest.slice(1), COSIGNATURE, [...made.witnesses.values()]));
      } else if (kind === "group" && rest.length >= 3) {
        const [name, how, ...members] = rest;
        if (made.groups.size >= 256 || taken(name)) wrong();
        for (const one of members) {
          known(one);
          if (used.has(one)) wrong();
          used.add(one);
        }
        const need = how === "any" ? 1 : how === "all" ? members.length : /^[1-9][0-9]{0,3}$/.test(how) ? +how : 0;
        if (!need || need > members.length) wrong();
        made.groups.set(name, { need, members });
      } else if (kind === "quorum" && rest.length === 1) {
        if (made.quorum !== null) wrong();
        if (rest[0] !== "none") known(rest[0]);
        made.quorum = rest[0];
      } else wrong();
    }
    if (made.quorum === null) wrong();
    return made;
  }
  function reached(policy, signers) {
    const said = (name) => {
      if (policy.witnesses.has(name)) return signers.includes(policy.witnesses.get(name).text);
      const { need, members } = policy.groups.get(name);
      return members.filter(said).length >= need;
    };
    return policy.quorum === "none" || said(policy.quorum);
  }

  /* Whom the reader believes: keys one a line, or a policy; nobody, for an empty text. */
  async function parseTrust(text) {
    const lines = text.split(/\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/).map((line) => line.replace(EDGES, ""));
    const told = lines.filter((line) => line && !line.startsWith("#"));
    if (!told.length) return { keys: [], policy: null };
    if (told.some((line) => ["log", "witness", "group", "quorum"].includes(line.split(SPACE)[0]))) {
      const policy = await parsePolicy(text);
      return { keys: [...policy.logs, ...policy.witnesses.values()], policy };
    }
    const keys = [];
    for (const line of told) {
      const key = await parseKey(line);
      if (!keys.some((one) => one.text === key.text)) keys.push(key);
    }
    return { keys, policy: null };
  }

  // proofs (RFC 6962, RFC 9162 section 2.1.3.2) -------------------------------------------------------------------
  const leafHash = (entry) => sha256(join(Uint8Array.of(0), entry));
  const nodeHash = (left, right) => sha256(join(Uint8Array.of(1), left, right));

  async function included(index, size, leaf, path, root) {
    if (index >= size) return false;
    let at = index, last = size - 1n, found = leaf;
    for (const sibling of path) {
      if (last === 0n) return false;
      if (at & 1n || at === last) {
        found = await nodeHash(sibling, found);
        while (!(at & 1n) && at) { at >>= 1n; last >>= 1n; }
      } else {
        found = await nodeHash(found, sibling);
      }
      at >>= 1n;
      last >>= 1n;
    }
    return last === 0n && same(found, root);
  }

  function parseProof(text) {
    const cut = text.indexOf("\n\n");
    const lines = (cut < 0 ? text : text.slice(0, cut)).split("\n");
    if (text.length > MAX_NOTE || cut < 0 || lines[0] !== HEADER || lines.length > 70) refuse("malformed_proof");
    lines.shift();
    let entry = null;
    if (lines.length && lines[0].startsWith("extra ")) {
      entry = fromBase64(lines.shift().slice(6));
      if (!entry) refuse("malformed_proof");
    }
    if (!lines.length || !lines[0].startsWith("index ") || !NUMBER.test(lines[0].slice(6))) refuse("malformed_proof");
    const index = BigInt(lines.shift().slice(6));
    const path = lines.map((line) => fromBase64(line));
    if (path.some((one) => !one || one.length !== SIZE)) refuse("malformed_proof");
    return { index, path, entry, note: text.slice(cut + 2) };
  }

  async function verifyProof(text, trust) {
    const given = parseProof(text);
    if (!given.entry) refuse("bad_input");
    const head = await verifyHead(given.note, trust);
    const leaf = await leafHash(given.entry);
    if (!(await included(given.index, head.size, leaf, given.path, head.root))) refuse("not_included");
    return { ...head, index: given.index, entry: given.entry, leaf };
  }

  // bulletins ---------------------------------------------------------------------------------------------------
  const utf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  function readJson(bytes) {
    try { return JSON.parse(utf8(bytes)); } catch { return undefined; }
  }

  function openedAs(entry, opening) {
    const said = readJson(entry);
    if (!isObject(said) || !isHash(said.commit) || !isHash(opening.salt) || !isObject(opening.payload)) {
      refuse("bad_input");
    }
    return said.commit;
  }

  async function verifyBulletin(bytes, key) {
    if (bytes.length > MAX_BULLETIN) refuse("bad_input");
    let text, parts, spelling;
    try {
      text = utf8(bytes);
      parts = JSON.parse(text);
      spelling = `${spelt(parts)}\n`;
    } catch { refuse("bad_input"); }
    if (!hasOnly(parts, ["format", "key", "opening", "proof", "signed"]) || parts.format !== FORMAT ||
        !hasOnly(parts.opening, ["payload", "salt"]) || !isText(parts.key) || !isText(parts.proof) ||
        spelling !== text) refuse("bad_input");
    const own = key || (await parseKey(parts.key));
    if (parts.key !== own.text) refuse("other_key");
    const { signed: document, opening } = parts;
    const signature = hasOnly(document, ["payload", "signer", "signature"]) && isObject(document.payload) &&
      isText(document.signature) ? fromBase64(document.signature) : null;
    if (!signature) refuse("bad_input");
    const body = document.payload;
    const message = bytesOf(`lianfang/signed/1\0${own.name}\0${canonical(body)}`);
    if (document.signer !== own.name || !(await signed(own.key, signature, message))) refuse("bad_signature");
    if ([...TOLD, "withheld"].some((name) => !Object.hasOwn(body, name)) || !Number.isInteger(body.number) ||
        !Number.isInteger(body.corrects)) refuse("bad_input");
    const proven = await verifyProof(parts.proof, { keys: [own], policy: null });
    if (proven.signatures !== 1) refuse("unknown_signer");
    const commit = openedAs(proven.entry, opening);
    const committed = join(Uint8Array.of(2), fromHex(opening.salt), bytesOf(canonical(opening.payload)));
    if (hex(await sha256(committed)) !== commit) refuse("bad_opening");
    if (opening.payload.sha256 !== hex(await sha256(bytesOf(canonical(body))))) refuse("other_entry");
    return { ...proven, body, key: own };
  }

  // files ---------------------------------------------------------------------------------------------------------
  const found = (kind, head) => ({
    valid: true, kind, code: "", trusted: true, origin: head.origin, size: String(head.size),
    root: toBase64(head.root), index: head.leaf ? String(head.index) : null, entry: null, bulletin: null,
    paper: head.leaf ? `${head.index}-${toBase64(head.leaf).replaceAll("+", "-").replaceAll("/", "_").slice(0, 43)}` : "",
    witnesses: head.by.filter(({ key }) => key.algorithm === COSIGNATURE).map(({ key, time }) => [key.name, time]),
    corrected_by: null,
  });

  async function checkBulletin(bytes, trust) {
    const logs = trust.keys.filter((one) => one.algorithm === ED25519);
    for (const key of trust.keys.length ? logs : [null]) {
      try {
        const proven = await verifyBulletin(bytes, key);
        const bulletin = Object.fromEntries(TOLD.map((name) => [name, proven.body[name]]));
        return { ...found("bulletin", proven), trusted: key !== null, witnesses: [],
                 bulletin: { ...bulletin, key: proven.key.text } };
      } catch (error) {
        if (error.code !== "other_key") throw error;
      }
    }
    return refuse("other_key");
  }

  async function checkOne(bytes, trust) {
    let kind = "unknown";
    try {
      if (bytes[0] === 0x7b) {
        kind = "bulletin";
        return await checkBulletin(bytes, trust);
      }
      let text;
      try { text = utf8(bytes); } catch { refuse("bad_input"); }
      kind = text.startsWith(HEADER) ? "proof" : "checkpoint";
      if (!trust.keys.length) refuse("no_key");
      if (kind === "checkpoint") return found(kind, await verifyHead(text, trust));
      const proven = await verifyProof(text, trust);
      const entry = readJson(proven.entry);
      return { ...found(kind, proven), entry: isObject(entry) ? entry : null };
    } catch (error) {
      // what is no refusal is a fault of the browser or of ours: never a verdict on the file
      return { valid: false, kind, code: error instanceof Refused ? error.code : "browser" };
    }
  }

  /* Beside each other: two heads of one size, two bulletins of one number, corrections that do not follow. */
  function compare(results) {
    const good = results.filter((one) => one.valid);
    const told = good.filter((one) => one.bulletin);
    const place = ({ bulletin }, n) => JSON.stringify([bulletin.key, bulletin.event_id, n]);
    const of = (one) => place(one, one.bulletin.number);
    const differ = (a, b) => a.index !== b.index || canonical(a.bulletin) !== canonical(b.bulletin);
    const verdict = (one) => {
      if (!one.valid) return one;
      const broken = (code) => ({ ...one, valid: false, code });
      if (good.some((two) => two.origin === one.origin && two.size === one.size && two.root !== one.root)) {
        return broken("split_view");
      }
      if (!one.bulletin) return one;
      const { corrects, number: own } = one.bulletin;
      if (told.some((two) => of(two) === of(one) && differ(one, two))) return broken("two_versions");
      const old = told.find((two) => of(two) === place(one, corrects));
      if (old && (corrects >= own || BigInt(old.index) >= BigInt(one.index))) return broken("broken_chain");
      const later = told.filter((two) => place(two, own) === of(one) && two.bulletin.corrects === own &&
        two.bulletin.number > own).map((two) => two.bulletin.number);
      return { ...one, corrected_by: later.length ? Math.max(...later) : null };
    };
    return results.map(verdict);
  }

  /* files: Uint8Arrays; trust: of parseTrust. One verdict a file. */
  async function check(files, trust) {
    if (files.length > MOST_FILES) refuse("too_many");
    const results = [];
    for (const bytes of files) results.push(await checkOne(bytes, trust));
    return compare(results);
  }

  /* What this browser lacks: "" (nothing), "old", "insecure" (no WebCrypto on this page), "ed25519". */
  async function lacking() {
    if (!"".isWellFormed || !Uint8Array.prototype.with) return "old";
    if (!globalThis.crypto || !crypto.subtle) return "insecure";
    try {
      // RFC 8032 section 7.1, test 1: the empty message
      const key = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
      const signature = fromHex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39" +
        "701cf9b46bd25bf5f0595bbe24655141438e7a100b");
      const wrong = signature.with(0, signature[0] ^ 1), none = new Uint8Array();
      const works = (await signed(key, signature, none)) && !(await signed(key, wrong, none));
      return works ? "" : "ed25519";
    } catch { return "ed25519"; }
  }

  return { check, parseTrust, lacking, canonical, spelt, ED25519 };
})();
