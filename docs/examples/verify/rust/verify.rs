use crate::sha256::sha256;

const TOLERANCE: u64 = 5 * 60; // seconds

/// Returns Ok if the request was signed by one of the secrets, within five minutes of now.
///
/// `keys` are secrets, whsec_…; during a rotation both the old and the new one. `body` is the raw body, before anything parses it.
/// `now` is in seconds since 1970.
///
/// Rust's library has no cryptography: a service uses the crates hmac and sha2 for [`hmac`], base64, and ed25519-dalek for whpk_….
pub fn verify(keys: &[&str], headers: &[(&str, &str)], body: &[u8], now: u64) -> Result<(), &'static str> {
    let header = |name: &str| {
        headers.iter().find(|(n, v)| n.eq_ignore_ascii_case(name) && !v.is_empty()).map(|(_, v)| *v).ok_or("a webhook header is missing")
    };
    let (id, timestamp, signatures) = (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    if timestamp.len() > 12 || !timestamp.bytes().all(|c| c.is_ascii_digit()) {
        return Err("webhook-timestamp is not a number of seconds");
    }
    let at: u64 = timestamp.parse().map_err(|_| "webhook-timestamp is not a number of seconds")?;
    if now.abs_diff(at) > TOLERANCE {
        return Err("webhook-timestamp is too far from the clock");
    }

    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    for key in keys {
        let secret = key.strip_prefix("whsec_").and_then(decoded).ok_or("the key is not whsec_ and base64")?;
        let want = format!("v1,{}", encoded(&hmac(&secret, &signed)));
        if signatures.split(' ').any(|signature| same(want.as_bytes(), signature.as_bytes())) {
            return Ok(());
        }
    }
    Err("no signature fits")
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = sha256(&[&block.map(|b| b ^ 0x36), message].concat());
    sha256(&[&block.map(|b| b ^ 0x5c)[..], &inner].concat())
}

/// Compares in constant time.
fn same(want: &[u8], got: &[u8]) -> bool {
    want.len() == got.len() && want.iter().zip(got).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            out.push(if i > chunk.len() { '=' } else { ALPHABET[(bits >> (18 - 6 * i)) as usize & 63] as char });
        }
    }
    out
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut have) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | ALPHABET.iter().position(|a| *a == c)? as u32;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}
