using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

public sealed class InvalidSignatureException : Exception
{
    public InvalidSignatureException(string message) : base(message) { }
}

public static class Webhook
{
    private const long Tolerance = 5 * 60; // seconds

    /// <summary>Returns if the request was signed by one of the secrets, within five minutes of now.</summary>
    /// <param name="keys">Secrets, whsec_…; during a rotation both the old and the new one. (.NET has no Ed25519: for whpk_… use a package.)</param>
    /// <param name="headers">Names and values of the request's headers.</param>
    /// <param name="body">The raw body, before anything parses it.</param>
    /// <param name="now">Seconds since 1970.</param>
    /// <exception cref="InvalidSignatureException">It was not.</exception>
    public static void Verify(IEnumerable<string> keys, IDictionary<string, string> headers, byte[] body, long now)
    {
        var named = new Dictionary<string, string>(headers, StringComparer.OrdinalIgnoreCase);
        if (!named.TryGetValue("webhook-id", out var id) || id == ""
            || !named.TryGetValue("webhook-timestamp", out var timestamp) || timestamp == ""
            || !named.TryGetValue("webhook-signature", out var signatures) || signatures == "")
        {
            throw new InvalidSignatureException("a webhook header is missing");
        }
        if (!Regex.IsMatch(timestamp, @"\A[0-9]{1,12}\z"))
        {
            throw new InvalidSignatureException("webhook-timestamp is not a number of seconds");
        }
        if (Math.Abs(now - long.Parse(timestamp, CultureInfo.InvariantCulture)) > Tolerance)
        {
            throw new InvalidSignatureException("webhook-timestamp is too far from the clock");
        }

        var signed = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        foreach (var key in keys)
        {
            if (!key.StartsWith("whsec_", StringComparison.Ordinal))
            {
                throw new ArgumentException("the key is not a secret, whsec_…", nameof(keys));
            }
            using (var hmac = new HMACSHA256(Convert.FromBase64String(key.Substring("whsec_".Length))))
            {
                var want = "v1," + Convert.ToBase64String(hmac.ComputeHash(signed));
                if (signatures.Split(' ').Any(signature => SameText(want, signature)))
                {
                    return;
                }
            }
        }
        throw new InvalidSignatureException("no signature fits");
    }

    /// <summary>Compares in constant time. In .NET, CryptographicOperations.FixedTimeEquals does.</summary>
    private static bool SameText(string want, string got)
    {
        var differs = want.Length ^ got.Length;
        for (var i = 0; i < want.Length && i < got.Length; i++)
        {
            differs |= want[i] ^ got[i];
        }
        return differs == 0;
    }
}
