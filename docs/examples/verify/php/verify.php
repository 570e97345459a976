<?php

declare(strict_types=1);

final class InvalidSignature extends Exception
{
}

const TOLERANCE = 5 * 60; // seconds

/**
 * Throws InvalidSignature unless the request was signed by one of the keys, within five minutes of now.
 *
 * @param string[] $keys secrets (whsec_…) or public keys (whpk_…); during a rotation both the old and the new one
 * @param array<string, string> $headers of the request: getallheaders()
 * @param string $body the raw body, before anything parses it: file_get_contents('php://input')
 * @param int|null $now seconds since 1970
 */
function verify(array $keys, array $headers, string $body, ?int $now = null): void
{
    $named = array_change_key_case($headers);
    $id = $named['webhook-id'] ?? '';
    $timestamp = $named['webhook-timestamp'] ?? '';
    $signatures = $named['webhook-signature'] ?? '';
    if ($id === '' || $timestamp === '' || $signatures === '') {
        throw new InvalidSignature('a webhook header is missing');
    }
    if (!preg_match('/\A[0-9]{1,12}\z/', $timestamp)) {
        throw new InvalidSignature('webhook-timestamp is not a number of seconds');
    }
    if (abs(($now ?? time()) - (int) $timestamp) > TOLERANCE) {
        throw new InvalidSignature('webhook-timestamp is too far from the clock');
    }

    $signed = "$id.$timestamp.$body";
    foreach ($keys as $key) {
        [$prefix, $text] = explode('_', $key, 2);
        $raw = base64_decode($text, true);
        if ($raw === false || $raw === '') {
            throw new InvalidArgumentException('the key is not base64 after its prefix');
        }
        foreach (explode(' ', $signatures) as $signature) {
            if ($prefix === 'whsec' && signedWith($raw, $signed, $signature) || $prefix === 'whpk' && signedBy($raw, $signed, $signature)) {
                return;
            }
        }
    }
    throw new InvalidSignature('no signature fits');
}

/** Verifies v1, HMAC-SHA256. */
function signedWith(string $secret, string $signed, string $signature): bool
{
    return hash_equals('v1,' . base64_encode(hash_hmac('sha256', $signed, $secret, true)), $signature);
}

/** Verifies v1a, Ed25519. */
function signedBy(string $key, string $signed, string $signature): bool
{
    [$version, $text] = explode(',', $signature, 2) + ['', ''];
    $raw = (string) base64_decode($text, true);
    return $version === 'v1a'
        && base64_encode($raw) === $text // base64_decode accepts it without padding
        && strlen($raw) === SODIUM_CRYPTO_SIGN_BYTES
        && sodium_crypto_sign_verify_detached($raw, $signed, $key);
}
