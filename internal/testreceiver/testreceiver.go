// Package testreceiver is a receiver of the server's own, for people who try the server out: it answers as its path says, and keeps nothing.
package testreceiver

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Path is where the handler must be mounted. What follows it says how a request is answered: a status from 200 to 599, or slow.
const Path = "/test-receiver/"

const (
	maxBody = 16 << 20         // more is refused
	maxWait = 60 * time.Second // of a slow answer, longer than the longest time limit of a webhook
	maxSlow = 64               // slow answers at a time; others are refused
)

// Handler returns the receiver.
func Handler() http.Handler {
	waiting := make(chan struct{}, maxSlow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			answer(w, http.StatusMethodNotAllowed, "this is the test receiver: it answers the deliveries of a webhook with this URL, which are POST requests")
			return
		}
		n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			answer(w, http.StatusBadRequest, "the body could not be read to its end: "+err.Error())
			return
		}
		how := r.URL.Path[len(Path):]
		if how == "slow" {
			select {
			case waiting <- struct{}{}:
				defer func() { <-waiting }()
			default:
				answer(w, http.StatusServiceUnavailable, "too many slow answers are under way")
				return
			}
			select {
			case <-r.Context().Done():
			case <-time.After(maxWait):
				answer(w, http.StatusOK, fmt.Sprintf("the test receiver got %d bytes, and waited for a minute, as its URL says", n))
			}
			return
		}
		status, err := strconv.Atoi(how)
		if err != nil || status < 200 || status > 599 {
			answer(w, http.StatusNotFound, "this is the test receiver: its URL ends in the status of its answers, from 200 to 599, or in slow")
			return
		}
		answer(w, status, fmt.Sprintf("the test receiver got %d bytes, and answers %d, as its URL says", n, status))
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	if status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified { // they have no body
		_, _ = io.WriteString(w, text+"\n")
	}
}
