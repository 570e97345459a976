import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Verifies the requests of webhooks. Java 17 or newer. */
public final class Verify {
    private static final long TOLERANCE = 5 * 60; // seconds
    private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100"); // precedes a raw Ed25519 key in DER

    private Verify() {}

    /**
     * Returns if the request was signed by one of the keys, within five minutes of now.
     *
     * @param keys secrets (whsec_…) or public keys (whpk_…); during a rotation both the old and the new one
     * @param body the raw body, before anything parses it
     * @param now seconds since 1970
     * @throws SignatureException if it was not
     */
    public static void verify(List<String> keys, Map<String, String> headers, byte[] body, long now) throws GeneralSecurityException {
        Map<String, String> named = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        named.putAll(headers);
        String id = named.getOrDefault("webhook-id", "");
        String timestamp = named.getOrDefault("webhook-timestamp", "");
        String signatures = named.getOrDefault("webhook-signature", "");
        if (id.isEmpty() || timestamp.isEmpty() || signatures.isEmpty()) {
            throw new SignatureException("a webhook header is missing");
        }
        if (!timestamp.matches("[0-9]{1,12}")) {
            throw new SignatureException("webhook-timestamp is not a number of seconds");
        }
        if (Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
            throw new SignatureException("webhook-timestamp is too far from the clock");
        }

        byte[] signed = join((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8), body);
        for (String key : keys) {
            String[] parts = key.split("_", 2);
            byte[] raw = Base64.getDecoder().decode(parts[1]);
            for (String signature : signatures.split(" ")) {
                if (parts[0].equals("whsec") && signedWith(raw, signed, signature) || parts[0].equals("whpk") && signedBy(raw, signed, signature)) {
                    return;
                }
            }
        }
        throw new SignatureException("no signature fits");
    }

    /** Verifies v1, HMAC-SHA256. */
    private static boolean signedWith(byte[] secret, byte[] signed, String signature) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        String want = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed));
        return MessageDigest.isEqual(want.getBytes(StandardCharsets.UTF_8), signature.getBytes(StandardCharsets.UTF_8)); // in constant time
    }

    /** Verifies v1a, Ed25519. */
    private static boolean signedBy(byte[] key, byte[] signed, String signature) throws GeneralSecurityException {
        if (!signature.startsWith("v1a,")) {
            return false;
        }
        Signature ed25519 = Signature.getInstance("Ed25519");
        ed25519.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(join(SPKI, key))));
        ed25519.update(signed);
        try {
            byte[] raw = Base64.getDecoder().decode(signature.substring(4));
            return Base64.getEncoder().encodeToString(raw).equals(signature.substring(4)) // decode accepts it without padding
                && ed25519.verify(raw);
        } catch (IllegalArgumentException | SignatureException e) { // not base64, or of another length
            return false;
        }
    }

    private static byte[] join(byte[] a, byte[] b) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(a.length + b.length);
        out.writeBytes(a);
        out.writeBytes(b);
        return out.toByteArray();
    }
}
