package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Explanation tells the owner of a webhook why an attempt failed, in plain sentences.
type Explanation struct {
	Summary string // what happened
	Cause   string // what usually causes it
	Advice  string // what to do about it
	Next    string // what happens to the delivery now
}

// reason is a row of the table that explains failures.
type reason struct {
	code ErrorCode
	// says is a part of the attempt's message that tells this reason from others of the same code; "" for any message.
	says string
	// from and to are the statuses of ErrorHTTPStatus that this is for.
	from, to int

	summary, cause, advice string // the summary of a status is the status
}

// reasons explains each failure by the first row that fits. The last row of each code fits all of its failures.
var reasons = []reason{
	{
		code: ErrorDNS, says: "does not exist",
		summary: "The host name does not exist.",
		cause:   "The host name of the URL has no address record, or is misspelt.",
		advice:  "Check the spelling of the URL and the DNS records of its host name. A new record may need some minutes until all name servers have it.",
	},
	{
		code:    ErrorDNS,
		summary: "The name servers of the host name answered with an error.",
		cause:   "The domain's name servers are down or wrongly configured, or its DNSSEC signatures are not valid.",
		advice:  "Check the domain's DNS with its provider.",
	},
	{
		code: ErrorConnect, says: "refused",
		summary: "The receiver refused the connection.",
		cause:   "No program listens on the URL's port, or a firewall refuses connections to it.",
		advice:  "Check that the receiver runs, that it listens on the URL's port, and that its firewall lets this server in.",
	},
	{
		code: ErrorConnect, says: "reset",
		summary: "The receiver reset the connection while it was made.",
		cause:   "A load balancer or a firewall in front of the receiver dropped the connection, often because nothing behind it is ready.",
		advice:  "Check the receiver and what is in front of it.",
	},
	{
		code:    ErrorConnect,
		summary: "No connection to the receiver could be made.",
		cause:   "There is no route to the receiver's address, or something on the way does not pass connections to it.",
		advice:  "Check the address that the host name resolves to, and the network in front of the receiver.",
	},
	{
		code: ErrorTLS, says: "expired",
		summary: "The TLS certificate has expired.",
		cause:   "The receiver's certificate was not renewed in time, or the renewed one was not loaded.",
		advice:  "Renew the certificate, and restart or reload the server that presents it.",
	},
	{
		code: ErrorTLS, says: "not valid yet",
		summary: "The TLS certificate is not valid yet.",
		cause:   "The certificate's first day is in the future, often because the clock of the machine that issued it was wrong.",
		advice:  "Check the certificate's dates, and issue it again if they are wrong.",
	},
	{
		code: ErrorTLS, says: "another host name",
		summary: "The TLS certificate is for another host name.",
		cause:   "The server presents the certificate of another site, often because it does not know the host name of the URL.",
		advice:  "Configure a certificate that has the host name of the webhook's URL, or change the URL to the name in the certificate.",
	},
	{
		code: ErrorTLS, says: "unknown authority",
		summary: "The TLS certificate is not from a known authority.",
		cause:   "The certificate is self-signed or from a private authority, or the server does not send the intermediate certificates.",
		advice:  "Use a certificate of a public authority, and let the server send the full chain.",
	},
	{
		code: ErrorTLS, says: "client certificate",
		summary: "The receiver requires a client certificate.",
		cause:   "The receiver is set up for mutual TLS, and the webhook has no client certificate.",
		advice:  "Give the webhook a client certificate in its authentication. Or let the URL accept requests without one, and verify the signature of each request instead.",
	},
	{
		code: ErrorTLS, says: "does not speak TLS",
		summary: "The receiver does not speak TLS on this port.",
		cause:   "The URL's port is one for plain HTTP, or for another protocol.",
		advice:  "Check the URL's port: that of https is 443 unless the URL names another.",
	},
	{
		code: ErrorTLS, says: "TLS versions older",
		summary: "The receiver offers only old versions of TLS.",
		cause:   "The receiver's TLS settings allow nothing newer than TLS 1.1.",
		advice:  "Let the receiver offer TLS 1.2 or 1.3.",
	},
	{
		code: ErrorTLS, says: "with an alert",
		summary: "The receiver ended the TLS session with an alert.",
		cause:   "The receiver did not accept the session: its TLS settings and those of this server have too little in common, or it does not know the host name.",
		advice:  "Check the receiver's TLS settings; the message below names the alert.",
	},
	{
		code:    ErrorTLS,
		summary: "The TLS handshake failed.",
		cause:   "The receiver, or a proxy in front of it, broke off or answered something else than TLS allows.",
		advice:  "Check the receiver's TLS settings and certificate, and that the URL's port speaks TLS.",
	},
	{
		code: ErrorTimeout, says: "lookup",
		summary: "The host name could not be looked up in time.",
		cause:   "The domain's name servers answer slowly or not at all.",
		advice:  "Check the domain's name servers.",
	},
	{
		code: ErrorTimeout, says: "connection to the receiver was not made",
		summary: "The connection to the receiver was not made in time.",
		cause:   "A firewall drops the packets, or the receiver's machine is down or overloaded.",
		advice:  "Check that the address of the host name is right, that the machine is up, and that its firewall lets this server in.",
	},
	{
		code: ErrorTimeout, says: "TLS handshake",
		summary: "The TLS handshake did not end in time.",
		cause:   "The receiver accepted the connection and then did not answer, often because it is overloaded.",
		advice:  "Check the receiver's load and its TLS server.",
	},
	{
		code:    ErrorTimeout,
		summary: "The receiver did not answer in time.",
		cause:   "The receiver does its work before it answers, or is overloaded.",
		advice:  "Let the receiver store the event, answer 2xx at once, and work afterwards. If it cannot, raise the webhook's time limit.",
	},
	{
		code:    ErrorBlockedAddress,
		summary: "The address is one that this server does not send to.",
		cause:   "The host name resolves to a private or reserved address, or the URL's scheme or port is not allowed here.",
		advice:  "Use a public https URL, or ask the operator of this server to allow the address.",
	},
	{
		code: ErrorHTTPStatus, from: 300, to: 399,
		cause:  "The URL leads elsewhere, often from http to https, to a host name with or without www, or to a page for signing in. Redirects are not followed, because the signature is for this URL.",
		advice: "Give the webhook the URL that the response's Location names, if that is the receiver.",
	},
	{
		code: ErrorHTTPStatus, from: 400, to: 400,
		cause:  "The receiver did not understand the request. Often it expects other content, or its check of the signature fails and it answers 400.",
		advice: "Read the response below and the receiver's log. Check that it verifies the signature over the body exactly as it came.",
	},
	{
		code: ErrorHTTPStatus, from: 401, to: 401,
		cause:  "The receiver wants credentials that the request does not have, or its check of the signature failed.",
		advice: "Check that the receiver has the webhook's current secret and verifies the body exactly as it came. Credentials can be set as the webhook's authentication.",
	},
	{
		code: ErrorHTTPStatus, from: 403, to: 403,
		cause:  "The receiver, or a firewall in front of it, does not allow the request: by its address, its user agent, a token against cross-site requests, or a signature that it could not verify.",
		advice: "Exempt the URL from checks that are meant for browsers, and let this server's address in.",
	},
	{
		code: ErrorHTTPStatus, from: 404, to: 404,
		cause:  "The path of the URL does not exist on the receiver, or not for POST.",
		advice: "Check the path of the webhook's URL, and that the receiver's latest version is deployed.",
	},
	{
		code: ErrorHTTPStatus, from: 405, to: 405,
		cause:  "The URL exists, and does not accept POST.",
		advice: "Check the webhook's URL, or let the receiver accept POST there.",
	},
	{
		code: ErrorHTTPStatus, from: 408, to: 408,
		cause:  "The receiver, or a proxy in front of it, gave up before the request was complete.",
		advice: "Check the time limits of the receiver and of what is in front of it.",
	},
	{
		code: ErrorHTTPStatus, from: 410, to: 410,
		cause:  "The receiver says that it is gone permanently. Hookgraph disables a webhook after this answer.",
		advice: "If the receiver has moved, give the webhook its new URL and enable it. Otherwise delete the webhook.",
	},
	{
		code: ErrorHTTPStatus, from: 413, to: 413,
		cause:  "The event is larger than the receiver accepts.",
		advice: "Raise the receiver's limit for bodies; that of a proxy in front of it often is 1 MB or less.",
	},
	{
		code: ErrorHTTPStatus, from: 415, to: 415,
		cause:  "The receiver does not accept application/json at this URL.",
		advice: "Let the receiver accept JSON.",
	},
	{
		code: ErrorHTTPStatus, from: 429, to: 429,
		cause:  "The receiver limits how often it is called, and more came.",
		advice: "Set the webhook's limit of attempts per second to what the receiver can take. Its Retry-After is respected.",
	},
	{
		code: ErrorHTTPStatus, from: 400, to: 499,
		cause:  "The receiver considers the request wrong.",
		advice: "Read the response below and the receiver's log.",
	},
	{
		code: ErrorHTTPStatus, from: 502, to: 502,
		cause:  "A proxy in front of the receiver is up, and the receiver behind it is not, or answers what the proxy does not understand.",
		advice: "Check that the receiver runs and where the proxy sends requests.",
	},
	{
		code: ErrorHTTPStatus, from: 503, to: 503,
		cause:  "The receiver is overloaded or being maintained.",
		advice: "Wait until it is over. If it happens under load, set the webhook's limit of attempts per second.",
	},
	{
		code: ErrorHTTPStatus, from: 504, to: 504,
		cause:  "A proxy in front of the receiver got no answer from it in time.",
		advice: "Let the receiver answer 2xx at once, and work afterwards.",
	},
	{
		code: ErrorHTTPStatus, from: 500, to: 599,
		cause:  "The receiver failed while it handled the request.",
		advice: "Read the response below and the receiver's log at the time of the attempt.",
	},
	{
		code:   ErrorHTTPStatus,
		cause:  "A receiver accepts an event with a status from 200 to 299. This is none.",
		advice: "Let the receiver answer 2xx when it has accepted the event.",
	},
	{
		code:    ErrorResponseTooSlow,
		summary: "The response began but did not end in time.",
		cause:   "The receiver sends a long body, or sends it slowly.",
		advice:  "Let the receiver send a short body, or none, at once. If it cannot, raise the webhook's time limit.",
	},
	{
		code: ErrorProtocol, says: "with TLS",
		summary: "The receiver speaks TLS on this port, and the URL is plain http.",
		cause:   "The URL begins with http, and its port is one for https.",
		advice:  "Let the webhook's URL begin with https.",
	},
	{
		code: ErrorProtocol, says: "closed the connection",
		summary: "The receiver closed the connection before it answered.",
		cause:   "The receiver crashed or was restarted, or what is in front of it gave up.",
		advice:  "Check the receiver's log at the time of the attempt, and the time limits of what is in front of it.",
	},
	{
		code: ErrorProtocol, says: "reset the connection",
		summary: "The receiver reset the connection before it answered.",
		cause:   "The receiver crashed, or a load balancer or firewall dropped the connection.",
		advice:  "Check the receiver's log at the time of the attempt, and what is in front of it.",
	},
	{
		code:    ErrorProtocol,
		summary: "The receiver's answer is not valid HTTP.",
		cause:   "The port is not that of an HTTP server, or the server or a proxy in front of it breaks the rules of HTTP.",
		advice:  "Check the URL's port; the message below says what is wrong with the answer.",
	},
	{
		code:    ErrorSigning,
		summary: "The request could not be signed.",
		cause:   "The webhook has no secret that signs at the moment.",
		advice:  "Rotate the webhook's secret, and give the receiver the new one.",
	},
	{
		code:    ErrorPayload,
		summary: "The webhook's payload template makes a body that is too long.",
		cause:   "The template copies much of a large event, or copies it several times. Nothing was sent.",
		advice:  "Let the template copy less, and then retry the delivery: a retry by hand uses the current template.",
	},
	{
		code: ErrorOAuthToken, says: "invalid_client",
		summary: "The token server did not accept the webhook's client ID and secret.",
		cause:   "The client secret was changed or has expired at the token server, or the client ID is misspelt.",
		advice:  "Set the current client secret in the webhook's authentication. Some token servers want it in the body: then set clientAuthentication to CLIENT_SECRET_POST.",
	},
	{
		code: ErrorOAuthToken, says: "answered with status",
		summary: "The token server refused to issue an access token.",
		cause:   "The token server does not know the scope or the audience, does not allow this client to use client credentials, or limits how often it is asked.",
		advice:  "Read the status and the error in the message below, and compare the webhook's authentication with the token server's settings.",
	},
	{
		code: ErrorOAuthToken, says: "no access token in it",
		summary: "The token server's answer has no usable access token.",
		cause:   "The token URL is not that of a token server, or it issues tokens of another type than Bearer.",
		advice:  "Check the token URL in the webhook's authentication.",
	},
	{
		code:    ErrorOAuthToken,
		summary: "No access token could be fetched from the token server.",
		cause:   "The token server cannot be reached, or it does not answer in time. Nothing was sent to the receiver.",
		advice:  "Check the token URL in the webhook's authentication, and the token server. Its address must be one that this server may send to.",
	},
	{
		code: ErrorClientCertificate, says: "has expired",
		summary: "The webhook's client certificate has expired.",
		cause:   "The certificate was not renewed in time, and the receiver refused it.",
		advice:  "Set the renewed certificate in the webhook's authentication.",
	},
	{
		code:    ErrorClientCertificate,
		summary: "The receiver did not accept the webhook's client certificate.",
		cause:   "The receiver does not trust the authority that issued it, the chain is incomplete, or it was revoked.",
		advice:  "Compare the fingerprint and the issuer in the webhook's authentication with what the receiver accepts.",
	},
}

