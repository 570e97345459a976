package webhook

import "testing"

// An entry of a request has the client's address and the request's id; one of the server or a command has neither, rather than empty texts.
func TestAuditEntryOutsideOfRequests(t *testing.T) {
	server := AuditEntry{Actor: Actor{Kind: ActorServer}}
	if server.Address() != nil || server.RequestID() != nil {
		t.Errorf("an entry of the server: address %v, request %v", server.Address(), server.RequestID())
	}
	call := AuditEntry{Actor: Actor{Kind: ActorTenant, Address: "192.0.2.1", RequestID: "req-1"}}
	if a, id := call.Address(), call.RequestID(); a == nil || *a != "192.0.2.1" || id == nil || *id != "req-1" {
		t.Errorf("an entry of a request: address %v, request %v", a, id)
	}
}
