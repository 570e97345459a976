# Verifies the vectors in a file: ruby docs/examples/verify/ruby/vectors.rb docs/vectors.json
require "json"
require_relative "verify"

agree = 0
JSON.parse(File.read(ARGV[0], encoding: "UTF-8"))["vectors"].each do |vector|
  error = nil
  begin
    Webhook.verify(vector["keys"], vector["headers"], vector["body"], vector["now"])
  rescue Webhook::InvalidSignature => e
    error = e
  end
  abort "ruby: #{vector["name"]}: #{error}" if error.nil? != vector["valid"]
  agree += 1
end
puts "ruby: #{agree} agree, 0 skipped"
