package gqlhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// resolvePersisted finds the document of a request that may carry only its hash: automatic persisted queries as Apollo's
// clients speak them, and the list of trusted documents.
func (e *engine) resolvePersisted(req *request) *gqlerror.Error {
	hash, err := persistedHash(req.extensions)
	if err != nil {
		return err
	}
	if e.cfg.TrustedDocuments != nil {
		if hash == "" {
			hash = sha256Hex(req.query)
		}
		document, ok := e.cfg.TrustedDocuments[hash]
		if !ok || req.query != "" && req.query != document {
			return newError(codeForbidden, "this document is not trusted; the server runs only those that its operator allows (--trusted-documents)")
		}
		req.query = document
		return nil
	}
	if hash == "" {
		return nil
	}
	if req.query != "" {
		if sha256Hex(req.query) != hash {
			return newError(codeBadInput, "sha256Hash is not the hash of query")
		}
		return nil
	}
	document, ok := e.persisted.get(hash)
	if !ok {
		return newError(codePersistedNotFound, "PersistedQueryNotFound")
	}
	req.query = document
	return nil
}

// rememberPersisted keeps a document that was sent with its hash. Only documents that have passed the guard and validation get
// here, and a hash belongs to one document, so no caller can plant a wrong one for another.
func (e *engine) rememberPersisted(req *request) {
	if hash, _ := persistedHash(req.extensions); hash != "" && e.cfg.TrustedDocuments == nil {
		e.persisted.add(hash, req.query, len(req.query))
	}
}

// persistedHash returns the SHA-256 of extensions.persistedQuery, "" when the request has none.
func persistedHash(extensions map[string]any) (string, *gqlerror.Error) {
	v, ok := extensions["persistedQuery"]
	if !ok || v == nil {
		return "", nil
	}
	persisted, _ := v.(map[string]any)
	hash, _ := persisted["sha256Hash"].(string)
	if persisted["version"] != json.Number("1") {
		return "", newError(codePersistedNotSupported, "PersistedQueryNotSupported")
	}
	if b, err := hex.DecodeString(hash); err != nil || len(b) != sha256.Size {
		return "", newError(codeBadInput, "sha256Hash must be a SHA-256 in hex")
	}
	return strings.ToLower(hash), nil
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
