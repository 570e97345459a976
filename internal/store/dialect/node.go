package dialect

import "time"

// Process describes this process to operators, who see it among the nodes.
type Process struct {
	Host, Version string
}

// MaxNodes is the maximum number of nodes that ReadNodes returns.
const MaxNodes = 50

// Node is a process that may hold claims, or did. A process that has lost its lease, and joined again, is another node.
type Node struct {
	Process

	Seq        int64
	This       bool // it is this process
	StartedAt  time.Time
	SeenAt     time.Time  // when it renewed its lease
	ExpiresAt  *time.Time // the end of its lease; nil if it has ended, or its claims do not depend on a lease
	EndedAt    *time.Time // when its claims were given back, or taken from it; nil while it may hold claims
	Stopped    bool       // it has given them back itself
	Deliveries int        // that it had claimed when it renewed its lease; 0 once it has ended
}