// Explain explains a failed attempt of d; nil if it succeeded.
func Explain(a *Attempt, d *Delivery) *Explanation {
	if a.Status != AttemptFailed || a.Error == nil {
		return nil
	}
	r := reasonOf(a)
	summary := r.summary
	if summary == "" {
		summary = statusSummary(a.ResponseStatus)
	}
	return &Explanation{Summary: summary, Cause: r.cause, Advice: r.advice, Next: whatFollows(a, d)}
}

func reasonOf(a *Attempt) *reason {
	for i := range reasons {
		r := &reasons[i]
		if r.code != *a.Error || !strings.Contains(a.Message, r.says) {
			continue
		}
		if r.from == 0 || a.ResponseStatus != nil && r.from <= *a.ResponseStatus && *a.ResponseStatus <= r.to {
			return r
		}
	}
	// An attempt that a newer version recorded.
	return &reason{
		summary: "The attempt failed.",
		cause:   "This version of Hookgraph does not know the reason.",
		advice:  "Read the message and the response below.",
	}
}

func statusSummary(status *int) string {
	if status == nil {
		return "The receiver did not answer with a status of 2xx."
	}
	if text := http.StatusText(*status); text != "" {
		return fmt.Sprintf("The receiver answered %d %s.", *status, text)
	}
	return fmt.Sprintf("The receiver answered %d.", *status)
}

