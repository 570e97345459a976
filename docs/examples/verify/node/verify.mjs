import { createHmac, createPublicKey, timingSafeEqual, verify as verifies } from "node:crypto";

const TOLERANCE = 5 * 60; // seconds
const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // what precedes a raw Ed25519 key in DER

/**
 * Throws unless the request was signed by one of the keys, within five minutes of now.
 *
 * @param {string[]} keys secrets (whsec_…) or public keys (whpk_…); during a rotation both the old and the new one
 * @param {Record<string, string>} headers of the request
 * @param {Buffer} body the raw body, before anything parses it: in Express express.raw({ type: "*\/*" })
 * @param {number} now seconds since 1970
 */
export function verify(keys, headers, body, now = Date.now() / 1000) {
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const id = named["webhook-id"];
  const timestamp = named["webhook-timestamp"];
  const signatures = named["webhook-signature"];
  if (!id || !timestamp || !signatures) throw new Error("a webhook header is missing");
  if (!/^[0-9]{1,12}$/.test(timestamp)) throw new Error("webhook-timestamp is not a number of seconds");
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) throw new Error("webhook-timestamp is too far from the clock");

  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  for (const key of keys) {
    const [prefix, text] = key.split("_");
    const raw = Buffer.from(text ?? "", "base64");
    if (raw.length === 0) throw new Error("the key is not base64 after its prefix");
    for (const signature of signatures.split(" ")) {
      if (prefix === "whsec" && signedWith(raw, signed, signature)) return;
      if (prefix === "whpk" && signedBy(raw, signed, signature)) return;
    }
  }
  throw new Error("no signature fits");
}

/** Verifies v1, HMAC-SHA256. */
function signedWith(secret, signed, signature) {
  const want = Buffer.from(`v1,${createHmac("sha256", secret).update(signed).digest("base64")}`);
  const got = Buffer.from(signature);
  return got.length === want.length && timingSafeEqual(got, want);
}

/** Verifies v1a, Ed25519. */
function signedBy(key, signed, signature) {
  const [version, text] = signature.split(",");
  const raw = Buffer.from(text ?? "", "base64");
  if (version !== "v1a" || raw.toString("base64") !== text) return false; // Buffer.from ignores what is not base64
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: "der", type: "spki" });
  return verifies(null, signed, publicKey, raw);
}
