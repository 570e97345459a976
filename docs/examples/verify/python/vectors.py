# Verifies the vectors in a file: python3 docs/examples/verify/python/vectors.py docs/vectors.json
import json
import sys

from verify import InvalidSignature, verify

with open(sys.argv[1], encoding="utf-8") as file:
    vectors = json.load(file)["vectors"]
agree = skipped = 0
for vector in vectors:
    if vector["scheme"] != "v1":
        skipped += 1
        continue
    error = None
    try:
        verify(vector["keys"], vector["headers"], vector["body"].encode(), vector["now"])
    except InvalidSignature as e:
        error = e
    if (error is None) != vector["valid"]:
        sys.exit(f"python: {vector['name']}: {error}")
    agree += 1
print(f"python: {agree} agree, {skipped} skipped")