// whatFollows says what happens to a delivery after the attempt a.
func whatFollows(a *Attempt, d *Delivery) string {
	switch {
	case d == nil:
		return "The delivery is no longer stored."
	case a.Number < d.AttemptCount:
		return fmt.Sprintf("Attempt %d was made after it.", a.Number+1)
	}
	switch d.Status {
	case Held:
		return "The webhook is disabled, so the delivery is held. Enabling the webhook makes the next attempt."
	case DeliveryFailed:
		switch {
		case d.FailureReason != nil && *d.FailureReason == FailureExpired:
			return "The event's expiresAt has passed, or the delivery was due for longer than this server allows. Nothing happens until someone retries it."
		case d.FailureReason != nil && *d.FailureReason == FailureStatus:
			return "The webhook's noRetryStatuses has this status, so no retry follows. Nothing happens until someone retries the delivery."
		}
		return "The retry schedule is exhausted. Nothing happens until someone retries the delivery."
	case Canceled:
		return "The delivery was canceled. Nothing happens until someone retries it."
	case DeliverySucceeded:
		return "The delivery succeeded."
	}
	if d.NextAttemptAt == nil {
		return "The next attempt is running."
	}
	return "The next attempt is due at " + d.NextAttemptAt.UTC().Format(time.RFC3339) + "."
}
