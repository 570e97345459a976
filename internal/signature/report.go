package signature

// Cause is a reason why a signature does not verify.
type Cause struct {
	Code    string `json:"code"`
	Summary string `json:"summary"`
	Advice  string `json:"advice"`
	// Differs is the index of the first byte in which the received body differs from what was signed; nil if the body is not the reason, or
	// what was signed is not known.
	Differs *int `json:"firstDifferentByte,omitempty"`
}

// Report is what is right and wrong with a request.
type Report struct {
	Valid  bool    `json:"valid"`
	Scheme string  `json:"scheme,omitempty"` // v1 or v1a, of the signature that fits
	Signed string  `json:"signed,omitempty"` // the beginning of what was signed: ID, timestamp and the dots
	Causes []Cause `json:"causes"`           // the most likely first; none if it is valid
}

func (r *Report) add(code, summary, advice string) *Cause {
	r.Causes = append(r.Causes, Cause{Code: code, Summary: summary, Advice: advice})
	return &r.Causes[len(r.Causes)-1]
}
