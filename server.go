// Command hookgraph is a self-hosted webhook service with a GraphQL API. internal/cli reads the command line, internal/app
// wires and runs the server.
package main

import (
	"os"

	"github.com/hookgraph/hookgraph/internal/app"
)

func main() { os.Exit(app.Main()) }
