require "base64"
require "openssl"

module Webhook
  class InvalidSignature < StandardError; end

  TOLERANCE = 5 * 60 # seconds
  SPKI = ["302a300506032b6570032100"].pack("H*") # what precedes a raw Ed25519 key in DER

  # Raises InvalidSignature unless the request was signed by one of the keys, within five minutes of now.
  #
  # keys:: secrets (whsec_…) or public keys (whpk_…); during a rotation both the old and the new one
  # headers:: a Hash of names to values
  # body:: the raw body, before anything parses it: request.raw_post in Rails
  # now:: seconds since 1970
  def self.verify(keys, headers, body, now = Time.now.to_i)
    named = headers.transform_keys(&:downcase)
    id, timestamp, signatures = named.values_at("webhook-id", "webhook-timestamp", "webhook-signature")
    raise InvalidSignature, "a webhook header is missing" if [id, timestamp, signatures].any? { |value| value.nil? || value.empty? }
    raise InvalidSignature, "webhook-timestamp is not a number of seconds" unless timestamp.match?(/\A[0-9]{1,12}\z/)
    raise InvalidSignature, "webhook-timestamp is too far from the clock" if (now - timestamp.to_i).abs > TOLERANCE

    signed = "#{id}.#{timestamp}.".b + body.b
    keys.each do |key|
      prefix, text = key.split("_", 2)
      raw = Base64.strict_decode64(text)
      signatures.split(" ").each do |signature|
        return if prefix == "whsec" && signed_with?(raw, signed, signature)
        return if prefix == "whpk" && signed_by?(raw, signed, signature)
      end
    end
    raise InvalidSignature, "no signature fits"
  end

  # Verifies v1, HMAC-SHA256.
  def self.signed_with?(secret, signed, signature)
    want = "v1," + Base64.strict_encode64(OpenSSL::HMAC.digest("SHA256", secret, signed))
    want.bytesize == signature.bytesize && OpenSSL.fixed_length_secure_compare(want, signature)
  end

  # Verifies v1a, Ed25519.
  def self.signed_by?(key, signed, signature)
    version, text = signature.split(",", 2)
    return false unless version == "v1a" && text

    OpenSSL::PKey.read(SPKI + key).verify(nil, Base64.strict_decode64(text), signed)
  rescue ArgumentError # not base64
    false
  end
  private_class_method :signed_with?, :signed_by?
end
